"""How what a workspace holds of one observable changes: by an answer of Sentinel's, or by a person's word. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mti.common.contracts import Carried, Indicator
from mti.publisher.records.item import Item
from mti.publisher.records.published import NOTHING, STEP, Backing, Held, Published, Refusal, content_of

_NONE: Final = Backing()
OBJECT_REFUSED: Final = "ObjectRefused"
PURGED: Final = "Purged"
"""The reason of what a person dropped before the workspace had it."""


class Accept(Struct, frozen=True, gc=False):
    """The workspace has it, under the id of the item's generation."""

    item: Item
    seen: Held | None = None
    """What was held when it was decided to upload it; `None` when nobody else can have been there since."""
    all_the_same: bool = False
    """Whether its source was known to be withdrawn when that was decided: another one backs what is held of it."""

    @property
    def id(self) -> str:
        """The observable's own id."""
        return self.item.own


@dataclass(frozen=True, slots=True)
class Refuse:
    """Sentinel refused it; or, by its reason, a person purged it."""

    id: str
    """The observable's own id."""
    object: Carried | Indicator
    """The version that was refused."""
    description: str
    reason: str = OBJECT_REFUSED


class PassOver(Struct, frozen=True, gc=False):
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
    """A person lets it come back: all of it, or what some sources bring from now on. Where it was withdrawn before the
    workspace joined, its books learn of it by the lift alone.
    """

    id: str
    at: datetime
    sources: Collection[str] | None = None
    """`None` is everyone."""


Change = Accept | Refuse | PassOver | Withdraw | Lift


def after(known: Published | None, change: Change) -> Published:
    """Return what is known after a change. The order of uploads does not matter: the newest version wins."""
    before = NOTHING if known is None else known
    if isinstance(change, Accept):
        return _after_acceptance(before, change)
    if isinstance(change, Withdraw):
        return _after_withdrawal(before, change)
    if isinstance(change, Lift):
        return _after_lift(before, change)
    if isinstance(change, Refuse):
        return _after_refusal(before, change)
    version = change.item.object.modified
    passed = max(version, before.passed or version)
    return replace(before, passed=passed, sources=_backed(before, change.item))


def _after_withdrawal(before: Published, change: Withdraw) -> Published:
    if change.sources is None:
        return before if before.withdrawn is not None else replace(before, withdrawn=change.at)
    sources = dict(before.sources)
    for name, brought in change.sources.items():
        known = sources.get(name, brought)
        if known.withdrawn is None:
            sources[name] = replace(known, withdrawn=change.at)
    return replace(before, sources=sources)


def _after_lift(before: Published, change: Lift) -> Published:
    """Forget what the sources brought before they were withdrawn: only what they bring from now on counts.

    A workspace that joined since has no such order in its books. Then it is noted that there was a lift, so that nobody
    misses there what was made before it.
    """
    lifted = [
        name
        for name, backing in before.sources.items()
        if backing.withdrawn is not None and (change.sources is None or name in change.sources)
    ]
    everyone = change.sources is None and before.withdrawn is not None
    if not lifted and not everyone and before.lifted is not None:
        return before
    kept = {} if everyone else {name: backing for name, backing in before.sources.items() if name not in lifted}
    withdrawn = None if change.sources is None else before.withdrawn
    # Detections may be dated ahead, and then so is what revoked them: it is from before the lift all the same.
    dated = [change.at, *(moment + STEP for moment in (before.version, before.lifted) if moment is not None)]
    # What was passed over since it was withdrawn is not had; what others have covered is.
    passed = before.passed if before.alive else None
    return replace(before, sources=kept, withdrawn=withdrawn, lifted=max(dated), passed=passed)


def _after_refusal(before: Published, change: Refuse) -> Published:
    indicator = change.object
    version = indicator.modified
    if before.refused is not None and before.refused.version > version:
        return before
    if change.reason == PURGED and _has_a_word_on(before, version):
        return before
    refusal = Refusal(
        version=version, reason=change.reason, description=change.description, valid_until=indicator.valid_until
    )
    return replace(before, refused=refusal)


def _after_acceptance(before: Published, change: Accept) -> Published:
    return plainly_accepted(before, change) or accepted_in_any_case(before, change)


def plainly_accepted(before: Published, change: Accept) -> Published | None:
    """Return what is known after nearly every acceptance: of a version that is newer than what the workspace has, if it
    has any, where nothing was withdrawn or refused and nobody else was there in between. `None` for any other.

    It is what `accepted_in_any_case` would return, in fewer steps.
    """
    item, seen = change.item, change.seen
    indicator, source, sources = item.object, item.source, before.sources
    version, known = indicator.modified, sources.get(source, _NONE)
    plain = (
        (before.version is None or before.version < version)
        and before.generation == item.generation
        and (seen is None or seen == before.held)
        and not (item.withdraws or before.revoked or before.unsure)
        and before.withdrawn is None
        and before.refused is None
        and known.withdrawn is None
        and (known.version is None or known.version < version)
    )
    if not plain:
        return None
    return replace(
        before,
        version=version,
        valid_until=indicator.valid_until,
        feed=item.feed,
        source=source,
        content=content_of(indicator),
        sources={**sources, source: Backing(version=version, valid_until=indicator.valid_until)},
        accepted=before.accepted + 1,
        rebuilt=item.rebuilt or before.rebuilt,
    )


def accepted_in_any_case(before: Published, change: Accept) -> Published:
    """Return what is known after an acceptance."""
    accepted = _with_what_was_accepted(before, change.item)
    disturbed = change.seen is not None and change.seen != before.held
    withdrawn = accepted.alive and accepted.is_withdrawn_from(change.item.source) and not change.all_the_same
    other = before.unsure and accepted.generation != change.item.generation
    unsure = disturbed or withdrawn or other
    if not disturbed and unsure == accepted.unsure:
        return accepted
    return replace(accepted, disturbed=accepted.disturbed + disturbed, unsure=unsure)


def _with_what_was_accepted(before: Published, item: Item) -> Published:
    indicator, generation, withdraws = item.object, item.generation, item.withdraws
    version = indicator.modified
    sources = _backed(before, item)
    spent = before.revoked and not withdraws
    if before.version is not None and (
        before.generation > generation or (before.generation == generation and (spent or before.version > version))
    ):
        return replace(before, sources=sources)
    rebuilt = item.rebuilt or before.rebuilt
    again = before.version == version and before.generation == generation and before.rebuilt == rebuilt
    still_refused = before.refused is not None and before.refused.version > version
    return replace(
        before,
        generation=generation,
        version=version,
        valid_until=indicator.valid_until,
        revoked=withdraws,
        feed=before.feed if withdraws and before.feed else item.feed,
        source=before.source if withdraws and before.source else item.source,
        content=content_of(indicator),
        sources=sources,
        accepted=before.accepted + (not again),
        rebuilt=rebuilt,
        refused=before.refused if still_refused else None,
    )


def _backed(before: Published, item: Item) -> dict[str, Backing]:
    """Return the sources, with what an item says of its own."""
    if item.withdraws:
        return before.sources
    known = before.sources.get(item.source, _NONE)
    if known.version is not None and known.version >= item.object.modified:
        return before.sources
    backing = Backing(version=item.object.modified, valid_until=item.object.valid_until, withdrawn=known.withdrawn)
    return {**before.sources, item.source: backing}


def _has_a_word_on(known: Published, version: datetime) -> bool:
    """Say whether it is known what became of a version, so that purging a message that holds it changes nothing."""
    return known.revoked or known.settles(version) or (known.refused is not None and known.refused.version >= version)
