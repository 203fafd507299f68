"""The publisher's books: from one document an id to one an observable, with its content and its sources."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Raw
from msgspec.structs import replace

from mti.common.contracts import Carried, generation_id
from mti.common.ports.clock import Clock
from mti.common.ports.store import Document
from mti.common.registry import Feed, IndicatorPolicy, Registry
from mti.common.source_id import SourceId
from mti.normalizer.indicators import build
from mti.normalizer.records import KNOWN, KnownIndicator, partition_of, shard_of
from mti.operations.migration.earlier import Orders, parts, read_orders, scopes_in, serving, source_of
from mti.operations.stores import Stores
from mti.publisher.records import (
    CHECKPOINTS,
    NO_CONTENT,
    PUBLISHED,
    SHARDS,
    Backing,
    Counts,
    DestinationCheckpoint,
    Published,
    PublishedVersions,
    content_of,
    destination_checkpoints,
    document_of,
    key_of,
)
from mti.publisher.records import partition_of as published_partition

Later = Mapping[str, tuple[str, int]]
"""The ids of later generations, with the observables' own and the generation."""


class PublishedMigration:
    """Rewrites the books of every workspace.

    Args:
        registry: the tenants, for whom the contents are built.
        stores: of the normalizer, still in its earlier form, and of the publisher.
        clock: the time.
    """

    def __init__(self, registry: Registry, stores: Stores, clock: Clock) -> None:
        self._registry = registry
        self._known = stores.normalizer.container(KNOWN)
        self._published = stores.publisher.container(PUBLISHED)
        self._checkpoints = destination_checkpoints(stores.publisher.container(CHECKPOINTS))
        self._clock = clock
        self.migrated = 0
        """Documents."""

    async def run(self) -> None:
        """Rewrite everything.

        Raises:
            StoreUnavailable: run it again.
        """
        scopes = await scopes_in(self._known)
        orders = await read_orders(self._known, scopes)
        later: dict[str, tuple[str, int]] = {}
        for known in orders.by_audience.values():
            for own, order in known.items():
                for generation in range(1, order.generation + 1):
                    later[generation_id(order.key, order.value, generation)] = own, generation
        there = await PublishedVersions(self._published, self._clock).destinations()
        for destination in sorted({*there, *self._registry.served}):
            sources: set[str] = set()
            for shard in SHARDS:
                async for part in parts(self._published, published_partition(destination, shard)):
                    sources |= await self._part(destination, part, later, scopes, orders)
            await self._mark_withdrawn(destination, orders)
            before = await self._checkpoints.load(destination, DestinationCheckpoint())
            after = before.value.moved((), Counts(), before.value.pause, sources)
            await self._checkpoints.save(before.with_value(after))

    async def _part(
        self, destination: str, part: Sequence[Document], later: Later, scopes: Sequence[str], orders: Orders
    ) -> set[str]:
        """Rewrite some documents of a workspace; return the sources that gave them."""
        routed = {route.source for route in self._registry.routes_to(destination)}
        givers = {document.body.get("source") for document in part}
        wanted = [scope for scope in scopes if source_of(scope) in routed or source_of(scope) in givers]
        entries = await self._entries(wanted, [document.id for document in part])
        sources: set[str] = set()
        served = serving(self._registry, destination, scopes)
        # Later generations go where the first is, so that one is rewritten before.
        for document in sorted(part, key=lambda document: document.id in later):
            known = Published.of(document)
            if not known.content and not known.generation:  # else by an earlier try
                own, generation = later.get(document.id, (document.id, 0))
                made = {scope: known[document.id] for scope, known in entries.items() if document.id in known}
                known = self._rewritten(destination, own, known, generation, made, orders, served)
                await self._replace(destination, document, own, known)
                self.migrated += 1
            sources |= known.sources.keys()
        return sources

    async def _entries(self, scopes: Sequence[str], ids: Sequence[str]) -> dict[str, dict[str, KnownIndicator]]:
        """Return what is known of those ids in each scope."""
        # A scope has the shards of its source, under its own name.
        keys = [(partition_of(scope, shard_of(source_of(scope), id)), id) for scope in scopes for id in ids]
        entries: dict[str, dict[str, KnownIndicator]] = {scope: {} for scope in scopes}
        for (partition, id), document in (await self._known.read_each(keys)).items():
            entries[partition.rpartition("#")[0]][id] = KnownIndicator.from_body(id, document.body, None)
        return entries

    def _rewritten(
        self,
        destination: str,
        own: str,
        known: Published,
        generation: int,
        made: Mapping[str, KnownIndicator],
        orders: Orders,
        served: Collection[str],
    ) -> Published:
        sources: dict[str, Backing] = {}
        lifted = []
        for scope, entry in made.items():
            source = source_of(scope)
            order = orders.in_workspace(own, scope, served, revoked=known.revoked)
            withdrawn = order.withdrawn if order is not None else None
            # What it brought before a lift counts no more.
            current = withdrawn is not None or entry.generation >= orders.generation(own, scope)
            if current and (known.settles(entry.version) or withdrawn is not None):
                there = sources.get(source, Backing())
                newest = max([there, Backing(version=entry.version, valid_until=entry.valid_until)], key=_age)
                sources[source] = replace(newest, withdrawn=withdrawn or there.withdrawn)
            lifted += [order.lifted] if order is not None and order.lifted is not None else []
        everyone = orders.everyone.get(own)
        lifted += [everyone.lifted] if everyone is not None and everyone.lifted is not None else []
        if known.revoked and known.source is not None and orders.highest(own, known.source) <= generation:
            # It was revoked here and nobody lifted it; of a grid that others share there was no order that says so.
            giving = sources.get(known.source, Backing(version=known.version, valid_until=known.valid_until))
            if giving.withdrawn is None:
                sources[known.source] = replace(giving, withdrawn=known.version)
        giver = next((scope for scope in made if source_of(scope) == known.source), next(iter(made), None))
        return known.changed(
            generation=generation,
            sources=sources,
            content=NO_CONTENT if giver is None else self._content(destination, source_of(giver), made[giver]),
            withdrawn=everyone.withdrawn if everyone is not None else None,
            lifted=max(lifted, default=None),
        )

    def _content(self, destination: str, source: str, entry: KnownIndicator) -> Raw:
        """Return what was sent, as far as the tenants file still says how; a source that is gone tells its own feed."""
        route, described = self._registry.route(source, destination), self._registry.sources.get(source)
        policy = route.policy if route is not None else IndicatorPolicy()
        if described is not None:
            return content_of(Carried.of(build(entry, policy, described.feed, described.region)))
        id = SourceId.parse(source)
        return content_of(Carried.of(build(entry, policy, id.feed or Feed.MALWARE_CUSTOMER, id.region or "")))

    async def _replace(self, destination: str, document: Document, own: str, new: Published) -> None:
        """Write a document in its new form, and remove it where it was under another id. The later generation stays."""
        if own == document.id:
            await self._published.write(document_of(destination, own, new, document.etag, self._clock.now()))
            return
        there = await self._published.read(*key_of(destination, own))
        before = Published.of(there) if there is not None else Published()
        if there is None or before.generation < new.generation:
            new = new.changed(sources={**before.sources, **new.sources})
            etag = None if there is None else there.etag
            await self._published.write(document_of(destination, own, new, etag, self._clock.now()))
        await self._published.delete(document.partition, document.id)

    async def _mark_withdrawn(self, destination: str, orders: Orders) -> None:
        """Enter what is withdrawn for everyone in a workspace that never had it."""
        marked = {own: order.withdrawn for own, order in orders.everyone.items() if order.withdrawn is not None}
        there = await self._published.read_each([key_of(destination, own) for own in marked])
        held = {own for _, own in there}
        for own, withdrawn in marked.items():
            if own not in held:
                new = Published(withdrawn=withdrawn)
                await self._published.write(document_of(destination, own, new, None, self._clock.now()))


def _age(backing: Backing) -> datetime:
    return backing.version or datetime.min.replace(tzinfo=UTC)
