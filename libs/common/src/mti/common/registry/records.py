"""The tenants in a store: one document a tenant, in the form of the file, one for the defaults, one a state.

All of them are in the container `tenants`, in three partitions. The embedded stack keeps the states alone there, since
its tenants are in a file that belongs to who edits it.

Beside them is a mark, which whoever has written anything makes another one afterwards: services read it again and
again, and all the rest when it changed, since a thousand documents cost a thousand times as much as one.
"""

import contextlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue, ValidationError

from mti.common.errors import ConfigurationError, WriteConflict
from mti.common.ports.store import Container, Document
from mti.common.registry.model import TenantState, TenantStatus

CONTAINER: Final = "tenants"
TENANTS: Final = "tenant"
"""The partition of the tenants, by id."""
DEFAULTS: Final = "defaults"
"""The partition of the one document of that id."""
STATES: Final = "state"
"""The partition of the states, by tenant. A tenant without one is active."""


MARK: Final = "mark"
"""The partition of the one document of that id that is another after each change."""


class StateRecord(BaseModel):
    """A tenant's state as a document."""

    model_config = ConfigDict(frozen=True)

    status: TenantStatus
    since: AwareDatetime | None = None
    by: str = ""
    why: str = ""

    @property
    def state(self) -> TenantState:
        """The same, as the registry has it."""
        return TenantState(status=self.status, since=self.since, by=self.by, why=self.why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What the container holds, of one look."""

    tenants: Mapping[str, Document]
    defaults: Document | None
    states: Mapping[str, Document]

    @property
    def version(self) -> tuple[tuple[str, str | None], ...]:
        """Changes when any document does: all keys with their etags."""
        found = [*self.tenants.values(), *self.states.values(), *([self.defaults] if self.defaults else [])]
        return tuple((f"{document.partition}/{document.id}", document.etag) for document in found)

    @property
    def has_tenants(self) -> bool:
        """Whether there is anything but states."""
        return bool(self.tenants) or self.defaults is not None

    def file(self) -> dict[str, JsonValue]:
        """Return the tenants file that it stands for, as plain data; the tenants in the order of their ids."""
        tenants: list[JsonValue] = [document.body for document in self.tenants.values()]
        defaults: dict[str, JsonValue] = {"defaults": self.defaults.body} if self.defaults else {}
        return {**defaults, "tenants": tenants}


async def read_records(container: Container, *, states_only: bool = False) -> Records:
    """Read the container.

    Raises:
        StoreUnavailable: it can't be reached.
    """
    states = {document.id: document async for document in container.scan(STATES)}
    if states_only:
        return Records(tenants={}, defaults=None, states=states)
    tenants = {document.id: document async for document in container.scan(TENANTS)}
    return Records(tenants=tenants, defaults=await container.read(DEFAULTS, DEFAULTS), states=states)


async def read_mark(container: Container) -> str | None:
    """Return what is another after each change; `None` where nobody has made one yet.

    Raises:
        StoreUnavailable: it can't be reached.
    """
    document = await container.read(MARK, MARK)
    return None if document is None else document.etag


async def mark_changed(container: Container) -> None:
    """Tell who follows the tenants that something of them was written: to be called after each writing.

    Who can't make the mark another one, or is killed before, leaves it to the next reading of all, which comes anyway.

    Raises:
        StoreUnavailable: it can't be reached; what was written stays, and is seen a little later.
    """
    document = await container.read(MARK, MARK)
    etag = None if document is None else document.etag
    # Whoever was faster has made it another one after what was written here, so that is seen, too.
    with contextlib.suppress(WriteConflict):
        await container.write(Document(partition=MARK, id=MARK, body={"write": secrets.token_hex(8)}, etag=etag))


def states_of(records: Records) -> dict[str, TenantState]:
    """Return the states by tenant.

    Raises:
        ConfigurationError: a document is none of this release.
    """
    return {id: read_state(document) for id, document in records.states.items()}


def read_state(document: Document) -> TenantState:
    """Read one state.

    Raises:
        ConfigurationError: the document is none of this release.
    """
    try:
        return StateRecord.model_validate(document.body).state
    except ValidationError:
        raise ConfigurationError(
            f"the state of tenant {document.id} in the container {CONTAINER} can't be read by this release; set it"
            " anew with `mti tenants pause`, `resume` or `remove`, or upgrade"
        ) from None
