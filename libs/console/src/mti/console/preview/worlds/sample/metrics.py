"""What the services would have measured of themselves in the two weeks, where Application Insights has it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

from mti.console.preview.worlds.model import Row
from mti.console.preview.worlds.sample.customers import Customer

_HOURS = 13 * 24
_DEAD = ((30, "raw-pages", "BadHash", 3), (77, "raw-pages", "MalformedPage", 1), (9, "indicators", "ObjectRefused", 2))
"""Hours ago, where, why and how many became dead letters."""
_LAGS = (("fetch-jobs", 9), ("raw-pages", 24), ("indicators", 40))


def metric_rows(customers: Sequence[Customer], now: datetime) -> list[Row]:
    """Return the rows of `AppMetrics`: they are in the provider's own workspace, here the first customer's."""
    rng = Random("metrics")  # noqa: S311  a sample, no secret
    home = customers[0].workspace.id
    return [{**row, "TenantId": home} for row in _rows(customers, now, rng)]


def _rows(customers: Sequence[Customer], now: datetime, rng: Random) -> Iterator[Row]:
    for hour in range(_HOURS):
        at = now - timedelta(hours=_HOURS - hour) + timedelta(minutes=50)
        busy = 1.6 if 7 <= at.hour <= 18 else 1.0
        # On one afternoon Mimecast answered slowly: the page shows where it was felt.
        bad = 9.0 if _HOURS - 80 < hour < _HOURS - 74 else 1.0
        for entity, usual in _LAGS:
            worst = usual * busy * (0.7 + 0.9 * rng.random()) * (bad if entity == "raw-pages" else 1)
            yield _metric("mti.message.lag", at, {"messaging.destination.name": entity}, worst * 4, 10, worst)
        for customer in customers:
            worst = 210 * busy * (0.6 + rng.random()) * (bad if bad == 1 else 3)
            name = customer.workspace.label.lower().partition(" ")[0]
            yield _metric("mti.freshness", at, {"mti.tenant": name}, worst * 5, 9, worst)
        asked = int(130 * busy)
        yield _metric("mti.requests", at, {"mti.api": "sentinel"}, asked)
        yield _metric("mti.requests", at, {"mti.api": "mimecast"}, asked * 2)
        yield _metric("mti.requests.throttled", at, {"mti.api": "sentinel"}, int(asked * 0.012 * busy * rng.random()))
        yield _metric("mti.requests.throttled", at, {"mti.api": "mimecast"}, int(asked * 0.05 * rng.random() * bad))
        for outcome, part in (("accepted", 60), ("covered", 22), ("overtaken", 3), ("refused", 0.06)):
            yield _metric("mti.objects", at, {"mti.outcome": outcome}, int(part * busy * (0.5 + rng.random())))
    recently = now - timedelta(minutes=10)
    paused = {"mti.kind": "destination", "mti.tenant": "northwind", "mti.reason": "Forbidden"}
    yield _metric("mti.pauses", recently, paused, 1)
    for hours, entity, reason, count in _DEAD:
        labels = {"messaging.destination.name": entity, "mti.reason": reason}
        yield _metric("mti.dead_letters", now - timedelta(hours=hours), labels, count)


def _metric(
    name: str, at: datetime, labels: Mapping[str, str], total: float, count: int = 1, worst: float | None = None
) -> Row:
    return {
        "TimeGenerated": at,
        "Name": name,
        "Sum": float(total),
        "ItemCount": count,
        "Max": float(total if worst is None else worst),
        "Properties": dict(labels),
    }
