"""What a person withdrew: observables that are not to be sent any more, for everyone or for one scope.

Sentinel keeps an id that was revoked, and a revoked id must not be used again. So a withdrawal names the generation of
the id that is spent (`identity`); lifting it moves to the next one, under which a later sighting is new.

A document, in the container `known`, partition `withdrawn|AUDIENCE` (`*` or a scope), its id that of the observable's
first indicator::

    {"key": …, "value": …, "generation": 0, "withdrawn": "2026-…", "reason": …, "lifted": null}

It has no time to live: what was withdrawn stays so until somebody lifts it.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from mti.common.errors import StoreUnavailable
from mti.common.ports.store import Container, Document
from mti.normalizer.identity import indicator_id
from mti.normalizer.parsing import Observable

EVERYONE: Final = "*"
"""The audience of a withdrawal that holds for all scopes."""
_PREFIX: Final = "withdrawn|"
_RACES = 8


class Withdrawal(BaseModel):
    """One observable for one audience."""

    model_config = ConfigDict(frozen=True)

    key: str
    value: str
    generation: int = 0
    """Of the id that is spent while it is withdrawn, and that is to be used once it is lifted."""
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
    """How an observable stands in a scope."""

    withdrawn: bool = False
    generation: int = 0


UNTOUCHED: Final = Standing()


class Withdrawals:
    """The withdrawals in the store.

    Args:
        container: the store's container `known`.
    """

    def __init__(self, container: Container) -> None:
        self._container = container

    async def look_up(self, scope: str, observables: Iterable[Observable]) -> dict[Observable, Standing]:
        """Return how those observables stand in a scope; those that nobody ever withdrew are absent."""
        ids = {indicator_id(found): found for found in observables}
        standings: dict[Observable, Standing] = {}
        for audience in (EVERYONE, scope):
            documents = await self._container.read_many(_PREFIX + audience, list(ids))
            for id, document in documents.items():
                found = Withdrawal.model_validate(document.body)
                before = standings.get(ids[id], UNTOUCHED)
                standings[ids[id]] = Standing(
                    before.withdrawn or found.withdrawn is not None, max(before.generation, found.generation)
                )
        return standings

    async def withdraw(
        self, audience: str, observables: Mapping[Observable, int], at: datetime, reason: str | None
    ) -> None:
        """Withdraw observables; those that are withdrawn already stay as they are.

        Args:
            audience: `EVERYONE` or a scope.
            observables: with the generation of the id that is spent.
            at: the time.
            reason: why, in a person's words.

        Raises:
            StoreUnavailable: the store does not answer, or others write the same.
        """
        waiting = dict(observables)
        for _ in range(_RACES):
            if not waiting:
                return
            ids = {indicator_id(found): found for found in waiting}
            there = await self._container.read_many(_PREFIX + audience, list(ids))
            documents = [
                document
                for id, found in ids.items()
                if (document := _withdrawn(audience, id, found, waiting[found], at, reason, there.get(id))) is not None
            ]
            written = await self._container.write_many(documents)
            lost = {asked.id for asked, done in zip(documents, written, strict=True) if done is None}
            waiting = {ids[id]: waiting[ids[id]] for id in lost}
        if waiting:
            raise StoreUnavailable(f"{len(waiting)} withdrawals are being written by somebody else as well")

    async def lift(self, observable: Observable, at: datetime) -> int | None:
        """Lift a withdrawal for everyone and every scope.

        Returns the generation of the id that the next sighting has, or `None` when it is not withdrawn.

        Raises:
            WriteConflict: somebody else changes it at this moment.
        """
        id = indicator_id(observable)
        generation: int | None = None
        for audience in [found async for found in self._audiences()]:
            document = await self._container.read(_PREFIX + audience, id)
            found = None if document is None else Withdrawal.model_validate(document.body)
            if document is None or found is None or found.withdrawn is None:
                continue
            lifted = found.model_copy(
                update={"withdrawn": None, "lifted": at, "generation": found.generation + 1, "reason": None}
            )
            await self._container.write(_document(audience, id, lifted, document.etag))
            generation = max(generation or 0, lifted.generation)
        return generation

    async def _audiences(self) -> AsyncIterator[str]:
        async for partition in self._container.partitions():
            if partition.startswith(_PREFIX):
                yield partition.removeprefix(_PREFIX)


def _withdrawn(
    audience: str,
    id: str,
    observable: Observable,
    generation: int,
    at: datetime,
    reason: str | None,
    there: Document | None,
) -> Document | None:
    before = None if there is None else Withdrawal.model_validate(there.body)
    if before is not None and before.withdrawn is not None:
        return None
    found = Withdrawal(
        key=observable.key,
        value=observable.value,
        generation=max(generation, before.generation if before else 0),
        withdrawn=at,
        reason=reason,
    )
    return _document(audience, id, found, there.etag if there else None)


def _document(audience: str, id: str, found: Withdrawal, etag: str | None) -> Document:
    return Document(
        partition=_PREFIX + audience, id=id, body=found.model_dump(mode="json", exclude_none=True), etag=etag
    )
