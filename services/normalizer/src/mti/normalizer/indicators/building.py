"""From what is known of an indicator to the STIX 2.1 object that Sentinel gets.

Nothing here comes from the wall clock: the same known indicator under the same policy gives the same object, so a
second try and a backfill repeat what was sent.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from msgspec import UNSET, to_builtins

from mti.common.contracts import EXTENSION_ID, Indicator, pattern_of, timestamp
from mti.common.contracts.written_indicator import WrittenFacts, WrittenIndicator, WrittenReference
from mti.common.registry import Feed, IndicatorPolicy, Tlp
from mti.normalizer.facts import Facts, extension_of
from mti.normalizer.observables import HASH_KEYS
from mti.normalizer.records import KnownIndicator

TLP_MARKINGS: Final = {
    Tlp.WHITE: "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
    Tlp.GREEN: "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
    Tlp.AMBER: "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
    Tlp.RED: "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
}
"""https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html#_yd3ar14ekwrs"""

NAME_LIMIT = 160
_THINGS = {
    "url:value": "URL",
    "domain-name:value": "domain",
    "ipv4-addr:value": "address",
    "ipv6-addr:value": "address",
    "email-addr:value": "email address",
}


def build(known: KnownIndicator, policy: IndicatorPolicy, feed: Feed, region: str) -> Indicator:
    """Return the indicator in the version that is described; see `IndicatorWriter`."""
    return Indicator.model_validate(to_builtins(IndicatorWriter(policy, feed, region).write(known)))


class IndicatorWriter:
    """Writes indicators of one source as one policy has them. What all of them share is made once.

    Args:
        policy: for confidence, marking and names.
        feed: of the source.
        region: of the source.
    """

    def __init__(self, policy: IndicatorPolicy, feed: Feed, region: str) -> None:
        self._policy = policy
        self._markings = (TLP_MARKINGS[policy.tlp],)
        self._feed = feed.value
        self._region = region
        self._origin = f"Detected by Mimecast (feed {feed}, region {region})"
        self._labels = ("mimecast", f"feed:{feed}", f"region:{region}")

    def write(self, known: KnownIndicator) -> WrittenIndicator:
        """Return the indicator in the version that is described, as it is written."""
        facts = known.facts.redacted_by(self._policy)
        created = timestamp(known.created)
        version = created if known.version == known.created else timestamp(known.version)
        mimecast_id = facts.mimecast_id
        key, value = known.observable
        return WrittenIndicator(
            id=known.id,
            created=created,
            modified=version,
            name=_name(key, value, facts),
            description=_description(self._origin, facts, known.sightings, created, version),
            pattern=pattern_of(key, value),
            valid_from=created,
            valid_until=timestamp(known.valid_until),
            confidence=self._policy.confidence,
            labels=_joined(self._labels, facts.labels),
            object_marking_refs=self._markings,
            external_references=() if mimecast_id is None else (WrittenReference(mimecast_id, "Mimecast"),),
            extensions={EXTENSION_ID: self._extension(facts, known.sightings)},
        )

    def _extension(self, facts: Facts, sightings: int) -> WrittenFacts:
        """Return what the description says, for queries. When it was seen is in the indicator's own fields."""
        extension = facts.extension or extension_of(facts.name)
        return WrittenFacts(
            feed=self._feed,
            region=self._region,
            times_seen=sightings,
            file_name=UNSET if facts.name is None else facts.name,
            file_extension=UNSET if extension is None else extension,
            file_size=UNSET if facts.size is None else facts.size,
            mime_type=UNSET if facts.mime_type is None else facts.mime_type,
            sending_ip=UNSET if facts.sender_ip is None else facts.sender_ip,
            other_hashes=_longest_first(facts.siblings) if facts.siblings else UNSET,
        )


@lru_cache(maxsize=256)
def _joined(ours: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...]:
    """Return labels, each once."""
    return tuple(dict.fromkeys((*ours, *theirs)))


def _longest_first(hashes: Sequence[str]) -> list[str]:
    return sorted(hashes, key=lambda value: (-len(value), value))


def _name(key: str, value: str, facts: Facts) -> str:
    if key not in HASH_KEYS:
        text = f"Mimecast: malicious {_THINGS[key]} {value}"
    elif facts.name is not None:
        text = f"Mimecast: malicious file {facts.name}"
    elif facts.extension is not None:
        text = f"Mimecast: malicious .{facts.extension} file {value[:12]}…"
    else:
        text = f"Mimecast: malicious file {value[:12]}…"
    return text if len(text) <= NAME_LIMIT else f"{text[: NAME_LIMIT - 1]}…"


def _description(origin: str, facts: Facts, sightings: int, created: str, version: str) -> str:
    text = origin
    if facts.name is not None:
        text += f". File or subject: {facts.name}"
    elif facts.extension is not None:
        text += f". File extension: {facts.extension}"
    if facts.size is not None:
        text += f". Size: {facts.size} bytes"
    if facts.mime_type is not None:
        text += f". Type: {facts.mime_type}"
    if facts.sender_ip is not None:
        text += f". Sent from: {facts.sender_ip}"
    times = "once" if sightings == 1 else f"{sightings} times"
    return f"{text}. Seen at least {times}. First seen: {created}. Last seen: {version}."
