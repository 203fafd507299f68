"""The options that say which dead letters are meant: the same ones, with the same meaning, for every command."""

import functools
import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

import typer

from mti.cli.options import Data, TenantsFile
from mti.common.registry.durations import parse_duration
from mti.deployment.tenants import workspaces_of
from mti.operations.dead_letters import Selection

CHOSEN = "chosen"


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _options(
    data: Data = None,
    entity: Annotated[
        str | None, typer.Option(help="A queue, topic or subscription: fetch-jobs, normalizer, …")
    ] = None,
    tenant: Annotated[
        str | None, typer.Option(help="A tenant's sources; with a tenants file, what is for its workspaces too.")
    ] = None,
    tenants: TenantsFile = None,
    source: Annotated[str | None, typer.Option(help="A source: contoso/malware_customer, grid:eu, …")] = None,
    destination: Annotated[str | None, typer.Option(help="A workspace's id.")] = None,
    reason: Annotated[str | None, typer.Option(help="A reason code, such as ObjectRefused.")] = None,
    older_than: Annotated[
        timedelta | None, typer.Option(parser=_duration, metavar="DURATION", help="Enqueued longer ago than 2h, 7d, …")
    ] = None,
    newer_than: Annotated[
        timedelta | None, typer.Option(parser=_duration, metavar="DURATION", help="Enqueued within the last 2h, 7d, …")
    ] = None,
    text: Annotated[str | None, typer.Option(help="In the description or in the body.")] = None,
    id: Annotated[list[str] | None, typer.Option(help="A sequence number or CloudEvents id. May be repeated.")] = None,
) -> Selection:
    return Selection(
        entity=entity,
        tenant=tenant,
        workspaces=workspaces_of(tenant, data, tenants),
        source=source,
        destination=destination,
        reason=reason,
        older_than=older_than,
        newer_than=newer_than,
        text=text,
        identities=frozenset(id or []),
    )


def with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of this module, and hand it what they say as `chosen`, a `Selection`."""
    filters = inspect.signature(_options).parameters
    own = inspect.signature(command)

    @functools.wraps(command)
    def wrapped(**given: Any) -> None:  # noqa: ANN401  as the options are
        chosen = _options(**{name: given[name] for name in filters})
        command(**{name: given[name] for name in own.parameters if name != CHOSEN}, **{CHOSEN: chosen})

    kept = [parameter for name, parameter in own.parameters.items() if name != CHOSEN and name not in filters]
    joined = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in (*kept, *filters.values())]
    wrapped.__signature__ = own.replace(parameters=joined)  # type: ignore[attr-defined]  # what typer reads
    wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in joined}
    return wrapped
