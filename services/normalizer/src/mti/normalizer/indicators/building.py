"""From what is known of an indicator to the STIX 2.1 object that Sentinel gets.

Nothing here comes from the wall clock: the same known indicator under the same policy gives the same object, so a
second try and a backfill repeat what was sent.
"""

from functools import lru_cache
from typing import Final

from msgspec import UNSET, to_builtins

from mti.common.contracts import EXTENSION_ID, Indicator, pattern_of, timestamp
from mti.common.contracts.written_indicator import WrittenFacts, WrittenIndicator, WrittenReference
from mti.common.registry import Feed, IndicatorPolicy, Tlp
from mti.normalizer.facts import Facts, extension_of
from mti.normalizer.observables import HASH_KEYS, Observable
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
    """Return the indicator in the version that is described; see `write`."""
    return Indicator.model_validate(to_builtins(write(known, policy, feed, region)))


def write(known: KnownIndicator, policy: IndicatorPolicy, feed: Feed, region: str) -> WrittenIndicator:
    """Return the indicator in the version that is described, as it is written.

    Args:
        known: what is known.
        policy: for confidence, marking and names.
        feed: of the source.
        region: of the source.
    """
    facts = known.facts.redacted_by(policy)
    created = timestamp(known.created)
    version = created if known.version == known.created else timestamp(known.version)
    mimecast_id = facts.mimecast_id
    return WrittenIndicator(
        id=known.id,
        created=created,
        modified=version,
        name=_name(known.observable, facts),
        description=_description(known, facts, feed, region, created, version),
        pattern=pattern_of(known.observable.key, known.observable.value),
        valid_from=created,
        valid_until=timestamp(known.valid_until),
        confidence=policy.confidence,
        labels=_labels(feed, region, facts.labels),
        object_marking_refs=(TLP_MARKINGS[policy.tlp],),
        external_references=() if mimecast_id is None else (WrittenReference(mimecast_id, "Mimecast"),),
        extensions={EXTENSION_ID: _extension(known, facts, feed, region)},
    )


@lru_cache(maxsize=256)
def _labels(feed: Feed, region: str, labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(("mimecast", f"feed:{feed}", f"region:{region}", *labels)))


def _extension(known: KnownIndicator, facts: Facts, feed: Feed, region: str) -> WrittenFacts:
    """Return what the description says, for queries. When it was seen is in the indicator's own fields."""
    extension = facts.extension or extension_of(facts.name)
    return WrittenFacts(
        feed=feed.value,
        region=region,
        times_seen=known.sightings,
        file_name=UNSET if facts.name is None else facts.name,
        file_extension=UNSET if extension is None else extension,
        file_size=UNSET if facts.size is None else facts.size,
        mime_type=UNSET if facts.mime_type is None else facts.mime_type,
        sending_ip=UNSET if facts.sender_ip is None else facts.sender_ip,
        other_hashes=sorted(facts.siblings, key=lambda value: (-len(value), value)) or UNSET,
    )


def _name(observable: Observable, facts: Facts) -> str:
    if observable.key not in HASH_KEYS:
        text = f"Mimecast: malicious {_THINGS[observable.key]} {observable.value}"
    elif facts.name is not None:
        text = f"Mimecast: malicious file {facts.name}"
    elif facts.extension is not None:
        text = f"Mimecast: malicious .{facts.extension} file {observable.value[:12]}…"
    else:
        text = f"Mimecast: malicious file {observable.value[:12]}…"
    return text if len(text) <= NAME_LIMIT else f"{text[: NAME_LIMIT - 1]}…"


def _description(known: KnownIndicator, facts: Facts, feed: Feed, region: str, created: str, version: str) -> str:
    times = "once" if known.sightings == 1 else f"{known.sightings} times"
    parts = [f"Detected by Mimecast (feed {feed}, region {region})"]
    if facts.name is not None:
        parts.append(f"File or subject: {facts.name}")
    elif facts.extension is not None:
        parts.append(f"File extension: {facts.extension}")
    if facts.size is not None:
        parts.append(f"Size: {facts.size} bytes")
    if facts.mime_type is not None:
        parts.append(f"Type: {facts.mime_type}")
    if facts.sender_ip is not None:
        parts.append(f"Sent from: {facts.sender_ip}")
    parts.append(f"Seen at least {times}. First seen: {created}. Last seen: {version}.")
    return ". ".join(parts)
