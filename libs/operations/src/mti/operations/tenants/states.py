"""Pausing, resuming and removing a tenant: a document beside its description, which stays as it is."""

import getpass
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

from mti.common.errors import ConfigurationError
from mti.common.ports.clock import Clock
from mti.common.ports.store import Container, Document
from mti.common.races import until_won
from mti.common.registry import TenantState, TenantStatus
from mti.common.registry.records import STATES, StateRecord, mark_changed, read_state

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """What was done to a tenant's state."""

    tenant: str
    before: TenantState
    after: TenantState

    @property
    def changed(self) -> bool:
        """Whether it has another status than before."""
        return self.before.status is not self.after.status


async def set_state(
    container: Container, tenant: str, status: TenantStatus, *, by: str, why: str, clock: Clock
) -> StateChange:
    """Give a tenant a status, whichever it has. The one that it has stays, with who gave it and why.

    Raises:
        ConfigurationError: the state that it has is none of this release.
        StoreUnavailable: the store does not answer.
    """

    async def attempt() -> StateChange:
        document = await container.read(STATES, tenant)
        before = read_state(document) if document else TenantState(status=TenantStatus.ACTIVE)
        if before.status is status:
            return StateChange(tenant=tenant, before=before, after=before)
        written = state_document(tenant, status, by=by, why=why, now=clock.now(), before=document)
        await container.write(written)
        change = StateChange(tenant=tenant, before=before, after=read_state(written))
        log.info("a tenant's state is another", extra={"tenant": tenant, "status": status.value, "by": by, "why": why})
        return change

    change = await until_won(attempt)
    await mark_changed(container)  # in any case: it may be what somebody wrote who was killed before this
    return change


def state_document(
    tenant: str, status: TenantStatus, *, by: str, why: str, now: datetime, before: Document | None
) -> Document:
    """Return the document of a state, over the one that was read."""
    record = StateRecord(status=status, since=now, by=by, why=why)
    return Document(
        partition=STATES, id=tenant, body=record.model_dump(mode="json"), etag=before.etag if before else None
    )


def known_among(tenants: Sequence[str], known: Collection[str], name: str) -> None:
    """See that there are such tenants.

    Args:
        tenants: what somebody wrote.
        known: the ids that there are.
        name: where they are described.

    Raises:
        ConfigurationError: names those that there are not, with what may have been meant.
    """
    unknown = [tenant for tenant in tenants if tenant not in known]
    if not unknown:
        return
    texts = []
    for tenant in unknown:
        close = get_close_matches(tenant, known, n=1)
        texts.append(f"{tenant[:63]!r} is not a tenant of {name}" + (f"; did you mean {close[0]!r}?" if close else ""))
    raise ConfigurationError("\n".join(texts) + "\n`mti tenants list` shows them; nothing was done")


def whoever() -> str:
    """Return who is at work, by the name of the account that this process runs under."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
