"""What the normalizer knows: from one entry a policy to one a source."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from mti.common.contracts import generation_id
from mti.common.ports.clock import Clock
from mti.common.ports.store import Document
from mti.normalizer.entry import REFRESHES_KEPT, KnownIndicator, emitted_after
from mti.normalizer.known import CONTAINER, document_of, partition_of, shard_of
from mti.normalizer.withdrawals import EVERYONE
from mti.operations.migration.earlier import WITHDRAWN, Orders, parts, read_orders, source_of
from mti.operations.reconcile import Stores


class KnownMigration:
    """Rewrites what is known and what was withdrawn.

    Args:
        stores: of the normalizer.
        clock: the time.
    """

    def __init__(self, stores: Stores, clock: Clock) -> None:
        self._known = stores.normalizer.container(CONTAINER)
        self._clock = clock
        self.migrated = 0
        """Documents of indicators."""
        self.withdrawals = 0

    async def run(self) -> None:
        """Rewrite everything.

        Raises:
            StoreUnavailable: run it again.
        """
        orders = await read_orders(self._known)
        for partition in sorted([name async for name in self._known.partitions() if "#" in name]):
            async for part in parts(self._known, partition):
                for document in part:
                    await self._entry(partition.rpartition("#")[0], document, orders)
        for audience, known in orders.by_audience.items():
            source = source_of(audience)
            for own in known if audience not in {EVERYONE, source} else ():
                order = orders.of_source(own, source)
                assert order is not None  # noqa: S101  it is one of them
                there = await self._known.read(WITHDRAWN + source, own)
                body = order.model_dump(mode="json", exclude_none=True)
                etag = None if there is None else there.etag
                await self._known.write(Document(partition=WITHDRAWN + source, id=own, body=body, etag=etag))
                await self._known.delete(WITHDRAWN + audience, own)
                self.withdrawals += 1

    async def _entry(self, scope: str, document: Document, orders: Orders) -> None:
        """Move an entry to its source and its observable's own id; what is there of another policy is merged."""
        found, source = KnownIndicator.from_body(document.id, document.body, document.etag), source_of(scope)
        own = generation_id(*found.observable)
        current = found.generation >= orders.generation(own, scope)
        entry = replace(found, id=own, generation=orders.lifts(own, source) if current else 0)
        here = (partition_of(source, shard_of(source, own)), own) == (document.partition, document.id)
        if here and entry.generation == found.generation:
            return
        if not here:
            there = await self._known.read(partition_of(source, shard_of(source, own)), own)
            entry = replace(entry, etag=None)
            if there is not None:
                entry = _merged(KnownIndicator.from_body(own, there.body, there.etag), entry)
        await self._known.write(document_of(source, entry, self._clock.now()))
        if not here:
            await self._known.delete(document.partition, document.id)
        self.migrated += 1


def _merged(there: KnownIndicator, other: KnownIndicator) -> KnownIndicator:
    """Return one entry of two that the policies of a source had of the same observable, in the place of the first."""
    if there.generation != other.generation:
        return replace(max(there, other, key=lambda entry: entry.generation), etag=there.etag)
    newest, older = sorted((there, other), key=lambda entry: (entry.version, entry.first_by), reverse=True)
    emitted = emitted_after(_emitted(older), _emitted(newest))
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


def _emitted(entry: KnownIndicator) -> Mapping[timedelta, datetime]:
    return entry.emitted or {entry.valid_until - entry.version: entry.version}
