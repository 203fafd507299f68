"""`mti cost`: what a month costs with so many tenants, or what a run has cost."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from mti.cli.console import output, write_json
from mti.cli.cost_tables import months_view, run_view
from mti.cli.options import AsJson, Data
from mti.common.errors import ConfigurationError
from mti.deployment import open_deployment
from mti.operations.cost.assumptions import Assumptions, Bus, Capacity, Hosting
from mti.operations.cost.measured import measured
from mti.operations.cost.month import month
from mti.operations.cost.prices import Prices, list_prices
from mti.operations.cost.run import RunCost, counted_in, run_cost

_DEFAULT = Assumptions()
TENANTS = (10, 100, 1000)


def command(
    data: Data = None,
    count: Annotated[
        list[int] | None, typer.Option(min=1, help="Tenants; give it again for more columns. 10, 100 and 1,000.")
    ] = None,
    hosting: Annotated[
        list[Hosting] | None, typer.Option(help="Where the services run; both, where nothing is said.")
    ] = None,
    bus: Annotated[Bus, typer.Option(help="The tier of Service Bus.")] = _DEFAULT.bus,
    store: Annotated[Capacity, typer.Option(help="How Cosmos DB is paid for.")] = _DEFAULT.store,
    detections: Annotated[
        float, typer.Option(min=0, help="Of a tenant and day, in its own feed.")
    ] = _DEFAULT.detections,
    repeats: Annotated[
        float, typer.Option(min=0, max=1, help="The part of them whose observable is known.")
    ] = _DEFAULT.repeats,
    interval: Annotated[
        float, typer.Option(min=0.1, help="Minutes between two fetches of a source.")
    ] = _DEFAULT.interval,
    overlap: Annotated[float, typer.Option(min=0, help="Minutes that windows overlap.")] = _DEFAULT.overlap,
    tenants_seconds: Annotated[
        float, typer.Option(min=0.1, help="Seconds between two readings of the tenants in a store.")
    ] = _DEFAULT.tenants_seconds,
    replicas: Annotated[int, typer.Option(min=1, help="Of each container app.")] = _DEFAULT.replicas,
    busy: Annotated[
        float, typer.Option(min=0, max=1, help="The part of the time for which a replica is billed as busy.")
    ] = _DEFAULT.busy,
    empty_receives: Annotated[
        bool, typer.Option(help="Whether a receive that brings nothing is billed.")
    ] = _DEFAULT.empty_receives,
    prices: Annotated[
        Path | None, typer.Option(help="A file of prices, whose entries replace those that come along.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a month costs with so many tenants, or with --data what that run would have cost on Azure so far.

    It is computed from what each step of the pipeline was measured to ask of store and bus, and from dated list prices;
    docs/cost.md says how. What Sentinel bills the customers stands beside it.
    """
    at = list_prices() if prices is None else list_prices().with_those_of(prices)
    if data is not None:
        _show_run(asyncio.run(_run(data, at)), at, as_json=as_json)
        return
    try:
        assumed = Assumptions(
            bus=bus,
            store=store,
            detections=detections,
            repeats=repeats,
            interval=interval,
            overlap=overlap,
            tenants_seconds=tenants_seconds,
            replicas=replicas,
            busy=busy,
            empty_receives=empty_receives,
        )
    except ValidationError as error:
        raise ConfigurationError(str(error.errors(include_url=False)[0]["msg"])) from None
    months = [
        month(assumed.model_copy(update={"tenants": tenants, "hosting": host}), measured(), at)
        for host in hosting or Hosting
        for tenants in count or TENANTS
    ]
    if as_json:
        write_json({"currency": at.currency, "region": at.region, "months": [each.document() for each in months]})
    else:
        output().print(months_view(months, at))


async def _run(data: Path, at: Prices) -> RunCost:
    async with open_deployment(data, None) as deployment:
        return run_cost(await counted_in(await deployment.stores()), measured(), at)


def _show_run(found: RunCost, at: Prices, *, as_json: bool) -> None:
    if as_json:
        write_json({"currency": at.currency, "region": at.region, **found.document()})
    else:
        output().print(run_view(found, at))
