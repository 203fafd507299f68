"""Three function apps on the real worker library, with all that stands around them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from azure.core.credentials_async import AsyncTokenCredential
from pydantic import SecretStr

from mti.common.adapters.servicebus import ServiceBus
from mti.common.composition.stores import open_store
from mti.common.ports.store import Store
from mti.common.registry import Registry, load_registry
from mti.common.settings import StoreSettings
from mti.common.topology import STANDARD
from mti.deployment.service_bus.view import ServiceBusView
from mti.operations.books import Reconciliation
from mti.operations.reconcile import reconcile
from mti.operations.stores import SERVICES, Stores
from mti.simulators import Simulators
from servicebus_local import Namespace, NamespaceConfig
from tests.functions.apps import folder_of
from tests.functions.running import App, apps, start
from tests.support.bus import config_with, stats
from tests.support.worlds import CONTOSO, FABRIKAM


@dataclass
class Estate:
    """Simulators, a namespace and three apps, and where these keep what they know."""

    world: Simulators
    namespace: Namespace
    bus: ServiceBus
    running: dict[str, App]
    settings: Mapping[str, Mapping[str, str]]
    registry: Registry
    folder: Path
    serving: AsyncExitStack
    """Ends the namespace."""

    async def bus_goes(self) -> None:
        """Take the namespace away; what it holds stays."""
        await self.serving.aclose()

    async def bus_comes(self) -> None:
        """Have it come back where it was."""
        found = Namespace(*_of_namespace(self.folder), self.namespace.port, self.namespace.http_port)
        self.namespace = await self.serving.enter_async_context(found)

    def logged(self, service: str) -> str:
        """Return what an app and its host have said."""
        return (self.folder / f"{service}.log").read_text()

    async def reconciled(self) -> Reconciliation:
        stores = Stores(*[_store(self.settings[service]) for service in SERVICES])
        try:
            view = ServiceBusView(self.bus, STANDARD, self.registry.destinations)
            return await reconcile(self.registry, stores, view)
        finally:
            await stores.close()

    async def restart(self, service: str) -> None:
        await self.running[service].kill()
        folder = folder_of(service)
        self.running[service] = await start(folder, self.settings[service], self.folder / f"{service}.log")

    async def is_idle(self) -> bool:
        """Say whether nothing is to be handled now: what the next fetch brings is some minutes away."""
        found = await stats(self.namespace)
        return all(
            not counts["active"] and not counts["locked"] for path, counts in found.items() if path != "set-aside"
        )

    def accepted(self) -> int:
        return sum(found.counts["accepted_objects"] for found in self.world.sentinel.workspaces.values())


def _of_namespace(folder: Path) -> tuple[NamespaceConfig, Path]:
    return config_with(folder / "Config.json"), folder / "bus"


def _store(settings: Mapping[str, str]) -> Store:
    key = settings.get("MTI_COSMOS_KEY")
    found = StoreSettings(store=settings["MTI_STORE"], cosmos_key=SecretStr(key) if key else None, allow_loopback=True)
    return open_store(found.target, found.cosmos_key, _nobody, read_only=True)


def _nobody() -> AsyncTokenCredential:
    raise AssertionError("a store with a key needs no identity")


@asynccontextmanager
async def estate(
    tmp_path: Path,
    world: Simulators,
    stores: str = "sqlite:{folder}/{service}.db",
    services: Sequence[str] = SERVICES,
    **more: str,
) -> AsyncIterator[Estate]:
    """Run the apps.

    Args:
        tmp_path: where all is kept.
        world: what they call.
        stores: where they keep what they know, with `{service}` in the place of its name.
        services: which of them.
        more: app settings.
    """
    secrets = world.write_tenants(tmp_path / "tenants.yaml")
    async with AsyncExitStack() as serving:
        namespace = await serving.enter_async_context(Namespace(*_of_namespace(tmp_path)))
        bus = ServiceBus.from_connection_string(namespace.connection_string)
        common = {
            **secrets,
            "ServiceBus": namespace.connection_string,
            "MTI_SERVICEBUS_CONNECTION_STRING": namespace.connection_string,
            "MTI_TENANTS_FILE": str(tmp_path / "tenants.yaml"),
            "MTI_ALLOW_LOOPBACK": "true",
            "MTI_PUBLISHER_TAKEOVER_SECONDS": "3",
            "MTI_FETCH_JOBS_QUEUE": "fetch-jobs",
            "MTI_RAW_PAGES_TOPIC": "raw-pages",
            "MTI_RAW_PAGES_SUBSCRIPTION": "normalizer",
            "MTI_INDICATORS_TOPIC": "indicators",
            "MTI_INDICATORS_SUBSCRIPTION": "publisher",
            "MTI_SET_ASIDE_QUEUE": "set-aside",
            "HOST_TIMER_SECONDS": "2",
            **more,
        }
        settings = {
            name: {**common, "MTI_STORE": stores.replace("{folder}", str(tmp_path)).replace("{service}", name)}
            for name in services
        }
        for name in ("normalizer", "publisher"):  # what an app is told that takes withdrawals
            if {name, "publisher"} <= settings.keys():
                settings["publisher"][f"MTI_{name.upper()}_STORE"] = settings[name]["MTI_STORE"]
        registry = load_registry(tmp_path / "tenants.yaml", allow_loopback=True)
        try:
            async with apps(settings, tmp_path) as running:
                yield Estate(world, namespace, bus, running, settings, registry, tmp_path, serving)
        finally:
            await bus.close()


def exact(world: Simulators) -> bool:
    return all(
        compared.expected and not [*compared.missing, *compared.unexpected, *compared.doubled]
        for compared in (world.compare(workspace) for workspace in (CONTOSO, FABRIKAM))
    )
