"""What a workspace holds of one observable. Pure.

These are the books that everything about a workspace is decided by: which version it holds and under which generation
of the id, which sources gave it, which of them a person withdrew, whether the id is spent. Neither the tenants file of
today nor another service's memory is asked.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Annotated, Final, Self

import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.structs import replace

from mti.common.contracts import Carried, Indicator, id_in
from mti.common.ports.store import Document, json_of
from mti.common.registry import Feed

STEP: Final = timedelta(milliseconds=1)
"""The precision of a STIX timestamp here: a revocation is at least so much newer than what it revokes."""

NO_CONTENT: Final = Raw()
"""Of what a workspace never got."""
Moment = Annotated[datetime, Meta(tz=True)]


class Refusal(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The newest version that Sentinel refused, with its own words, or that a person purged."""

    version: Moment
    reason: str
    description: str
    valid_until: Moment | None = None
    """Of that version: until then somebody may ask where it is."""


class Backing(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What one source has given a workspace of the observable."""

    version: Moment | None = None
    """The newest that it brought, whether it was uploaded or the workspace needed it not."""
    valid_until: Moment | None = None
    """Of that version."""
    withdrawn: Moment | None = None
    """Since when a person has withdrawn what this source brings here."""


class Published(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One observable in one workspace. The version of an object is its `modified`."""

    generation: int = 0
    """Of the id that the workspace was given last."""
    version: Moment | None = None
    """The newest that the workspace accepted under that id; `None` when it never accepted one."""
    valid_until: Moment | None = None
    revoked: bool = False
    """The id was withdrawn and is spent: what comes back comes under the next generation's."""
    feed: Feed | None = None
    """Of the source whose version the workspace holds."""
    source: str | None = None
    content: Raw = NO_CONTENT
    """Of the object that it holds, as JSON: all fields but id and versions. Made to revoke it, or to send it again."""
    sources: dict[str, Backing] = {}
    """Which sources gave it, by id."""
    withdrawn: Moment | None = None
    """Since when a person has withdrawn the observable, whoever brings it."""
    lifted: Moment | None = None
    """When a withdrawal was lifted last: revocations from before are void, and what was made before it is missed by
    nobody until it is seen again or backfilled."""
    accepted: int = 0
    """Distinct versions that were accepted, and once more for each workspace that was built anew: the rows that were
    paid for."""
    passed: Moment | None = None
    """The newest version that was passed over, since the workspace needs it not: another source's version covers it,
    or it is withdrawn."""
    rebuilt: str | None = None
    """The last backfill that gave it to a workspace that was built anew."""
    refused: Refusal | None = None
    """Set while the newest version that was tried is a refused one."""
    disturbed: int = 0
    """How often somebody else had been there in between when an answer was entered."""
    unsure: bool = False
    """It was disturbed, or withdrawn while it was uploaded, and nothing has made that good yet: Sentinel keeps what
    came last, and that may be something else than these books say."""

    @staticmethod
    def of(document: Document) -> "Published":
        """Read what the store keeps of it.

        Raises:
            msgspec.ValidationError: it is no document of the books.
        """
        return _DECODER.decode(_ENCODE(document.body) if document.text is None else document.text)

    def settles(self, version: datetime) -> bool:
        """Say whether the workspace needs no upload of that version: it holds it or a newer one, or passed it over."""
        return any(known is not None and known >= version for known in (self.version, self.passed))

    @property
    def alive(self) -> bool:
        """Whether the workspace holds it, not revoked."""
        return self.version is not None and not self.revoked

    @property
    def pattern(self) -> str | None:
        """Of the object that it holds; `None` where it never got one."""
        return str(json_of(self.content)["pattern"]) if self.content else None

    def is_withdrawn_from(self, source: str) -> bool:
        """Say whether a person has withdrawn what that source brings here."""
        backing = self.sources.get(source)
        return self.withdrawn is not None or (backing is not None and backing.withdrawn is not None)

    @property
    def is_withdrawn(self) -> bool:
        """Whether a person has withdrawn anything of it here."""
        if self.withdrawn is not None:
            return True
        for backing in self.sources.values():  # noqa: SIM110  a generator costs more than all else of this
            if backing.withdrawn is not None:
                return True
        return False

    def is_backed(self, routed: Collection[str], moment: datetime) -> bool:
        """Say whether any source that is routed here still wants it at that moment, by what it brought."""
        if self.withdrawn is not None:
            return False
        return any(
            name in routed
            and backing.withdrawn is None
            and backing.valid_until is not None
            and backing.valid_until > moment
            for name, backing in self.sources.items()
        )

    def knows(self, source: str, version: datetime) -> bool:
        """Say whether passing over a version that a source brings would tell these books nothing new."""
        backing = self.sources.get(source)
        brought = backing is not None and backing.version is not None and backing.version >= version
        return brought and self.settles(version)

    def changed(self, **fields: object) -> Self:
        """Return it with other fields."""
        return replace(self, **fields)

    @property
    def text(self) -> bytes:
        """What the store keeps of it: its fields as JSON, without what is unset or as it always begins."""
        return _ENCODE(self)

    @property
    def held(self) -> "Held":
        """What an upload changes: where it differs from what it was, somebody else has uploaded in between."""
        return self.generation, self.version, self.revoked, self.accepted, self.disturbed


_ENCODE: Final = msgspec.json.Encoder().encode
_DECODER: Final = msgspec.json.Decoder(Published)

NOTHING: Final = Published()
"""Of an observable that a workspace never saw."""

Held = tuple[int, datetime | None, bool, int, int]
"""See `Published.held`."""


def content_of(indicator: Carried) -> Raw:
    """Return all of an object that is not id or version, as JSON, without what an object is anyhow."""
    return Raw(indicator.content)


def held_object(own: str, known: Published) -> Carried | None:
    """Return the object that a workspace holds, as it was uploaded; `None` where it holds none.

    Args:
        own: the observable's own id.
        known: the books of it.
    """
    if not known.content or known.version is None or known.valid_until is None:
        return None
    indicator = Indicator.model_validate(
        {**json_of(known.content), "id": own, "modified": known.version, "valid_until": known.valid_until}
    )
    id = id_in(own, indicator.pattern, known.generation)
    return Carried.of(indicator.model_copy(update={"id": id, "revoked": True if known.revoked else None}))
