"""What a workspace holds of one observable, and how that changes. Pure.

These are the books that everything about a workspace is decided by: which version it holds and under which generation
of the id, which sources gave it, which of them a person withdrew, whether the id is spent. Neither the tenants file of
today nor another service's memory is asked.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from mti.common.contracts import Indicator, id_in
from mti.common.registry import Feed
from mti.publisher.records.item import Item

STEP: Final = timedelta(milliseconds=1)
"""The precision of a STIX timestamp here: a revocation is at least so much newer than what it revokes."""

OBJECT_REFUSED = "ObjectRefused"
PURGED = "Purged"
"""The reason of what a person dropped before the workspace had it."""

_VARIES: Final = {"id", "modified", "valid_until", "revoked"}
"""Fields of an object that the books hold beside its content."""


class Refusal(BaseModel):
    """The newest version that Sentinel refused, with its own words, or that a person purged."""

    model_config = ConfigDict(frozen=True)

    version: AwareDatetime
    reason: str
    description: str
    valid_until: AwareDatetime | None = None
    """Of that version: until then somebody may ask where it is."""


class Backing(BaseModel):
    """What one source has given a workspace of the observable."""

    model_config = ConfigDict(frozen=True)

    version: AwareDatetime | None = None
    """The newest that it brought, whether it was uploaded or the workspace needed it not."""
    valid_until: AwareDatetime | None = None
    """Of that version."""
    withdrawn: AwareDatetime | None = None
    """Since when a person has withdrawn what this source brings here."""


class Published(BaseModel):
    """One observable in one workspace. The version of an object is its `modified`."""

    model_config = ConfigDict(frozen=True)

    generation: int = 0
    """Of the id that the workspace was given last."""
    version: AwareDatetime | None = None
    """The newest that the workspace accepted under that id; `None` when it never accepted one."""
    valid_until: AwareDatetime | None = None
    revoked: bool = False
    """The id was withdrawn and is spent: what comes back comes under the next generation's."""
    feed: Feed | None = None
    """Of the source whose version the workspace holds."""
    source: str | None = None
    content: Mapping[str, JsonValue] | None = None
    """Of the object that it holds: all fields but id and versions. Made to revoke it, or to send it again."""
    sources: Mapping[str, Backing] = Field(default_factory=dict)
    """Which sources gave it, by id."""
    withdrawn: AwareDatetime | None = None
    """Since when a person has withdrawn the observable, whoever brings it."""
    lifted: AwareDatetime | None = None
    """When a withdrawal was lifted last: revocations from before are void."""
    accepted: int = 0
    """Distinct versions that were accepted, and once more for each workspace that was built anew: the rows that were
    paid for."""
    passed: AwareDatetime | None = None
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

    def settles(self, version: datetime) -> bool:
        """Say whether the workspace needs no upload of that version: it holds it or a newer one, or passed it over."""
        return any(known is not None and known >= version for known in (self.version, self.passed))

    @property
    def alive(self) -> bool:
        """Whether the workspace holds it, not revoked."""
        return self.version is not None and not self.revoked

    def is_withdrawn_from(self, source: str) -> bool:
        """Say whether a person has withdrawn what that source brings here."""
        backing = self.sources.get(source)
        return self.withdrawn is not None or (backing is not None and backing.withdrawn is not None)

    @property
    def is_withdrawn(self) -> bool:
        """Whether a person has withdrawn anything of it here."""
        return self.withdrawn is not None or any(found.withdrawn is not None for found in self.sources.values())

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

    def knows(self, item: Item) -> bool:
        """Say whether passing an item over would tell these books nothing new."""
        backing = self.sources.get(item.source)
        version = item.object.modified
        told = backing is not None and backing.version is not None and backing.version >= version
        return told and self.settles(version)

    @property
    def held(self) -> "Held":
        """What an upload changes: where it differs from what it was, somebody else has uploaded in between."""
        return self.generation, self.version, self.revoked, self.accepted, self.disturbed


Held = tuple[int, datetime | None, bool, int, int]
"""See `Published.held`."""


@dataclass(frozen=True, slots=True)
class Accept:
    """The workspace has it, under the id of the item's generation."""

    item: Item
    seen: Held | None = None
    """What was held when it was decided to upload it; `None` when nobody else can have been there since."""

    @property
    def id(self) -> str:
        """The observable's own id."""
        return self.item.own


@dataclass(frozen=True, slots=True)
class Refuse:
    """Sentinel refused it; or, by its reason, a person purged it."""

    item: Item
    description: str
    reason: str = OBJECT_REFUSED

    @property
    def id(self) -> str:
        """The observable's own id."""
        return self.item.own


@dataclass(frozen=True, slots=True)
class PassOver:
    """It is not needed."""

    item: Item

    @property
    def id(self) -> str:
        """The observable's own id."""
        return self.item.own


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """A person withdraws it: all of it, or what some sources brought. What is withdrawn already stays so."""

    id: str
    at: datetime
    sources: Mapping[str, Backing] | None = field(default=None)
    """With what each is known to have brought, should the workspace not have got it yet; `None` is everyone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """A person lets it come back: all of it, or what some sources bring from now on."""

    id: str
    at: datetime
    sources: Collection[str] | None = None
    """`None` is everyone."""


Change = Accept | Refuse | PassOver | Withdraw | Lift


def after(known: Published | None, change: Change) -> Published:
    """Return what is known after a change. The order of uploads does not matter: the newest version wins."""
    before = known or Published()
    if isinstance(change, Withdraw):
        return _after_withdrawal(before, change)
    if isinstance(change, Lift):
        return _after_lift(before, change)
    if isinstance(change, PassOver):
        version = change.item.object.modified
        passed = max(version, before.passed or version)
        return before.model_copy(update={"passed": passed, "sources": _backed(before, change.item)})
    if isinstance(change, Refuse):
        return _after_refusal(before, change)
    found = _after_acceptance(before, change.item)
    disturbed = change.seen is not None and change.seen != before.held
    withdrawn = found.alive and found.is_withdrawn_from(change.item.source)
    other = before.unsure and found.generation != change.item.generation
    unsure = disturbed or withdrawn or other
    return found.model_copy(update={"disturbed": found.disturbed + disturbed, "unsure": unsure})


def _after_withdrawal(before: Published, change: Withdraw) -> Published:
    if change.sources is None:
        return before if before.withdrawn is not None else before.model_copy(update={"withdrawn": change.at})
    sources = dict(before.sources)
    for name, brought in change.sources.items():
        known = sources.get(name, brought)
        if known.withdrawn is None:
            sources[name] = known.model_copy(update={"withdrawn": change.at})
    return before.model_copy(update={"sources": sources})


def _after_lift(before: Published, change: Lift) -> Published:
    """Forget what the sources brought before they were withdrawn: only what they bring from now on counts."""
    lifted = [
        name
        for name, backing in before.sources.items()
        if backing.withdrawn is not None and (change.sources is None or name in change.sources)
    ]
    everyone = change.sources is None and before.withdrawn is not None
    if not lifted and not everyone:
        return before
    kept = {} if everyone else {name: backing for name, backing in before.sources.items() if name not in lifted}
    withdrawn = None if change.sources is None else before.withdrawn
    # Detections may be dated ahead, and then so is what revoked them: it is from before the lift all the same.
    dated = [change.at, *(moment + STEP for moment in (before.version, before.lifted) if moment is not None)]
    # What was passed over since it was withdrawn is not had; what others have covered is.
    passed = before.passed if before.alive else None
    return before.model_copy(update={"sources": kept, "withdrawn": withdrawn, "lifted": max(dated), "passed": passed})


def _after_refusal(before: Published, change: Refuse) -> Published:
    found = change.item.object
    version = found.modified
    if before.refused is not None and before.refused.version > version:
        return before
    if change.reason == PURGED and _has_a_word_on(before, version):
        return before
    refusal = Refusal(
        version=version, reason=change.reason, description=change.description, valid_until=found.valid_until
    )
    return before.model_copy(update={"refused": refusal})


def _after_acceptance(before: Published, item: Item) -> Published:
    found, generation = item.object, item.generation
    version = found.modified
    sources = _backed(before, item)
    spent = before.revoked and not item.withdraws
    if before.version is not None and (
        before.generation > generation or (before.generation == generation and (spent or before.version > version))
    ):
        return before.model_copy(update={"sources": sources})
    rebuilt = item.rebuilt or before.rebuilt
    another = (before.generation, before.version, before.rebuilt) != (generation, version, rebuilt)
    still_refused = before.refused is not None and before.refused.version > version
    return before.model_copy(
        update={
            "generation": generation,
            "version": version,
            "valid_until": found.valid_until,
            "revoked": item.withdraws,
            "feed": before.feed if item.withdraws and before.feed else item.feed,
            "source": before.source if item.withdraws and before.source else item.source,
            "content": content_of(found),
            "sources": sources,
            "accepted": before.accepted + another,
            "rebuilt": rebuilt,
            "refused": before.refused if still_refused else None,
        }
    )


def _backed(before: Published, item: Item) -> Mapping[str, Backing]:
    """Return the sources, with what an item says of its own."""
    if item.withdraws:
        return before.sources
    known = before.sources.get(item.source, Backing())
    if known.version is not None and known.version >= item.object.modified:
        return before.sources
    backing = Backing(version=item.object.modified, valid_until=item.object.valid_until, withdrawn=known.withdrawn)
    return {**before.sources, item.source: backing}


def _has_a_word_on(known: Published, version: datetime) -> bool:
    """Say whether it is known what became of a version, so that purging a message that holds it changes nothing."""
    return known.revoked or known.settles(version) or (known.refused is not None and known.refused.version >= version)


def content_of(found: Indicator) -> dict[str, JsonValue]:
    """Return all of an object that is not id or version."""
    return found.model_dump(mode="json", exclude=_VARIES, exclude_defaults=True)


def held_object(own: str, known: Published) -> Indicator | None:
    """Return the object that a workspace holds, as it was uploaded; `None` where it holds none.

    Args:
        own: the observable's own id.
        known: the books of it.
    """
    if known.content is None or known.version is None or known.valid_until is None:
        return None
    found = Indicator.model_validate(
        {**known.content, "id": own, "modified": known.version, "valid_until": known.valid_until}
    )
    id = id_in(own, found.pattern, known.generation)
    return found.model_copy(update={"id": id, "revoked": True if known.revoked else None})
