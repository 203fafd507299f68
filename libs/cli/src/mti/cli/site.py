"""Where a command works: on an embedded stack's folder, or with the services on Azure."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mti.cli.site_settings import SiteSettings
from mti.cli.tenants_desk import registry_in, settings_of
from mti.common.adapters.identity import Identity, identity_in
from mti.common.adapters.sqlite import SqliteStore
from mti.common.errors import ConfigurationError
from mti.common.ports.bus import Sender
from mti.common.ports.clock import Clock, SystemClock
from mti.common.registry import Registry, load_registry
from mti.common.schema import require_current
from mti.common.settings import BusSettings
from mti.common.topology import Topology
from mti.normalizer.records.known import CONTAINER as KNOWN
from mti.operations.bus import BusView
from mti.operations.stores import SERVICES, Stores
from mti.publisher.records import PUBLISHED
from mti.stack.attach import attached
from mti.stack.layout import Layout
from mti.stack.namespace_view import NamespaceView
from mti.stack.own_http import own_client

if TYPE_CHECKING:
    from mti.common.adapters.servicebus import ServiceBus

Data = Annotated[
    Path | None, typer.Option("--data", help="The folder of an embedded stack; else the Azure settings are used.")
]
TenantsFile = Annotated[
    Path | None, typer.Option("--tenants", help="The tenants file; with --data, by default that of the last run.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSite:
    """The tenants and the stores."""

    registry: Registry
    stores: Stores
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Site(StoreSite):
    """The same with the bus."""

    indicators: Callable[[], Sender]
    """Connects to the topic `indicators`, for commands that send something."""
    settings: BusSettings
    view: BusView
    running: bool
    """Whether the services may be at work: not so on a folder whose stack does not run."""

    @property
    def topology(self) -> Topology:
        """The entities of the bus."""
        return self.settings.topology


@asynccontextmanager
async def store_site(data: Path | None, tenants: Path | None, *, earlier: bool = False) -> AsyncIterator[StoreSite]:
    """Open the stores.

    Args:
        data: the folder of an embedded stack; `None` takes the Azure settings of the environment.
        tenants: the tenants file; `None` takes that of the last run, or of the environment.
        earlier: whether stores of an earlier release will do.

    Raises:
        ConfigurationError: the settings or the tenants file are wrong, the folder is none of a stack, or the stores
            are to be migrated first.
    """
    async with AsyncExitStack() as stack:
        stores = await _stores(data, identity_in(stack), stack, earlier=earlier)
        yield StoreSite(registry=await _registry(data, tenants), stores=stores, clock=SystemClock())


@asynccontextmanager
async def site(data: Path | None, tenants: Path | None) -> AsyncIterator[Site]:
    """Open the stores and the bus; see `store_site`.

    Raises:
        ConfigurationError: the settings or the tenants file are wrong, or the folder is none of a stack.
        StackError: the folder is in use.
    """
    registry, clock = await _registry(data, tenants), SystemClock()
    async with AsyncExitStack() as stack:
        identity = identity_in(stack)
        bus: ServiceBus | None = None
        if data is None:
            from mti.cli.azure_site import azure_bus  # noqa: PLC0415  an embedded stack needs no SDK of Azure here

            settings = BusSettings.from_environment()
            bus, view = azure_bus(settings, registry, identity, stack)
            running = True
        else:
            attachment = await stack.enter_async_context(attached(data))
            settings = _embedded(attachment.connection_string)
            address = f"http://127.0.0.1:{attachment.http_port}"
            http = await stack.enter_async_context(own_client(address, seconds=30))
            view, running = NamespaceView(http), attachment.running

        def indicators() -> Sender:
            from mti.cli.connecting import connected  # noqa: PLC0415  see there

            return (bus or connected(settings, identity, stack)).sender(settings.topology.indicators)

        yield Site(
            registry=registry,
            stores=await _stores(data, identity, stack),
            clock=clock,
            indicators=indicators,
            settings=settings,
            view=view,
            running=running,
        )


def _embedded(connection_string: str) -> BusSettings:
    """Return the settings of an embedded stack's bus, whatever the environment says of another one."""
    names = {name: field.default for name, field in BusSettings.model_fields.items()}
    return BusSettings.from_environment(**{**names, "servicebus_connection_string": connection_string})


async def _registry(data: Path | None, tenants: Path | None) -> Registry:
    """Read the tenants with their states, from the file or from what the environment names.

    Raises:
        ConfigurationError: there are none, or they are wrong.
    """
    elsewhere = SiteSettings.from_environment()
    named = data is None and tenants is None and (elsewhere.tenants_store or elsewhere.tenants_text)
    path = None if named else tenants_path(data, tenants)
    return await registry_in(settings_of(data, path))


def registry_of(data: Path | None, tenants: Path | None) -> Registry:
    """Load the tenants file, whatever the states of its tenants are.

    Raises:
        ConfigurationError: there is none, or it is wrong.
    """
    # An endpoint on this machine is no reason to refuse the file here: nothing is sent to any.
    return load_registry(tenants_path(data, tenants), allow_loopback=True)


def tenants_path(data: Path | None, tenants: Path | None) -> Path:
    """Return the path of the tenants file.

    Raises:
        ConfigurationError: none is known.
    """
    last = Layout(data).recall() if data is not None else None
    settings = SiteSettings.from_environment()
    path = tenants or (last.tenants if last else None) or settings.tenants_file
    if path is None:
        raise ConfigurationError(
            "no tenants file is known; name it with --tenants FILE"
            + (f", since {data} is no folder that a stack ran on" if data is not None else ", or in MTI_TENANTS_FILE")
        )
    return path


async def _stores(data: Path | None, identity: Identity, stack: AsyncExitStack, *, earlier: bool = False) -> Stores:
    if data is None:
        from mti.cli.azure_site import azure_stores  # noqa: PLC0415  see above

        opened = azure_stores(identity)
    else:
        layout = Layout(data)
        if not layout.bus.is_dir():
            raise ConfigurationError(f"{data} is no folder of an embedded stack; name the --data folder of `mti up`")
        opened = [SqliteStore(layout.database(service)) for service in SERVICES]
    stores = Stores(*opened)
    stack.push_async_callback(stores.close)
    if not earlier:
        await require_current(stores.normalizer, "normalizer", [KNOWN], writing=False)
        await require_current(stores.publisher, "publisher", [PUBLISHED], writing=False)
    return stores
