"""What a person withdrew: observables that are not to be sent any more, for everyone or for one source.

These are a person's orders to the normalizer: what is withdrawn is rejected when it is seen. What each workspace holds,
and which of its ids are spent, is in the publisher's books and nowhere else. A withdrawal that is lifted is counted:
what is known of the observable from before does not suppress it when it is seen again.

A document, in the container `known`, partition `withdrawn|AUDIENCE` (`*` or a source), its id the observable's own::

    {"key": …, "value": …, "generation": 0, "withdrawn": "2026-…", "reason": …, "lifted": null}

`generation` is the number of lifts. It has no time to live: what was withdrawn stays so until somebody lifts it.

Each change of an audience is counted, when it is written, in its *mark*, by which a process sees that what it remembers
may be over: in the partition `~orders`, its id the audience, ``{"changes": 3}``.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from mti.common.errors import WriteConflict
from mti.common.ports.store import Container, Document, Key
from mti.common.races import until_won
from mti.normalizer.observables import Observable, indicator_id

EVERYONE: Final = "*"
"""The audience of a withdrawal that holds for all sources."""
_PREFIX: Final = "withdrawn|"
_MARKS: Final = "~orders"


class Withdrawal(BaseModel):
    """One observable for one audience."""

    model_config = ConfigDict(frozen=True)

    key: str
    value: str
    generation: int = 0
    """How often it was lifted."""
    withdrawn: AwareDatetime | None = None
    """Since when; `None` when it was lifted."""
    reason: str | None = None
    lifted: AwareDatetime | None = None

    @property
    def observable(self) -> Observable:
        """What it is about."""
        return Observable(self.key, self.value)


@dataclass(frozen=True, slots=True)
class Standing:
    """How an observable stands with a source."""

    withdrawn: bool = False
    generation: int = 0
    """How often a withdrawal of it was lifted, for everyone and for this source together."""

    def beside(self, other: "Standing") -> "Standing":
        """Return how it stands where it stands so for one audience, and so for the other."""
        return Standing(self.withdrawn or other.withdrawn, self.generation + other.generation)


UNTOUCHED: Final = Standing()


class Withdrawals:
    """The withdrawals in the store.

    Args:
        container: the store's container `known`.
    """

    def __init__(self, container: Container) -> None:
        self._container = container

    async def look_up(self, source: str, observables: Iterable[Observable]) -> dict[Observable, Standing]:
        """Return how those observables stand with a source; those that nobody ever withdrew are absent."""
        ids = {indicator_id(observable): observable for observable in observables}
        found = standings_in(await self._container.read_each(keys_of(audiences_of(source), ids)))
        return {ids[id]: standing for id, standing in found.items()}

    async def withdraw(
        self, audience: str, observables: Iterable[Observable], moment: datetime, reason: str | None
    ) -> None:
        """Withdraw observables; those that are withdrawn already stay as they are.

        Args:
            audience: `EVERYONE` or a source.
            observables: any number.
            moment: the time.
            reason: why, in a person's words.

        Raises:
            StoreUnavailable: the store does not answer, or others write the same.
        """
        ids = {indicator_id(observable): observable for observable in observables}

        def withdrawn(id: str, before: Withdrawal | None) -> Withdrawal | None:
            if before is not None and before.withdrawn is not None:
                return None
            generation = before.generation if before else 0
            observable = ids[id]
            return Withdrawal(
                key=observable.key, value=observable.value, generation=generation, withdrawn=moment, reason=reason
            )

        await self._change(audience, ids, withdrawn)

    async def lift(self, audience: str, observables: Iterable[Observable], moment: datetime) -> int:
        """Lift the withdrawal of observables for one audience, and return how many were withdrawn for it."""
        ids = {indicator_id(observable): observable for observable in observables}
        lifted: set[str] = set()

        def after(id: str, before: Withdrawal | None) -> Withdrawal | None:
            if before is None or before.withdrawn is None:
                return None
            lifted.add(id)
            return before.model_copy(
                update={"withdrawn": None, "lifted": moment, "generation": before.generation + 1, "reason": None}
            )

        await self._change(audience, ids, after)
        return len(lifted)

    async def forget_known(self, source: str, observables: Iterable[Observable], moment: datetime) -> None:
        """Let a source's next sightings count as new, though they were not withdrawn for the source as a whole: a
        workspace of it is to be given them again.
        """
        ids = {indicator_id(observable): observable for observable in observables}

        def counted(id: str, before: Withdrawal | None) -> Withdrawal | None:
            if before is not None and (before.withdrawn is not None or before.lifted == moment):
                return None
            observable, generation = ids[id], before.generation if before else 0
            return Withdrawal(key=observable.key, value=observable.value, generation=generation + 1, lifted=moment)

        await self._change(source, ids, counted)

    async def audiences(self) -> list[str]:
        """Return `EVERYONE` and the sources for which anything was ever withdrawn."""
        partitions = [partition async for partition in self._container.partitions()]
        return sorted(partition.removeprefix(_PREFIX) for partition in partitions if partition.startswith(_PREFIX))

    async def audiences_of(self, observable: Observable) -> list[str]:
        """Return the audiences for which an observable is withdrawn at this moment."""
        id = indicator_id(observable)
        documents = await self._container.read_each([(_PREFIX + audience, id) for audience in await self.audiences()])
        found = {key: Withdrawal.model_validate(document.body) for key, document in documents.items()}
        return sorted(
            partition.removeprefix(_PREFIX)
            for (partition, _), withdrawal in found.items()
            if withdrawal.withdrawn is not None
        )

    async def scan(self, audience: str) -> AsyncIterator[Withdrawal]:
        """Yield all that was ever withdrawn for an audience."""
        async for document in self._container.scan(_PREFIX + audience):
            yield Withdrawal.model_validate(document.body)

    async def standings(self, audience: str) -> AsyncIterator[tuple[str, Standing]]:
        """Yield how all stand that were ever withdrawn for an audience, with their own ids."""
        async for document in self._container.scan(_PREFIX + audience):
            yield document.id, _standing_in(document)

    async def _change(
        self,
        audience: str,
        ids: Iterable[str],
        after: Callable[[str, Withdrawal | None], Withdrawal | None],
    ) -> None:
        """Write what `after` makes of each document, which is nothing where it returns `None`; races are run again."""
        waiting = list(ids)

        async def attempt() -> None:
            nonlocal waiting
            there = await self._container.read_many(_PREFIX + audience, waiting)
            documents = [
                _document(audience, id, changed, document.etag if document else None)
                for id in waiting
                if (changed := after(id, _read(document := there.get(id)))) is not None
            ]
            written = await self._container.write_many(documents)
            waiting = [asked.id for asked, done in zip(documents, written, strict=True) if done is None]
            if waiting:
                raise WriteConflict(f"{len(waiting)} withdrawals are being written by somebody else as well")

        if waiting:
            await until_won(attempt)
            # Also where there was nothing left to write: an earlier try may have died before it came here.
            await until_won(lambda: self._mark(audience))

    async def _mark(self, audience: str) -> None:
        there = await self._container.read(_MARKS, audience)
        await self._container.write(
            Document(
                partition=_MARKS,
                id=audience,
                body={"changes": _changes(there) + 1},
                etag=None if there is None else there.etag,
            )
        )


def audiences_of(source: str) -> tuple[str, str]:
    """Return the audiences whose withdrawals hold for a source, in the order of its marks."""
    return EVERYONE, source


def keys_of(audiences: Iterable[str], ids: Collection[str]) -> list[Key]:
    """Return the keys of the documents that say how observables stand with audiences, by their own ids."""
    return [(_PREFIX + audience, id) for audience in audiences for id in ids]


def standings_in(documents: Mapping[Key, Document]) -> dict[str, Standing]:
    """Return the standings that stand in documents, among others, by the observables' own ids; those that nobody ever
    withdrew are absent.
    """
    return standings_among(
        {id: _standing_in(document)} for (partition, id), document in documents.items() if partition.startswith(_PREFIX)
    )


def standings_among(found: Iterable[Mapping[str, Standing]]) -> dict[str, Standing]:
    """Return how observables stand, by their own ids, with those of several audiences taken together."""
    together: dict[str, Standing] = {}
    for standings in found:
        for id, standing in standings.items():
            together[id] = standing.beside(together.get(id, UNTOUCHED))
    return together


def _standing_in(document: Document) -> Standing:
    withdrawal = Withdrawal.model_validate(document.body)
    return Standing(withdrawal.withdrawn is not None, withdrawal.generation)


def mark_keys(source: str) -> list[Key]:
    """Return the keys of the marks that matter to a source."""
    return [(_MARKS, audience) for audience in audiences_of(source)]


def marks_in(documents: Mapping[Key, Document], source: str) -> tuple[int, int]:
    """Return how often something was changed, for everyone and for the source, out of documents among others."""
    everyone, own = mark_keys(source)
    return _changes(documents.get(everyone)), _changes(documents.get(own))


def _changes(document: Document | None) -> int:
    changes = 0 if document is None else document.body["changes"]
    assert isinstance(changes, int)  # noqa: S101  only `_mark` writes there
    return changes


def _read(document: Document | None) -> Withdrawal | None:
    return None if document is None else Withdrawal.model_validate(document.body)


def _document(audience: str, id: str, withdrawal: Withdrawal, etag: str | None) -> Document:
    return Document(
        partition=_PREFIX + audience, id=id, body=withdrawal.model_dump(mode="json", exclude_none=True), etag=etag
    )
