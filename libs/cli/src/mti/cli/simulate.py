"""`mti simulate`: what noisy tenants cost the quiet ones, on a virtual clock."""

import logging
from typing import Annotated

import typer
from rich.text import Text

from mti.cli.console import Terminal, errors, write_json
from mti.cli.exit import FAILED
from mti.cli.tables import FittedTable, figures
from mti.common.errors import ConfigurationError
from mti.simulation import Comparison, Noise, Parameters, Percentiles, RunResult, buckets, compared

SHORTEST = 14.0
"""Minutes beyond the onset: the last eight are not measured, and something has to be."""


def command(
    tenants: Annotated[int, typer.Option(min=2, help="All tenants, the noisy ones included.")] = 1000,
    minutes: Annotated[float, typer.Option(help="Virtual minutes; the noise begins after five.")] = 25.0,
    backlog: Annotated[int, typer.Option(min=0, help="Detections that one tenant is behind by.")] = 1_000_000,
    dead: Annotated[int, typer.Option(min=0, help="Tenants of a region that takes no connection.")] = 100,
    hanging: Annotated[int, typer.Option(min=0, help="Accounts that never answer.")] = 4,
    throttled: Annotated[int, typer.Option(min=0, help="Workspaces that answer 429 to everything.")] = 20,
    fetchers: Annotated[int, typer.Option(min=1, help="Processes of the fetcher.")] = 1,
    normalizers: Annotated[int, typer.Option(min=1, help="Processes of the normalizer.")] = 1,
    publishers: Annotated[int, typer.Option(min=1, help="Processes of the publisher.")] = 1,
    jobs: Annotated[int | None, typer.Option(min=1, help="Jobs at once in a fetcher.")] = None,
    chunks: Annotated[int | None, typer.Option(min=1, help="Chunks at once in a normalizer.")] = None,
    sessions: Annotated[int | None, typer.Option(min=1, help="Sessions at once in a publisher.")] = None,
    seed: Annotated[int, typer.Option(help="Everything follows from it.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Simulate a thousand tenants with and without noisy ones, and say whether the quiet ones notice the noise."""
    parameters = Parameters(
        tenants=tenants,
        minutes=minutes,
        noise=Noise(backlog=backlog, dead=dead, hanging=hanging, throttled=throttled),
        fetchers=fetchers,
        normalizers=normalizers,
        publishers=publishers,
        jobs=jobs,
        chunks=chunks,
        sessions=sessions,
        seed=seed,
    )
    _check(parameters)
    console = errors()
    console.print(
        f"{parameters.quiet:,} quiet tenants for {minutes:g} virtual minutes, first alone, then beside a backlog of "
        f"{backlog:,} detections, {dead} tenants of a dead region, {hanging} hanging accounts and {throttled} "
        "throttled workspaces: this takes a minute or two."
    )
    logging.getLogger("mti").setLevel(logging.CRITICAL)  # hundreds of simulated failures are the point, not news
    comparison = compared(parameters)
    if as_json:
        write_json(comparison.document())
    else:
        _print(comparison, console)
    if not comparison.fair:
        raise typer.Exit(FAILED)


def _check(parameters: Parameters) -> None:
    if parameters.quiet < 1:
        raise ConfigurationError(
            f"of {parameters.tenants} tenants none is quiet: raise --tenants, or lower --dead, --hanging or --throttled"
        )
    if parameters.minutes < parameters.onset + SHORTEST:
        raise ConfigurationError(
            f"--minutes {parameters.minutes:g} leaves nothing to be measured; {parameters.onset + SHORTEST:g} is the "
            "least"
        )


def _print(comparison: Comparison, console: Terminal) -> None:
    alone, beside = comparison.alone, comparison.beside
    console.print(_percentiles_table(alone, beside))
    console.print(_buckets_table(alone, beside))
    console.print(_work_table(alone, beside))
    if comparison.fair:
        console.print(Text("Fair: the quiet tenants do not notice the noisy ones.", style="bold green"))
    for fault in comparison.faults:
        console.print(Text(f"UNFAIR: {fault}", style="bold red"))


def _percentiles_table(alone: RunResult, beside: RunResult) -> FittedTable:
    table = FittedTable("", "seconds of quiet tenants", figures("p50", "p95", "p99", "max", "measured", "missing"))
    for name, run in (("alone", alone), ("beside noise", beside)):
        counts = (f"{len(run.arrivals):,}", f"{run.missing:,}")
        table.add_row(f"freshness, {name}", *_cells(run.freshness), *counts)
        table.add_row(f"delay since due, {name}", *_cells(run.delay), *counts)
    return table


def _buckets_table(alone: RunResult, beside: RunResult) -> FittedTable:
    columns = figures("p50 alone", "p50 beside", "p95 alone", "p95 beside", "max beside")
    table = FittedTable("", "delay since due, minute", columns)
    before = dict(buckets(alone.arrivals))
    for minute, delay in buckets(beside.arrivals):
        base = before.get(minute)
        table.add_row(
            f"{minute:g}",
            "" if base is None else f"{base.p50:g}",
            f"{delay.p50:g}",
            "" if base is None else f"{base.p95:g}",
            f"{delay.p95:g}",
            f"{delay.max:g}",
        )
    return table


def _work_table(alone: RunResult, beside: RunResult) -> FittedTable:
    table = FittedTable("", "work", figures("alone", "beside noise"))
    rows: list[tuple[str, float, float]] = [
        ("backlog detections fetched", alone.backlog_fetched, beside.backlog_fetched),
        ("objects accepted a minute", alone.objects / alone.minutes, beside.objects / beside.minutes),
        ("uploads", alone.requests, beside.requests),
        ("uploads throttled", alone.throttled, beside.throttled),
    ]
    for name, depth in alone.depths.items():
        rows.append((f"{name}: most messages at once", depth.peak, beside.depths[name].peak))
        rows.append((f"{name}: dead-lettered", depth.dead, beside.depths[name].dead))
    for what, first, second in rows:
        table.add_row(what, f"{first:,.0f}", f"{second:,.0f}")
    return table


def _cells(measured: Percentiles) -> tuple[str, str, str, str]:
    return f"{measured.p50:g}", f"{measured.p95:g}", f"{measured.p99:g}", f"{measured.max:g}"
