"""Bills, for people: a month as a table with a column for each number of tenants, and a run as a few lines."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Group, RenderableType

from mti.cli.console import sentence
from mti.cli.tables import FittedTable, figures
from mti.operations.cost.month import Month
from mti.operations.cost.prices import Prices
from mti.operations.cost.run import RunCost


def months_view(months: Sequence[Month], prices: Prices) -> Group:
    """Return a table for each host, and what the figures hold for.

    Args:
        months: those of one host in a row, each with the same assumptions but for the tenants.
        prices: of which they are made.
    """
    parts: list[RenderableType] = []
    for host, found in groupby(months, lambda each: each.assumed.hosting):
        parts += [_table(host.value, list(found), prices), ""]
    return Group(*parts, *map(sentence, _notes(months[0], prices)))


def run_view(found: RunCost, prices: Prices) -> Group:
    """Return what a run has cost."""
    counted, work = found.counted, found.work
    table = FittedTable("", "of the run", figures("quantity", prices.currency))
    table.add_row("store, requests (RU)", f"{work.request_units:,.0f}", _small(found.store))
    table.add_row("bus, operations", f"{work.bus_operations:,.0f}", _small(found.bus))
    table.add_row("Sentinel, rows", f"{counted.uploads:,}", _small(found.sentinel))
    share = found.cost_vs_sentinel
    told = (
        f"Counted in its books: {counted.jobs:,.0f} jobs, {counted.chunks:,} chunks, {counted.detections:,} detections,"
        f" {counted.indicators:,} indicators, {counted.requests:,} requests. What each asks of store and bus was"
        " measured; hosts, logs and vault are not in it."
    )
    compared = "" if share is None else f" Store and bus cost {share:.2f} times what Sentinel bills for the rows."
    return Group(table, "", sentence(told + compared), sentence(_priced(prices)))


def _table(host: str, months: Sequence[Month], prices: Prices) -> FittedTable:
    heads = [f"{each.assumed.tenants:,} tenants" for each in months]
    table = FittedTable(f"{host}, {prices.currency} a month", "for", figures(*heads))
    for lines in zip(*(each.lines for each in months), strict=True):
        table.add_row(lines[0].what, *(money(line.cost) for line in lines))
    table.add_row("all of it", *(money(each.total) for each in months))
    table.add_row("a tenant", *(money(each.a_tenant) for each in months))
    table.add_row("Sentinel bills, beside it", *(money(each.sentinel) for each in months))
    return table


def _notes(found: Month, prices: Prices) -> Iterator[str]:
    given = found.assumed
    yield (
        f"Assumed: {given.detections:g} detections a tenant and day, {given.repeats:.0%} of them known; a fetch every"
        f" {given.interval:g} minutes with an overlap of {given.overlap:g}; the tenants are read every"
        f" {given.tenants_seconds:g} seconds; {given.bus.value} bus, {given.store.value} store; an indicator is active"
        f" for {given.validity:g} days, and is written once more by Sentinel every {given.republished:g}."
    )
    yield _priced(prices)


def _priced(prices: Prices) -> str:
    dates = sorted({price.date for price in prices.prices.values()})
    return f"List prices of {prices.region}, of {', '.join(dates)}; none is an offer."


def money(amount: float) -> str:
    """Return an amount, to the cent."""
    return f"{amount:,.2f}"


def _small(amount: float) -> str:
    return f"{amount:,.6f}"
