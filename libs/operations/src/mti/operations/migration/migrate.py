"""Brings the stores of an earlier release into the form of this one.

What is known was kept by source *and policy*, and what is published by the ids of generations; now the one is kept by
source, and the other by the observable's own id, with the content and with the sources that back it. The publisher's
books come first, since they are made with what is known in its earlier form. Each document is written before the one
that it came from is removed, so who dies on the way runs it again. No service may run meanwhile.
"""

from dataclasses import asdict, dataclass

from pydantic import JsonValue

from mti.common.ports.clock import Clock
from mti.common.registry import Registry
from mti.common.schema import VERSION, is_marked, mark, version_of
from mti.normalizer.records import KNOWN
from mti.operations.migration.known import KnownMigration
from mti.operations.migration.published import PublishedMigration
from mti.operations.stores import Stores
from mti.publisher.records import PUBLISHED


@dataclass(frozen=True, slots=True)
class Migrated:
    """What was brought into the new form, in documents."""

    needed: bool
    published: int = 0
    known: int = 0
    withdrawals: int = 0

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data."""
        return asdict(self)


async def is_needed(stores: Stores) -> bool:
    """Say whether any store is of an earlier form.

    Raises:
        StoreUnavailable: one does not answer.
    """
    return await _is_old(stores, "normalizer") or await _is_old(stores, "publisher")


async def migrate(registry: Registry, stores: Stores, clock: Clock) -> Migrated:
    """Migrate what is of an earlier form; nothing happens where all is current.

    Raises:
        StoreUnavailable: one does not answer; run it again.
    """
    publisher, normalizer = await _is_old(stores, "publisher"), await _is_old(stores, "normalizer")
    # A publisher that has delivered nothing yet is to know what was withdrawn all the same.
    publisher |= normalizer and not await is_marked(stores.publisher)
    published = PublishedMigration(registry, stores, clock)
    if publisher:
        await published.run()
    await mark(stores.publisher)
    known = KnownMigration(stores, clock)
    if normalizer:
        await known.run()
    await mark(stores.normalizer)
    return Migrated(publisher or normalizer, published.migrated, known.migrated, known.withdrawals)


async def _is_old(stores: Stores, service: str) -> bool:
    store, container = (stores.normalizer, KNOWN) if service == "normalizer" else (stores.publisher, PUBLISHED)
    return await version_of(store, [container]) < VERSION
