"""`docs/cost.md`: what a month costs, from what was measured and the prices that come along."""

from collections.abc import Iterator

from mti.operations.cost.assumptions import Assumptions, Bus, Capacity, Hosting
from mti.operations.cost.measured import Step, measured
from mti.operations.cost.month import month
from mti.operations.cost.moving import moving
from mti.operations.cost.prices import Price, list_prices
from tests.house.pages.generated import table

TENANTS = (10, 100, 1000)
WAYS = ((Bus.STANDARD, Capacity.SERVERLESS), (Bus.STANDARD, Capacity.AUTOSCALE), (Bus.PREMIUM, Capacity.AUTOSCALE))
SIGHTINGS = (1, 2, 7)


def page_parts() -> dict[str, str]:
    """Return the generated parts of the page."""
    return {
        "months": "\n\n".join(_months()),
        "ways": _ways(),
        "indicator": _indicator(),
        "steps": _steps(),
        "assumptions": _assumptions(),
        "prices": _prices(),
    }


def _months() -> Iterator[str]:
    for hosting in Hosting:
        found = [month(Assumptions(tenants=each, hosting=hosting), measured(), list_prices()) for each in TENANTS]
        rows = [
            (lines[0].what, *(f"{line.cost:,.2f}" for line in lines))
            for lines in zip(*(each.lines for each in found), strict=True)
        ]
        rows += [
            ("**all of it**", *(f"**{each.total:,.2f}**" for each in found)),
            ("a tenant", *(f"{each.a_tenant:,.2f}" for each in found)),
            ("*Sentinel bills the customers*", *(f"*{each.sentinel:,.2f}*" for each in found)),
        ]
        yield table((f"`{hosting.value}`", *(f"{each:,} tenants" for each in TENANTS)), rows)


def _ways() -> str:
    rows = []
    for hosting in Hosting:
        for bus, store in WAYS:
            found = [
                month(Assumptions(tenants=each, hosting=hosting, bus=bus, store=store), measured(), list_prices())
                for each in TENANTS
            ]
            rows.append((f"`{hosting.value}`", bus.value, store.value, *(f"{each.total:,.0f}" for each in found)))
    return table(("host", "Service Bus", "Cosmos DB", *(f"{each:,} tenants" for each in TENANTS)), rows)


def _indicator() -> str:
    rows = []
    for sightings in SIGHTINGS:
        found = moving(measured(), list_prices(), sightings=sightings)
        rows.append(
            (
                f"{sightings}",
                f"{found.request_units:.2f}",
                f"{found.bus_operations:.3f}",
                f"{found.cost * 1e6:.2f}",
                f"{found.sentinel * 1e6:.2f}",
                f"{found.cost_vs_sentinel:.2f}",
                f"{found.on_autoscale / found.sentinel:.2f}",
                f"{found.cost_vs_life:.2f}",
                f"{found.operations_vs_naive:.1f}",
            )
        )
    heads = (
        "detections of it",
        "request units",
        "bus operations",
        "a million of them cost",
        "Sentinel bills for a million",
        "the one to the other",
        "the same on autoscale",
        "and to all rows while it is active",
        "operations, times fewer than the naive way",
    )
    return table(heads, rows)


def _steps() -> str:
    rows = [(f"`{name}`", *_figures(step)) for name, step in measured()]
    return table(("step", "request units", "reads", "writes", "bus operations", "stored bytes", "log bytes"), rows)


def _figures(step: Step) -> Iterator[str]:
    for figure in (step.request_units, step.reads, step.writes, step.bus_operations, step.stored_bytes, step.log_bytes):
        yield f"{figure:,.2f}".rstrip("0").rstrip(".").replace("-0", "0") if figure else "0"


def _assumptions() -> str:
    rows = []
    for name, info in Assumptions.model_fields.items():
        default = getattr(info.default, "value", info.default)
        said = " ".join((info.description or "").split()).rstrip(".")
        rows.append((f"`{name}`", _default(default), said))
    return table(("assumption", "default", "what"), rows)


def _default(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def _prices() -> str:
    prices = list_prices()
    rows = [
        (f"`{name}`", _priced(price), price.unit, price.date, price.sure, f"[source]({price.source})")
        for name, price in prices.prices.items()
    ]
    return table(("price", f"in {prices.currency}, {prices.region}", "for a", "of", "sure", "from"), rows)


def _priced(price: Price) -> str:
    if price.price is not None:
        return f"{price.price:.8f}".rstrip("0").rstrip(".") + (f", {price.free:,g} free" if price.free else "")
    tiers = [f"{tier.price:g}" + ("" if tier.up_to is None else f" up to {tier.up_to:,g}") for tier in price.tiers]
    return ", then ".join(tiers)
