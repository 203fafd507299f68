"""From a tenants file to the store: looked at as a whole first, then written where it differs."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import JsonValue, TypeAdapter

from mti.common.errors import MtiError, WriteConflict
from mti.common.ports.store import Container, Document
from mti.common.registry import Registry, TenantStatus, registry_from
from mti.common.registry.faults import Lines
from mti.common.registry.records import DEFAULTS, TENANTS, Records, mark_changed, read_state, states_of
from mti.operations.tenants.states import state_document

log = logging.getLogger(__name__)

Body = dict[str, JsonValue]

_BODY: TypeAdapter[Body] = TypeAdapter(Body)
_AT_ONCE = 100


class ChangeKind(StrEnum):
    """What an import does to a tenant."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    """It is in the store and not in the file, and stays as it is."""
    REMOVED = "removed"
    """The same, and it was asked for that it be removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of one tenant, or of the defaults."""

    what: str
    """The tenant's id, or `defaults`."""
    kind: ChangeKind
    fields: tuple[str, ...] = ()
    """The names of the fields that are different; what is in them is not repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What is to be written, checked."""

    changes: tuple[Change, ...]
    """The defaults first, then the file's tenants in its order, then those that it does not have."""
    registry: Registry
    """What the services will see."""
    writes: tuple[Document, ...]
    """Over what was read."""
    deletes_defaults: bool = False

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.writes) or self.deletes_defaults


def plan_import(
    document: object,
    records: Records,
    *,
    name: str,
    lines: Lines | None = None,
    allow_loopback: bool,
    prune: bool = False,
    by: str = "",
    now: datetime,
) -> ImportPlan:
    """Decide what an import writes. Pure.

    Args:
        document: the tenants file, as plain data.
        records: what the store holds.
        name: of the file, for errors.
        lines: where things are in it, for the same.
        allow_loopback: whether endpoints on this machine are accepted.
        prune: remove the tenants that the file does not have.
        by: who, for the states of those.
        now: when.

    Raises:
        InvalidTenantsFile: lists all that is wrong with the file, or with what the store would hold.
    """
    registry_from(document, allow_loopback=allow_loopback, lines=lines, name=name)
    file = _BODY.validate_python(document)
    wanted = {str(body["id"]): body for body in TypeAdapter(list[Body]).validate_python(file["tenants"])}
    defaults = _BODY.validate_python(file.get("defaults") or {})
    changes = [_defaults_change(defaults, records.defaults)]
    changes += [_change(id, body, records.tenants.get(id)) for id, body in wanted.items()]
    writes = [_document(change.what, wanted, defaults, records) for change in changes if change.kind in _WRITTEN]
    states = states_of(records)
    for id in sorted(records.tenants.keys() - wanted.keys()):
        gone = id in states and states[id].status is TenantStatus.REMOVED
        removes = prune and not gone
        changes.append(Change(what=id, kind=ChangeKind.REMOVED if removes else ChangeKind.KEPT))
        if removes:
            written = state_document(
                id, TenantStatus.REMOVED, by=by, why=f"not in {name}", now=now, before=records.states.get(id)
            )
            writes.append(written)
            states[id] = read_state(written)
    deletes = not defaults and records.defaults is not None
    kept = {id: document.body for id, document in records.tenants.items() if id not in wanted}
    whole: dict[str, object] = {"tenants": list((kept | wanted).values())} | (
        {"defaults": defaults} if defaults else {}
    )
    registry = registry_from(whole, allow_loopback=allow_loopback, name=f"{name} with what is kept", states=states)
    return ImportPlan(changes=tuple(changes), registry=registry, writes=tuple(writes), deletes_defaults=deletes)


async def apply_import(container: Container, plan: ImportPlan) -> None:
    """Write what the plan says. Services see each document as it is written, and the rest at their next look.

    Raises:
        MtiError: somebody else wrote meanwhile; what was written stays, and importing again does the rest.
        StoreUnavailable: the same, since the store does not answer.
    """
    lost: list[str] = []
    for start in range(0, len(plan.writes), _AT_ONCE):
        part = plan.writes[start : start + _AT_ONCE]
        written = await container.write_many(part)
        lost += [document.id for document, result in zip(part, written, strict=True) if result is None]
    if plan.deletes_defaults:
        await container.delete(DEFAULTS, DEFAULTS)
    await mark_changed(container)
    if lost:
        raise _raced(lost)
    counts = {kind.value: sum(change.kind is kind for change in plan.changes) for kind in ChangeKind}
    log.info("tenants were imported", extra=counts)


_WRITTEN = frozenset({ChangeKind.ADDED, ChangeKind.CHANGED})


def _raced(lost: list[str]) -> MtiError:
    return WriteConflict(
        f"somebody else changed {', '.join(lost[:20])} at the same time, and they were left alone; look at the"
        " changes with --dry-run, and import again"
    )


def _defaults_change(defaults: Body, before: Document | None) -> Change:
    if not defaults:
        kind = ChangeKind.UNCHANGED if before is None else ChangeKind.REMOVED
        return Change(what=DEFAULTS, kind=kind)
    return _change(DEFAULTS, defaults, before)


def _change(id: str, body: Body, before: Document | None) -> Change:
    if before is None:
        return Change(what=id, kind=ChangeKind.ADDED)
    fields = tuple(sorted(field for field in body.keys() | before.body.keys() if _differs(field, body, before.body)))
    return Change(what=id, kind=ChangeKind.CHANGED if fields else ChangeKind.UNCHANGED, fields=fields)


def _differs(field: str, one: Body, other: Body) -> bool:
    return field not in one or field not in other or one[field] != other[field]


def _document(what: str, wanted: Mapping[str, Body], defaults: Body, records: Records) -> Document:
    before = records.defaults if what == DEFAULTS else records.tenants.get(what)
    return Document(
        partition=DEFAULTS if what == DEFAULTS else TENANTS,
        id=what,
        body=defaults if what == DEFAULTS else wanted[what],
        etag=before.etag if before else None,
    )
