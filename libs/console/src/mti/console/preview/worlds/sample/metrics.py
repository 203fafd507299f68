"""What the services would have measured of themselves in the two weeks, where Application Insights has it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Final

from mti.console.preview.worlds.billing import billed
from mti.console.preview.worlds.model import Row
from mti.console.preview.worlds.sample.customers import Customer

TENANTS: Final = 6
"""Customers whose own figures are measured; more than the sample has, and a bound for a folder with hundreds."""
_HOURS: Final = 13 * 24
_EVERY: Final = 3
"""Hours between the figures of one customer."""
_DEAD: Final = (
    (30, "raw-pages", "BadHash", 3), (77, "raw-pages", "MalformedPage", 1), (9, "indicators", "ObjectRefused", 2),
    (171, "raw-pages", "BadTimestamp", 2), (228, "indicators", "ObjectRefused", 1),
)  # fmt: skip
"""Hours ago, where, why and how many became dead letters."""
_RETRIES: Final = (
    (79, "fetch-jobs", "MimecastUnavailable", 14), (78, "fetch-jobs", "MimecastUnavailable", 21),
    (76, "fetch-jobs", "MimecastFailure", 4), (140, "indicators", "NoToken", 6),
    (52, "fetch-jobs", "CheckpointContended", 2), (17, "indicators", "NoToken", 3),
    (5, "fetch-jobs", "MimecastUnavailable", 2),
)  # fmt: skip
"""Hours ago, where, why and how many messages had to wait for another try."""
_PAUSED: Final = ((0, "source", "CredentialsRefused", 190, 7), (1, "destination", "RequestBlocked", 101, 3))
"""Of which customer, what, why, from how many hours ago, and for how many hours: they are over."""
_LAGS: Final = (("fetch-jobs", 9), ("raw-pages", 24), ("indicators", 40))
_CLOCKS: Final = (("mimecast", 0.4), ("sentinel", -0.6), ("entra", -0.5))
_DETECTIONS: Final = (("new", 14), ("refreshed", 9), ("suppressed", 31))
_REJECTED: Final = ("BadHash", "UnsupportedPattern", "BadTimestamp", "TestFile", "AllowListed")
_OBJECTS: Final = (("accepted", 60), ("covered", 22), ("overtaken", 3), ("refused", 0.7))


def metric_rows(customers: Sequence[Customer], now: datetime) -> list[Row]:
    """Return the rows of `AppMetrics`: they are in the provider's own workspace, here the first customer's."""
    rng = Random("metrics")  # noqa: S311  a sample, no secret
    home = customers[0].workspace.id
    rows = [*_by_the_hour(customers, now, rng), *_troubles(customers, now)]
    return [billed({**row, "TenantId": home}) for row in rows]


def _by_the_hour(customers: Sequence[Customer], now: datetime, rng: Random) -> Iterator[Row]:
    for hour in range(_HOURS):
        at = now - timedelta(hours=_HOURS - hour) + timedelta(minutes=50)
        busy = 1.6 if 7 <= at.hour <= 18 else 1.0
        # On one afternoon Mimecast answered slowly: the page shows where it was felt.
        bad = 9.0 if _HOURS - 80 < hour < _HOURS - 74 else 1.0
        for entity, usual in _LAGS:
            worst = usual * busy * (0.7 + 0.9 * rng.random()) * (bad if entity == "raw-pages" else 1)
            yield _metric("mti.message.lag", at, {"messaging.destination.name": entity}, worst * 4, 10, worst)
        for api, usual_seconds in _CLOCKS:
            yield _metric("mti.clock.ahead", at, {"mti.api": api}, round(usual_seconds + rng.random() - 0.5, 1))
        for number, customer in enumerate(customers):
            tenant = {"mti.tenant": _tenant(customer)}
            worst = 210 * busy * (0.6 + rng.random()) * (bad if bad == 1 else 3)
            silent = at > now - customer.silent
            if not silent:
                yield _metric("mti.freshness", at, tenant, worst * 5, 9, worst)
            if number < TENANTS and hour % _EVERY == number % _EVERY:
                yield from _of_tenant(customer, at, busy, bad, rng, silent=silent)


def _of_tenant(
    customer: Customer, at: datetime, busy: float, bad: float, rng: Random, *, silent: bool
) -> Iterator[Row]:
    """Yield what was counted of one customer: the more, the more mail it gets."""
    tenant, size = {"mti.tenant": _tenant(customer)}, busy * customer.waves / 20
    for api, usual, refused in (("sentinel", 130, 0.012 * busy), ("mimecast", 260, 0.05 * bad)):
        requests = int(usual * size)
        throttled = int(requests * refused * rng.random())
        yield _metric("mti.requests", at, {**tenant, "mti.api": api}, requests)
        if throttled:
            yield _metric("mti.requests.throttled", at, {**tenant, "mti.api": api}, throttled)
    outcomes = {outcome: int(part * size * (0.5 + rng.random())) for outcome, part in _DETECTIONS}
    if rng.random() < 0.15:
        outcomes["rejected"] = 1 + rng.randrange(3)
        labels = {**tenant, "mti.reason": rng.choice(_REJECTED)}
        yield _metric("mti.detections.rejected", at, labels, outcomes["rejected"])
    for outcome, count in outcomes.items():
        yield _metric("mti.detections", at, {**tenant, "mti.outcome": outcome}, count)
    if silent:
        return
    for outcome, part in _OBJECTS:
        if count := int(part * size * (0.5 + rng.random())):
            yield _metric("mti.objects", at, {**tenant, "mti.outcome": outcome}, count)


def _troubles(customers: Sequence[Customer], now: datetime) -> Iterator[Row]:
    for name, troubles in (("mti.retries", _RETRIES), ("mti.dead_letters", _DEAD)):
        for hours, entity, reason, count in troubles:
            labels = {"messaging.destination.name": entity, "mti.reason": reason}
            yield _metric(name, now - timedelta(hours=hours), labels, count)
    for number, kind, reason, since, hours in _PAUSED:
        if number < len(customers):
            labels = _pause(customers[number], kind, reason)
            for hour in range(hours + 1):
                yield _metric("mti.pauses", now - timedelta(hours=since - hour), labels, int(hour < hours))
    for customer in customers:
        # What could not be uploaded for so long is paused as long.
        labels = _pause(customer, "destination", "RoleMissing")
        for hour in range(int(customer.silent.total_seconds() // 3600)):
            yield _metric("mti.pauses", now - timedelta(hours=hour, minutes=10), labels, 1)


def _pause(customer: Customer, kind: str, reason: str) -> dict[str, str]:
    return {"mti.kind": kind, "mti.tenant": _tenant(customer), "mti.reason": reason}


def _tenant(customer: Customer) -> str:
    return customer.workspace.label.lower().partition(" ")[0].strip(",")


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
