"""The deployment on Azure, as the environment names it."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from mti.common.composition.stores import open_store
from mti.common.errors import ConfigurationError
from mti.common.ports.store import Store
from mti.common.registry import Registry
from mti.common.settings import BusSettings, StoreSettings, TenantsSettings
from mti.common.topology import Topology
from mti.deployment.deployment import Deployment
from mti.deployment.service_bus.connection import administer
from mti.deployment.service_bus.view import ServiceBusView
from mti.deployment.settings import DeploymentSettings
from mti.deployment.tenants import tenants_settings
from mti.operations.bus import BusView
from mti.operations.pauses import Held, Released, due_by_itself


class AzureDeployment(Deployment):
    """A namespace of Service Bus and three stores.

    Args: see `Deployment`.
        store: the store that describes the tenants, if one was named.
    """

    def __init__(
        self, exits: AsyncExitStack, tenants: Path | None, *, store: str | None = None, allow_loopback: bool = True
    ) -> None:
        super().__init__(exits, tenants, allow_loopback=allow_loopback)
        self._tenants_store = store
        self._settings: BusSettings | None = None

    def tenants_settings(self) -> TenantsSettings:
        """See `Deployment`."""
        if self._tenants is not None:
            return tenants_settings(file=self._tenants, **self._loopback)
        if self._tenants_store is not None:
            return tenants_settings(store=self._tenants_store, states=None, **self._loopback)
        return TenantsSettings.from_environment(**self._loopback)

    async def registry(self) -> Registry:
        """See `Deployment`."""
        named = DeploymentSettings.from_environment()
        if not (
            self._tenants or self._tenants_store or named.tenants_file or named.tenants_store or named.tenants_text
        ):
            raise ConfigurationError("no tenants file is known; name it with --tenants FILE, or in MTI_TENANTS_FILE")
        return await super().registry()

    @property
    def topology(self) -> Topology:
        """See `Deployment`."""
        return self._named_bus().topology

    async def is_running(self) -> bool:
        """See `Deployment`: nobody here can tell that they are not."""
        return True

    async def view(self) -> BusView:
        """See `Deployment`."""
        destinations = (await self.registry()).destinations
        bus, administration = await self._connected(), administer(self._named_bus(), self._identity, self._exits)
        return ServiceBusView(bus, self.topology, destinations, administration)

    def _store(self, service: str, *, read_only: bool = False) -> Store:
        address = DeploymentSettings.from_environment().store_of(service)
        settings = StoreSettings.from_environment(store=address)
        return open_store(settings.target, settings.cosmos_key, self._identity, read_only=read_only)

    async def release(self, lifted: Sequence[Held]) -> Released:
        """See `Deployment`: nobody can reach a message that waits for its time."""
        return Released(notes=[due_by_itself(one) for one in lifted if one.kind == "destination"])

    def _has_stores(self, *services: str) -> bool:
        named = DeploymentSettings.from_environment()
        return all(named.names_store_of(service) for service in services)

    async def _bus_settings(self) -> BusSettings:
        return self._named_bus()

    def _named_bus(self) -> BusSettings:
        if self._settings is None:
            self._settings = BusSettings.from_environment()
        return self._settings
