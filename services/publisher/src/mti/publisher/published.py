"""What a workspace holds of one id, and how that changes. Pure."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict

from mti.common.registry import Feed
from mti.publisher.item import Item

OBJECT_REFUSED = "ObjectRefused"
PURGED = "Purged"
"""The reason of what a person dropped before the workspace had it."""


class Refusal(BaseModel):
    """The newest version that Sentinel refused, with its own words, or that a person purged."""

    model_config = ConfigDict(frozen=True)

    version: AwareDatetime
    reason: str
    description: str
    valid_until: AwareDatetime | None = None
    """Of that version: until then somebody may ask where it is."""


class Published(BaseModel):
    """One id in one workspace. The version of an object is its `modified`."""

    model_config = ConfigDict(frozen=True)

    version: AwareDatetime | None = None
    """The newest that the workspace accepted; `None` when it never accepted one."""
    valid_until: AwareDatetime | None = None
    revoked: bool = False
    """The id was withdrawn and is spent: nothing may bring it back."""
    feed: Feed | None = None
    """Of the source whose version the workspace holds."""
    source: str | None = None
    accepted: int = 0
    """Distinct versions that were accepted, and once more for each workspace that was built anew: the rows that were
    paid for."""
    passed: AwareDatetime | None = None
    """The newest version that was passed over, since the workspace needs it not: another source's version covers it,
    or the id is spent."""
    rebuilt: str | None = None
    """The last backfill that gave it to a workspace that was built anew."""
    refused: Refusal | None = None
    """Set while the newest version that was tried is a refused one."""

    def settles(self, version: datetime) -> bool:
        """Say whether the workspace needs no upload of that version: it holds it or a newer one, or passed it over."""
        return any(known is not None and known >= version for known in (self.version, self.passed))


@dataclass(frozen=True, slots=True)
class Accept:
    """The workspace has it."""

    item: Item


@dataclass(frozen=True, slots=True)
class Refuse:
    """Sentinel refused it; or, by its reason, a person purged it."""

    item: Item
    description: str
    reason: str = OBJECT_REFUSED


@dataclass(frozen=True, slots=True)
class PassOver:
    """It is not needed."""

    item: Item


Change = Accept | Refuse | PassOver


def after(known: Published | None, change: Change) -> Published:
    """Return what is known after a change. The order of changes does not matter: the newest version wins."""
    before = known or Published()
    found = change.item.object
    version = found.modified
    if isinstance(change, PassOver):
        return before.model_copy(update={"passed": max(version, before.passed or version)})
    if isinstance(change, Refuse):
        if before.refused is not None and before.refused.version > version:
            return before
        if change.reason == PURGED and _has_a_word_on(before, version):
            return before
        refusal = Refusal(
            version=version, reason=change.reason, description=change.description, valid_until=found.valid_until
        )
        return before.model_copy(update={"refused": refusal})
    if before.version is not None and before.version > version:
        return before
    rebuilt = change.item.rebuilt or before.rebuilt
    still_refused = before.refused is not None and before.refused.version > version
    return Published(
        version=version,
        valid_until=found.valid_until,
        revoked=before.revoked or bool(found.revoked),
        feed=change.item.feed,
        source=change.item.source,
        accepted=before.accepted + (before.version != version or before.rebuilt != rebuilt),
        passed=before.passed,
        rebuilt=rebuilt,
        refused=before.refused if still_refused else None,
    )


def _has_a_word_on(known: Published, version: datetime) -> bool:
    """Say whether it is known what became of a version, so that purging a message that holds it changes nothing."""
    return known.revoked or known.settles(version) or (known.refused is not None and known.refused.version >= version)
