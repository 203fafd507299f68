"""Withdraws a false positive that somebody met in one workspace: `RevokeObservable`, asked for by a machine.

A person at a terminal sees what would be done before it is. A request has to bring its own proof that it makes sense:
the workspace is a tenant's, and was sent what is to be withdrawn. Who asked, and why, is logged and kept with the
withdrawal.
"""

import logging
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, StringConstraints

from mti.common.errors import ConfigurationError
from mti.common.ports.bus import Sender
from mti.common.ports.clock import Clock
from mti.common.registry import Registry
from mti.normalizer.indicators import indicator_id
from mti.operations.revoking.observable import RevokeObservable
from mti.operations.revoking.parse_observable import observable_of
from mti.operations.revoking.results import RevokeResult
from mti.operations.stores import WithdrawalStores
from mti.publisher.records import PUBLISHED, PublishedVersions

log = logging.getLogger(__name__)

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\r\n\t]*$")]
WORKSPACE: Final = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


class WithdrawalRequest(BaseModel):
    """What is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    workspace: Annotated[str, StringConstraints(pattern=WORKSPACE)]
    """The id of the workspace in which it turned out to be a false positive."""
    observable: Annotated[str, StringConstraints(min_length=1, max_length=2048)]
    """A hash, or another observable, as `mti revoke --observable` takes it."""
    asked_by: Line
    """Who asks: a person's name or an incident's, to be found again in the log."""
    reason: Line
    dry_run: bool = False
    """Whether to say what would be done, and do nothing."""


class NotThere(ConfigurationError):
    """No tenant has the workspace, or the workspace was never sent the observable."""


class WithdrawFromWorkspace:
    """Withdraws for everyone what a workspace was sent and took for a false positive.

    It may be asked for again: what is withdrawn already stays so and is not sent twice.

    Args: see `RevokeObservable`.
    """

    def __init__(self, registry: Registry, stores: WithdrawalStores, sender: Sender, clock: Clock) -> None:
        self._registry = registry
        self._versions = PublishedVersions(stores.publisher.container(PUBLISHED), clock)
        self._revoking = RevokeObservable(registry, stores, sender, clock)

    async def run(self, asked: WithdrawalRequest) -> RevokeResult:
        """Withdraw it, or say what would be done.

        Raises:
            NotThere: the workspace is nobody's, or was never sent it.
            ConfigurationError: it is no observable.
            BusUnavailable, StoreUnavailable: ask again.
        """
        observable = observable_of(asked.observable)
        destination = self._registry.served.get(asked.workspace.lower())
        if destination is None:
            raise NotThere(f"no tenant has the workspace {asked.workspace.lower()}; ask with the id of one that has")
        own = indicator_id(observable)
        if own not in await self._versions.look_up(destination.id, [own]):
            raise NotThere(
                f"the workspace {destination.id} ({', '.join(destination.tenants)}) was never sent {observable.value}; "
                "what another source brought there is withdrawn at that source"
            )
        about = {
            "workspace": destination.id,
            "tenants": list(destination.tenants),
            "observable": observable.value,
            "by": asked.asked_by,
            "why": asked.reason,
            "dry_run": asked.dry_run,
        }
        log.info("a withdrawal is asked for", extra=about)
        kept = f"{asked.reason} (asked by {asked.asked_by}, of workspace {destination.id})"
        result = await self._revoking.run(observable, kept, dry_run=asked.dry_run)
        counts = {"revoked": result.revoked.total(), "already": result.already, "unserved": result.unserved.total()}
        log.info("a withdrawal was answered", extra={**about, **counts})
        return result
