"""The tenants file, read, checked and made into a registry."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from mti.common.registry.build import build
from mti.common.registry.document import read_document
from mti.common.registry.faults import Faults, InvalidTenantsFile, Lines, Loc
from mti.common.registry.file import SECTIONS, Defaults, File, Tenant
from mti.common.registry.model import Registry, TenantState

_EMPTY = "is empty; list at least one tenant (tenants.example.yaml shows how)"

M = TypeVar("M", bound=BaseModel)


def load_registry(path: Path, *, allow_loopback: bool, states: Mapping[str, TenantState] | None = None) -> Registry:
    """Read a tenants file. No secret is resolved; `check_secrets` does that.

    Args:
        path: a YAML file, as docs/tenants.md describes it.
        allow_loopback: whether endpoints on this machine are accepted, by plain http too.
        states: of the tenants that are paused or removed.

    Raises:
        InvalidTenantsFile: a `ConfigurationError` that lists all that is wrong with it.
    """
    document = read_document(path)
    return registry_from(
        document.data, allow_loopback=allow_loopback, lines=document.line, name=str(path), states=states
    )


def registry_from(
    document: object,
    *,
    allow_loopback: bool,
    lines: Lines | None = None,
    name: str = "the tenants file",
    states: Mapping[str, TenantState] | None = None,
) -> Registry:
    """Make a registry of a tenants file's contents, as plain data.

    Args:
        document: what the YAML (or JSON) holds.
        allow_loopback: whether endpoints on this machine are accepted, by plain http too.
        lines: where things stand in the file, for the texts of the faults.
        name: of the file, for the same.
        states: of the tenants that are paused or removed.

    Raises:
        InvalidTenantsFile: a `ConfigurationError` that lists all that is wrong with it.
    """
    if document is None:
        raise InvalidTenantsFile([_EMPTY], name)
    faults = Faults(document, lines or (lambda _: None))
    context = {"allow_loopback": allow_loopback}
    file = _checked(File, (), document, faults, context)
    if file is None:
        raise InvalidTenantsFile(faults.problems, name)
    if not file.tenants:
        faults.add(("tenants",), _EMPTY)
    defaults = Defaults()
    if file.defaults is not None:
        defaults = _checked(Defaults, ("defaults",), file.defaults, faults, context) or defaults
    tenants = []
    twins = _twins(file.tenants, faults)
    for position, entry in enumerate(file.tenants):
        tenant = _checked(Tenant, ("tenants", position), entry, faults, context)
        if tenant and position not in twins:
            tenants.append((position, tenant))
    registry = build(defaults, tenants, faults, states or {})
    if faults.problems:
        raise InvalidTenantsFile(faults.problems, name)
    return registry


def _checked(model: type[M], loc: Loc, value: object, faults: Faults, context: dict[str, bool]) -> M | None:
    try:
        return model.model_validate(value, context=context)
    except ValidationError as error:
        faults.add_invalid(loc, error, SECTIONS)
        return None


def _twins(entries: list[object], faults: Faults) -> set[int]:
    """Note each tenant whose id an earlier one has, and return their positions."""
    seen: dict[str, int] = {}
    twins = set()
    for position, entry in enumerate(entries):
        id = entry.get("id") if isinstance(entry, dict) else None
        if not isinstance(id, str):
            continue
        if id in seen:
            twins.add(position)
            first = seen[id] + 1
            faults.add(
                ("tenants", position, "id"), f"is the id of the tenant at position {first} too; give each its own"
            )
        seen.setdefault(id, position)
    return twins
