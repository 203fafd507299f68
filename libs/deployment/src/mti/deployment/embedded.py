"""The deployment on an embedded stack's folder, whether its stack runs at the moment or not."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from mti.common.adapters.identity import identity_in
from mti.common.adapters.packed import packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.composition.stores import live_registry
from mti.common.errors import ConfigurationError
from mti.common.ports.store import Store
from mti.common.registry import LiveRegistry
from mti.common.settings import BusSettings, TenantsSettings
from mti.common.topology import STANDARD, Topology
from mti.deployment.deployment import Deployment
from mti.deployment.tenants import TenantStates, file_of_folder, tenants_settings
from mti.operations.bus import BusView
from mti.operations.pauses import Held, Released
from mti.stack.attach import Attachment, Sight, attached, release_scheduled, seen, served
from mti.stack.errors import StackError
from mti.stack.layout import TENANTS_SECONDS, Layout
from mti.stack.namespace_view import NamespaceView

PURGED: Final = "purged.jsonl"
"""The file, among the logs, that keeps what a purge removes."""


class EmbeddedDeployment(Deployment):
    """The stack's databases, and its namespace: that of the running stack, or one of our own for the time being.

    Args: see `Deployment`.
        data: the folder, `DIR` of `mti up`.
    """

    def __init__(self, exits: AsyncExitStack, tenants: Path | None, *, data: Path, allow_loopback: bool = True) -> None:
        super().__init__(exits, tenants, allow_loopback=allow_loopback)
        self._layout = Layout(data)
        self._purged = self._layout.logs / PURGED
        self._attachment: Attachment | None = None
        self._sight: Sight | None = None
        self._sights = AsyncExitStack()
        exits.push_async_callback(self._sights.aclose)

    def tenants_settings(self) -> TenantsSettings:
        """See `Deployment`: the file that was named, or that of the last run, and the states in the folder."""
        path = self._tenants or file_of_folder(self._layout)
        states = f"sqlite:{self._layout.tenants.absolute()}"
        return tenants_settings(file=path, states=states, **self._loopback)

    async def tenant_states(self) -> TenantStates:
        """See `Deployment`. The folder is made, where a tenants file is named: a tenant may be paused before a run."""
        if self._tenants is None and not self._layout.bus.is_dir():
            raise ConfigurationError(
                f"{self._layout.root} is no folder of an embedded stack; name the --data folder of `mti up`, or, before"
                " its first run, the tenants file too, with --tenants"
            )
        self.tenants_settings()
        self._layout.make()
        return await super().tenant_states()

    @property
    def topology(self) -> Topology:
        """See `Deployment`: an embedded stack has the standard one, whatever the environment says of another."""
        return STANDARD

    async def is_running(self) -> bool:
        """See `Deployment`."""
        return (self._attachment or await self._seen()).running

    async def view(self) -> BusView:
        """See `Deployment`. Before anything is sent or received: who looks at a folder at rest has it to themselves."""
        return NamespaceView((await self._seen()).reader)

    async def release(self, lifted: Sequence[Held]) -> Released:
        """See `Deployment`."""
        if not lifted:
            return Released()
        try:
            released = await release_scheduled(await self._attached(), {one.id for one in lifted})
        except StackError as error:
            late = "the pauses ended, and what waits comes at its time, since the bus could not be told"
            return Released(notes=[f"{late}: {error}"])
        if released is None:
            return Released(notes=["no stack runs on the folder; what waits comes at once with the next `mti up`"])
        if not released.in_hand:
            return Released(released.released)
        until = max(one.until for one in lifted)
        note = (
            f"messages that a service still has in hand: {released.in_hand}; what it puts off, not knowing yet that the"
            f" pause ended, comes by {until:%Y-%m-%d %H:%M:%S} UTC or soon after"
        )
        return Released(released.released, [note])

    def _store(self, service: str, *, read_only: bool = False) -> Store:
        if not self._layout.bus.is_dir():
            raise ConfigurationError(
                f"{self._layout.root} is no folder of an embedded stack; name the --data folder of `mti up`"
            )
        return packed(SqliteStore(self._layout.database(service), read_only=read_only))

    def _has_stores(self, *services: str) -> bool:  # noqa: ARG002  a folder has them all
        return True

    async def _bus_settings(self) -> BusSettings:
        names = {name: field.default for name, field in BusSettings.model_fields.items()}
        connection = (await self._attached()).connection_string
        return BusSettings.from_environment(**{**names, "servicebus_connection_string": connection})

    async def _attached(self) -> Attachment:
        if self._attachment is None:
            await self._sights.aclose()
            self._sight = None
            self._attachment = await self._exits.enter_async_context(attached(self._layout.root))
        return self._attachment

    async def _seen(self) -> Sight:
        if self._sight is None:
            opening = seen(self._layout.root) if self._attachment is None else served(self._attachment)
            self._sight = await self._sights.enter_async_context(opening)
        return self._sight


@asynccontextmanager
async def followed_tenants(data: Path, tenants: Path, *, allow_loopback: bool) -> AsyncIterator[LiveRegistry]:
    """Follow the tenants of an embedded run, as its services do.

    Raises:
        ConfigurationError: the tenants file is wrong; the text lists all that is wrong.
    """
    async with AsyncExitStack() as exits:
        deployment = EmbeddedDeployment(exits, tenants, data=data, allow_loopback=allow_loopback)
        settings = deployment.tenants_settings().model_copy(update={"tenants_seconds": float(TENANTS_SECONDS)})
        yield await exits.enter_async_context(live_registry(settings, identity_in(exits)))
