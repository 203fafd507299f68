"""What the normalizer knows: from one entry a policy to one a source."""

from typing import Final

from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict

from mti.common.checkpoints import Checkpoints
from mti.common.contracts import generation_id
from mti.common.ports.clock import Clock
from mti.common.ports.store import Document
from mti.common.schema import CONTAINER as CHECKPOINTS
from mti.normalizer.records import (
    EVERYONE,
    KNOWN,
    REFRESHES_KEPT,
    Emission,
    Emissions,
    KnownIndicator,
    RefreshRule,
    document_of,
    key_of,
    later_of,
)
from mti.operations.migration.earlier import WITHDRAWN, Orders, parts, read_orders, scopes_in, source_of
from mti.operations.stores import Stores

KIND: Final = "migration"
PLAN: Final = "known"


class Plan(BaseModel):
    """What was there before anything was rewritten, and how far it came: who dies on the way goes on by it."""

    model_config = ConfigDict(frozen=True)

    scopes: tuple[str, ...]
    done: tuple[str, ...] = ()
    """Partitions."""


class KnownMigration:
    """Rewrites what is known and what was withdrawn.

    Args:
        stores: of the normalizer.
        clock: the time.
    """

    def __init__(self, stores: Stores, clock: Clock) -> None:
        self._known = stores.normalizer.container(KNOWN)
        self._plans = Checkpoints(stores.normalizer.container(CHECKPOINTS), KIND, Plan)
        self._clock = clock
        self.migrated = 0
        """Documents of indicators."""
        self.withdrawals = 0

    async def run(self) -> None:
        """Rewrite everything.

        Raises:
            StoreUnavailable: run it again.
        """
        plan = await self._plans.load(PLAN, Plan(scopes=tuple(await scopes_in(self._known))))
        plan = await self._plans.save(plan)
        orders = await read_orders(self._known, plan.value.scopes)
        for partition in sorted([name async for name in self._known.partitions() if "#" in name]):
            if partition in plan.value.done:
                continue
            async for part in parts(self._known, partition):
                for document in part:
                    await self._entry(partition.rpartition("#")[0], document, orders)
            done = (*plan.value.done, partition)
            plan = await self._plans.save(plan.with_value(plan.value.model_copy(update={"done": done})))
        for audience, known in orders.by_audience.items():
            for own in known if audience != EVERYONE else ():
                await self._order(audience, own, orders)

    async def _order(self, audience: str, own: str, orders: Orders) -> None:
        """Write the order for a source as a whole in the place of those for its scopes."""
        source = source_of(audience)
        order = orders.of_source(own, source)
        there = await self._known.read(WITHDRAWN + source, own)
        body = None if order is None else order.model_dump(mode="json", exclude_none=True)
        if body is not None and (there is None or there.body != body):
            etag = None if there is None else there.etag
            await self._known.write(Document(partition=WITHDRAWN + source, id=own, body=body, etag=etag))
            self.withdrawals += 1
        elif body is None and there is not None:
            await self._known.delete(WITHDRAWN + source, own)
            self.withdrawals += 1
        if audience != source:
            await self._known.delete(WITHDRAWN + audience, own)

    async def _entry(self, scope: str, document: Document, orders: Orders) -> None:
        """Move an entry to its source and its observable's own id; what is there of another policy is merged."""
        before, source = KnownIndicator.from_body(document.id, document.body, document.etag), source_of(scope)
        own = generation_id(*before.observable)
        current = before.generation >= orders.generation(own, scope)
        entry = replace(before, id=own, generation=orders.lifts(own, source) if current else 0)
        key = key_of(source, own)
        here = key == (document.partition, document.id)
        if here and entry.generation == before.generation:
            return
        if not here:
            there = await self._known.read(*key)
            entry = replace(entry, etag=None)
            if there is not None:
                before = KnownIndicator.from_body(own, there.body, there.etag)
                entry = _merged(before, entry, same=scope == source)
        await self._known.write(document_of(source, entry, self._clock.now()))
        if not here:
            await self._known.delete(document.partition, document.id)
        self.migrated += 1


def _merged(there: KnownIndicator, other: KnownIndicator, *, same: bool) -> KnownIndicator:
    """Return one entry of two that a source had of the same observable, in the place of the first.

    Args:
        there: the first.
        other: the other.
        same: whether they are of the same policy: then what was seen since a lift stands for both. Of two policies
            where one has not been given it again since, the next sighting must count as new.
    """
    if there.generation != other.generation:
        newest = max(there, other, key=lambda entry: entry.generation)
        generation = newest.generation if same else min(there.generation, other.generation)
        return replace(newest, generation=generation, etag=there.etag)
    newest, older = sorted((there, other), key=lambda entry: (entry.version, entry.first_by), reverse=True)
    emitted = later_of(_emitted(older), _emitted(newest))
    chunks = dict.fromkeys((*older.refreshed_by, *newest.refreshed_by))
    return replace(
        newest,
        created=min(there.created, other.created),
        valid_until=max(there.valid_until, other.valid_until),
        sightings=max(there.sightings, other.sightings),
        refreshed_by=tuple(chunks)[-REFRESHES_KEPT:],
        facts=newest.facts.or_else(older.facts),
        emitted=emitted if len(emitted) > 1 else {},
        etag=there.etag,
    )


def _emitted(entry: KnownIndicator) -> Emissions:
    rule = RefreshRule(entry.valid_until - entry.version, None)
    return entry.emitted or {rule: Emission(entry.version, entry.valid_until)}
