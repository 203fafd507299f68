"""Brings the stores of an earlier release into the form of this one.

In the first form what is known was kept by source *and policy*, and what is published by the ids of generations; since
then the one is kept by source, and the other by the observable's own id, with the content and with the sources that
back it. The publisher's books come first, since they are made with what is known in its earlier form. Each document is
written before the one that it came from is removed, so who dies on the way runs it again. No service may run meanwhile.

In the second form each indicator was a document of its own in the store; now they are packed
(`mti.common.adapters.packed`).
"""

from dataclasses import asdict, dataclass, replace
from typing import Final

from pydantic import JsonValue

from mti.common.ports.clock import Clock
from mti.common.ports.store import LayeredStore, Store
from mti.common.registry import Registry
from mti.common.schema import VERSION, is_marked, mark, version_of
from mti.normalizer.records import KNOWN
from mti.operations.migration.known import KnownMigration
from mti.operations.migration.published import PublishedMigration
from mti.operations.stores import Stores
from mti.publisher.records import PUBLISHED

SECOND: Final = 2
"""The form whose documents are as today's and lie as they are."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """What was brought into the new form, in documents."""

    needed: bool
    published: int = 0
    known: int = 0
    withdrawals: int = 0
    packed: int = 0
    """What was brought from a document of its own into packed ones."""

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data."""
        return asdict(self)


async def is_needed(stores: Stores) -> bool:
    """Say whether any store is of an earlier form.

    Raises:
        StoreUnavailable: one does not answer.
    """
    return any([await _version(stores, service) < VERSION for service in ("normalizer", "publisher")])


async def migrate(registry: Registry, stores: Stores, clock: Clock) -> Migrated:
    """Migrate what is of an earlier form; nothing happens where all is current.

    Raises:
        StoreUnavailable: one does not answer; run it again.
    """
    if not await is_needed(stores):
        await mark(stores.publisher)
        await mark(stores.normalizer)
        return Migrated(needed=False)
    plain = Stores(stores.fetcher, _layered(stores.normalizer).below, _layered(stores.publisher).below)
    first = await _first_form(registry, plain, clock)
    packed = 0
    for store in (_layered(stores.publisher), _layered(stores.normalizer)):
        packed += await store.repack()
        await mark(store)
    return replace(first, packed=packed)


async def _first_form(registry: Registry, stores: Stores, clock: Clock) -> Migrated:
    """Bring the first form into the second.

    Args:
        registry: the tenants.
        stores: with all documents as they lie.
        clock: the time.
    """
    publisher, normalizer = await _version(stores, "publisher") < SECOND, await _version(stores, "normalizer") < SECOND
    # A publisher that has delivered nothing yet is to know what was withdrawn all the same.
    publisher |= normalizer and not await is_marked(stores.publisher)
    published = PublishedMigration(registry, stores, clock)
    if publisher:
        await published.run()
    await mark(stores.publisher, SECOND)
    known = KnownMigration(stores, clock)
    if normalizer:
        await known.run()
    await mark(stores.normalizer, SECOND)
    return Migrated(True, published.migrated, known.migrated, known.withdrawals)


async def _version(stores: Stores, service: str) -> int:
    store, container = (stores.normalizer, KNOWN) if service == "normalizer" else (stores.publisher, PUBLISHED)
    return await version_of(store, [container])


def _layered(store: Store) -> LayeredStore:
    assert isinstance(store, LayeredStore)  # noqa: S101  every deployment opens its stores so
    return store
