"""The dead letters of one service for who asks over HTTP: the work of `mti dlq`, as JSON documents.

An app's identity has rights on what its service receives from, so that each app answers for its own dead letters.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

from pydantic import JsonValue

from mti.common.errors import ConfigurationError
from mti.common.registry.durations import parse_duration
from mti.common.topology import Entity, Topology
from mti.deployment import open_deployment
from mti.deployment.dead_letters import DeadLetters
from mti.operations.dead_letters import Replayer, ReplayOptions, Selection, find, plan, survey, view
from mti.operations.to_json import to_json

FILTERS = ("tenant", "source", "destination", "reason", "text", "older_than", "newer_than", "id")
"""What a request may ask for, by the names of the options of `mti dlq`; `id` is one or several, with commas between."""

Json = dict[str, JsonValue]
Asked = Mapping[str, str]
"""A query's parameters."""


async def list_letters(service: str, asked: Asked) -> Json:
    """Count dead letters by reason.

    Args:
        service: whose.
        asked: `FILTERS`.

    Raises:
        ConfigurationError: a parameter is unknown or malformed, or the settings are wrong.
        BusUnavailable: the broker does not answer.
    """
    chosen = _selection(asked)
    async with _connected(service) as dead:
        groups = await survey(dead.queues, chosen, dead.clock)
    rows: list[JsonValue] = [to_json(group) for group in groups]
    return {"dead_letters": rows, "total": sum(group.count for group in groups)}


async def show_letters(service: str, asked: Asked) -> Json:
    """Return dead letters whole, at most `first` (1) of those that match.

    Args:
        service: whose.
        asked: `FILTERS` and `first`.

    Raises:
        ConfigurationError, BusUnavailable: see `list_letters`.
    """
    chosen, first = _selection(asked, "first"), _number(asked, "first", 1)
    async with _connected(service) as dead:
        found: list[JsonValue] = [view(letter) async for letter in find(dead.queues, chosen, dead.clock, limit=first)]
    return {"messages": found}


async def replay_letters(service: str, asked: Asked) -> Json:
    """Send dead letters back to where they came from, and return what became of them.

    Args:
        service: whose.
        asked: `FILTERS`; `all` where none is given; `limit`, `force` and `dry_run`, as of `mti dlq replay`.

    Raises:
        ConfigurationError: see `list_letters`; or nothing says which dead letters are meant.
        BusUnavailable: see `list_letters`.
    """
    chosen = _selection(asked, "all", "limit", "force", "dry_run")
    if chosen.everything and not _switch(asked, "all"):
        raise ConfigurationError(f"say which dead letters, by {', '.join(FILTERS)}, or all=true for every one")
    options = ReplayOptions(force=_switch(asked, "force"), dry_run=_switch(asked, "dry_run"))
    limit = _number(asked, "limit", None)
    async with _connected(service) as dead:
        planned = await plan(dead.queues, chosen, dead.clock, limit=limit)
        result = await Replayer(dead.queues, dead.judge, dead.clock, options).replay(planned)
    return result.document()


@asynccontextmanager
async def _connected(service: str) -> AsyncIterator[DeadLetters]:
    async with open_deployment(None) as deployment:
        yield await deployment.dead_letters([entity_of(service, deployment.topology)])


def entity_of(service: str, topology: Topology) -> Entity:
    """Return what a service receives from."""
    return {"fetcher": topology.jobs, "normalizer": topology.pages, "publisher": topology.indicators}[service]


def _selection(asked: Asked, *others: str) -> Selection:
    if unknown := sorted(asked.keys() - {*FILTERS, *others, "code"}):
        raise ConfigurationError(f"{', '.join(unknown)}: not known; there are {', '.join((*FILTERS, *others))}")
    return Selection(
        tenant=asked.get("tenant") or None,
        source=asked.get("source") or None,
        destination=asked.get("destination") or None,
        reason=asked.get("reason") or None,
        text=asked.get("text") or None,
        older_than=_duration(asked, "older_than"),
        newer_than=_duration(asked, "newer_than"),
        identities=frozenset(filter(None, asked.get("id", "").split(","))),
    )


def _duration(asked: Asked, name: str) -> timedelta | None:
    try:
        return parse_duration(asked[name]) if asked.get(name) else None
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error}") from None


def _number(asked: Asked, name: str, otherwise: int | None) -> int | None:
    text = asked.get(name, "")
    if not text:
        return otherwise
    if not text.isdecimal() or int(text) < 1:
        raise ConfigurationError(f"{name}: is not a number of dead letters; write 1 or more")
    return int(text)


def _switch(asked: Asked, name: str) -> bool:
    text = asked.get(name, "false").lower()
    if text not in ("true", "false"):
        raise ConfigurationError(f"{name}: is neither true nor false")
    return text == "true"
