"""What a deployment has to work with, wherever it is."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mti.common.adapters.identity import identity_in
from mti.common.composition.stores import live_registry
from mti.common.ports.bus import Sender
from mti.common.ports.clock import Clock, SystemClock
from mti.common.ports.store import Container, Store
from mti.common.registry import Registry
from mti.common.schema import require_current
from mti.common.settings import BusSettings, TenantsSettings
from mti.common.topology import Entity, Topology
from mti.deployment.dead_letters import DeadLetters
from mti.deployment.tenants import TenantStates, container_in, states_in
from mti.normalizer.records import KNOWN
from mti.operations.bus import BusView
from mti.operations.pauses import Held, Released
from mti.operations.stores import SERVICES, Stores, WithdrawalStores, WithdrawalStoresOnly
from mti.publisher.records import PUBLISHED

if TYPE_CHECKING:
    from mti.common.adapters.servicebus import ServiceBus


class Deployment(ABC):
    """Tenants, stores and bus of one deployment. Each part is opened when it is asked for, once.

    Args:
        exits: closes what is opened.
        tenants: the tenants file that was named, if one was.
        allow_loopback: whether the tenants may name endpoints on this machine.
    """

    def __init__(self, exits: AsyncExitStack, tenants: Path | None, *, allow_loopback: bool) -> None:
        self.clock: Clock = SystemClock()
        self._exits = exits
        self._identity = identity_in(exits)
        self._tenants = tenants
        self._loopback: dict[str, Any] = {"allow_loopback": True} if allow_loopback else {}
        self._purged: Path | None = None
        self._registry: Registry | None = None
        self._stores: Stores | None = None
        self._bus: ServiceBus | None = None

    @abstractmethod
    def tenants_settings(self) -> TenantsSettings:
        """Return where the tenants are described, by what was named first and by the environment after that.

        Raises:
            ConfigurationError: they are described nowhere, or twice.
        """

    async def registry(self) -> Registry:
        """Return the tenants with their states, as they are described now.

        Raises:
            ConfigurationError: there are none, or they are wrong; the text lists all that is wrong.
        """
        if self._registry is None:
            async with AsyncExitStack() as reading:
                live = live_registry(self.tenants_settings(), self._identity)
                self._registry = (await reading.enter_async_context(live)).current
        return self._registry

    async def tenant_states(self) -> TenantStates:
        """Return what pausing, resuming and removing need. The tenants may have faults meanwhile: their ids will do.

        Raises:
            ConfigurationError: it is not said where states are kept.
        """
        return await states_in(self.tenants_settings(), self.tenants_container())

    def tenants_container(self) -> Container:
        """Return what the tenants, or their states beside a file, are written to.

        Raises:
            ConfigurationError: it is not said where they are kept.
        """
        return container_in(self.tenants_settings(), self._identity, self._exits)

    async def stores(self, *, earlier: bool = False) -> Stores:
        """Return the stores of the three services.

        Args:
            earlier: whether stores of an earlier release will do.

        Raises:
            ConfigurationError: one is not known, or is to be migrated first.
        """
        if self._stores is None:
            stores = Stores(*[self._store(service) for service in SERVICES])
            self._exits.push_async_callback(stores.close)
            if not earlier:
                await _require_current(stores.normalizer, stores.publisher)
            self._stores = stores
        return self._stores

    async def withdrawal_stores(self) -> WithdrawalStores:
        """Return the two stores that a withdrawal is written to, for who may write to no other.

        Raises:
            ConfigurationError: one is not known, or is to be migrated first.
        """
        normalizer, publisher = self._keep(self._store("normalizer")), self._keep(self._store("publisher"))
        await _require_current(normalizer, publisher)
        return WithdrawalStoresOnly(normalizer, publisher)

    def may_withdraw(self) -> bool:
        """Say whether both stores that a withdrawal is written to are known."""
        return self._has_stores("normalizer", "publisher")

    @abstractmethod
    def _store(self, service: str, *, read_only: bool = False) -> Store:
        """Return a service's store, to be closed by who asked.

        Raises:
            ConfigurationError: it is not known.
        """

    @abstractmethod
    def _has_stores(self, *services: str) -> bool:
        """Say whether the stores of these services are known."""

    @property
    @abstractmethod
    def topology(self) -> Topology:
        """The entities of the bus.

        Raises:
            ConfigurationError: the settings of the bus are wrong.
        """

    @abstractmethod
    async def is_running(self) -> bool:
        """Say whether the services may be at work: not so on a folder whose stack does not run."""

    @abstractmethod
    async def view(self) -> BusView:
        """Return a view of the bus. It needs no SDK on an embedded stack.

        Raises:
            ConfigurationError: the settings, or the tenants whose sessions are looked into, are wrong.
            StackError: the folder is in use.
        """

    @abstractmethod
    async def release(self, lifted: Sequence[Held]) -> Released:
        """Let come at once what waits for the end of pauses that a person ended, where that can be done.

        Args:
            lifted: the pauses; with none nothing is done.
        """

    async def indicators(self) -> Sender:
        """Return a sender to the topic of the publisher.

        Raises:
            ConfigurationError: the settings of the bus are wrong.
            StackError: the folder is in use.
        """
        return (await self._connected()).sender(self.topology.indicators)

    async def dead_letters(self, entities: Sequence[Entity] | None = None) -> DeadLetters:
        """Connect to the dead letters, those that were set aside included.

        Args:
            entities: whose; of all of them where it is not said.

        Raises:
            ConfigurationError: the settings are wrong, or the folder is none of a stack.
            StackError: the folder is in use.
        """
        from mti.deployment.service_bus.all_dead_letters import (  # noqa: PLC0415  the SDK, where it is used
            connected_dead_letters,
        )

        bus = await self._connected()
        judged = self._keep(self._store("publisher", read_only=True)) if self._has_stores("publisher") else None
        books = Stores(*[self._keep(self._store(each)) for each in SERVICES]) if self._has_stores(*SERVICES) else None
        opening = connected_dead_letters(bus, self.topology, self.clock, entities)
        queues = await self._exits.enter_async_context(opening)
        return DeadLetters.of(queues, judged, books, self.clock, self._purged)

    def _keep(self, store: Store) -> Store:
        self._exits.push_async_callback(store.close)
        return store

    async def _connected(self) -> "ServiceBus":
        if self._bus is None:
            from mti.deployment.service_bus.connection import connect  # noqa: PLC0415  see `dead_letters`

            self._bus = connect(await self._bus_settings(), self._identity, self._exits)
        return self._bus

    @abstractmethod
    async def _bus_settings(self) -> BusSettings:
        """Return how the bus is reached."""


async def _require_current(normalizer: Store, publisher: Store) -> None:
    await require_current(normalizer, "normalizer", [KNOWN], writing=False)
    await require_current(publisher, "publisher", [PUBLISHED], writing=False)
