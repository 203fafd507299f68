"""Which dead letters an address or a form means. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from starlette.exceptions import HTTPException

from mti.common.registry import Registry
from mti.common.registry.durations import parse_duration
from mti.operations.dead_letters import Mark, Selection

FIELDS: Final = ("entity", "reason", "tenant", "source", "destination", "text", "older_than", "newer_than")
"""The filters, by the names of `Selection`."""
_CHARACTERS: Final = 200


def given_in(query: Mapping[str, str]) -> dict[str, str]:
    """Return the filters that an address or a form has."""
    return {name: given for name in FIELDS if (given := query.get(name, "").strip()[:_CHARACTERS])}


def selection_of(given: Mapping[str, str], registry: Registry | None) -> Selection:
    """Return what filters mean.

    Args:
        given: by the names of `FIELDS`; what is absent asks for nothing.
        registry: the tenants, where they are known: then a tenant means what is for its workspaces too.

    Raises:
        HTTPException: a duration is none.
    """
    routes = registry.routes if registry is not None else ()
    tenant = given.get("tenant")
    return Selection(
        entity=given.get("entity"),
        reason=given.get("reason"),
        tenant=tenant,
        workspaces=frozenset(route.destination for route in routes if tenant is not None and tenant in route.tenants),
        source=given.get("source"),
        destination=given.get("destination"),
        text=given.get("text"),
        older_than=_duration(given, "older_than"),
        newer_than=_duration(given, "newer_than"),
    )


def mark_of(text: str) -> Mark | None:
    """Return the place that an address names; `None` where it names none."""
    entity, _, number = text.rpartition(":")
    return Mark(entity, int(number)) if entity and number.isascii() and number.isdigit() and len(number) < 20 else None


def _duration(given: Mapping[str, str], name: str) -> timedelta | None:
    text = given.get(name)
    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise HTTPException(400, f"{name.replace('_', ' ')}: {error}") from None
