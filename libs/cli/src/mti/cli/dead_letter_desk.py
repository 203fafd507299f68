"""The dead letters that a command works on: those of an embedded stack's folder, or of the namespace on Azure."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mti.cli.connecting import connected
from mti.cli.site import registry_of
from mti.cli.site_settings import SiteSettings
from mti.common.adapters.identity import Identity, identity_in
from mti.common.adapters.sqlite import SqliteStore
from mti.common.composition.stores import open_store
from mti.common.errors import ConfigurationError
from mti.common.ports.clock import Clock, SystemClock
from mti.common.ports.store import Store
from mti.common.settings import BusSettings, StoreSettings
from mti.common.topology import Entity
from mti.operations.dead_letters import (
    Books,
    Judge,
    NoJudge,
    PublishedJudge,
    ServiceBooks,
    SubQueue,
    counted,
    opened,
)
from mti.operations.stores import SERVICES
from mti.publisher.records import PUBLISHED, PublishedVersions
from mti.stack.attach import attached
from mti.stack.layout import Layout

PURGED = "purged.jsonl"


@dataclass(frozen=True, slots=True)
class Desk:
    """All that the work is done with."""

    queues: Sequence[SubQueue]
    entities: tuple[Entity, ...]
    judge: Judge
    books: Books | None
    """`None` where the stores of the services are not named."""
    clock: Clock
    purged: Path | None
    """Where a purge keeps what it removes; `None` on Azure, unless it is told."""

    def books_for(self, paths: Collection[str], *, without: bool = False) -> Books | None:
        """Return the books for work on dead letters of those entities; `None` where there is nothing to enter.

        Args:
            paths: of the entities.
            without: somebody said that the books need not be told.

        Raises:
            ConfigurationError: they are to be told and not at hand.
        """
        if without or not any(counted(entity) and entity.path in paths for entity in self.entities):
            return None
        if self.books is None:
            raise ConfigurationError(
                "the services' books are not at hand, and what is purged or mended would count as lost in the "
                "reconciliation: set MTI_STORES, or MTI_FETCHER_STORE, MTI_NORMALIZER_STORE and MTI_PUBLISHER_STORE; "
                "or give --without-books"
            )
        return self.books


@asynccontextmanager
async def desk(data: Path | None) -> AsyncIterator[Desk]:
    """Open the dead letters.

    Args:
        data: the folder of an embedded stack; `None` takes the Azure settings of the environment.

    Raises:
        ConfigurationError: the settings are wrong, or the folder is none of a stack.
        StackError: the folder is in use.
    """
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        identity = identity_in(stack)
        if data is not None:
            attachment = await stack.enter_async_context(attached(data))
            settings = _embedded(attachment.connection_string)
            layout = Layout(data)
            store: Store | None = layout.store("publisher")
            written: list[Store | None] = [SqliteStore(layout.database(service)) for service in SERVICES]
        else:
            settings = BusSettings.from_environment()
            store = _azure_store("publisher", identity, read_only=True)
            written = [_azure_store(service, identity) for service in SERVICES]
        bus = connected(settings, identity, stack)
        for opened_store in (store, *written):
            if opened_store is not None:
                stack.push_async_callback(opened_store.close)
        entities = settings.topology.entities
        queues = await stack.enter_async_context(opened([SubQueue(bus, entity, clock) for entity in entities]))
        judge = NoJudge() if store is None else _judge(store, clock)
        yield Desk(
            queues, entities, judge, _books(written, clock), clock, None if data is None else Layout(data).logs / PURGED
        )


def workspaces_of(tenant: str | None, data: Path | None, tenants: Path | None) -> frozenset[str]:
    """Return the workspaces of a tenant, when a tenants file is at hand.

    Raises:
        ConfigurationError: the file is wrong.
    """
    if tenant is None:
        return frozenset()
    last = Layout(data).recall() if data is not None else None
    if not (tenants or last or SiteSettings.from_environment().tenants_file):
        return frozenset()
    registry = registry_of(data, tenants)
    return frozenset(route.destination for route in registry.routes if tenant in route.tenants)


def _embedded(connection_string: str) -> BusSettings:
    """Return the settings of an embedded stack's bus, whatever the environment says of another one."""
    names = {name: field.default for name, field in BusSettings.model_fields.items()}
    return BusSettings.from_environment(**{**names, "servicebus_connection_string": connection_string})


def _judge(store: Store, clock: Clock) -> Judge:
    return PublishedJudge(PublishedVersions(store.container(PUBLISHED), clock))


def _books(stores: Sequence[Store | None], clock: Clock) -> Books | None:
    fetcher, normalizer, publisher = stores
    if fetcher is None or normalizer is None or publisher is None:
        return None
    return ServiceBooks(fetcher, normalizer, publisher, clock)


def _azure_store(service: str, identity: Identity, *, read_only: bool = False) -> Store | None:
    """Return a service's store; `None` where it is not named."""
    site = SiteSettings.from_environment()
    if getattr(site, f"{service}_store") is None and site.stores is None:
        return None
    settings = StoreSettings.from_environment(store=site.store_of(service))
    return open_store(settings.target, settings.cosmos_key, identity, read_only=read_only)
