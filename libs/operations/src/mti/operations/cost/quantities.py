"""How much of everything there is in a month: what was measured, as often as the assumptions say. Pure."""

from dataclasses import dataclass
from math import exp
from typing import Final

from mti.common.registry.origins import WHOLE
from mti.normalizer.records import OFFSET_SECONDS
from mti.operations.cost.assumptions import DAYS, SECONDS, Assumptions, Hosting
from mti.operations.cost.measured import Measured, Step

SERVICES: Final = 3
SCHEDULES: Final = SECONDS / 60
"""Runs of the schedule."""
CHUNK: Final = 400
"""Detections that a chunk holds at most."""
MESSAGE: Final = 100
"""Indicators that a message holds at most."""
RECEIVERS: Final = 16 + 4
"""Of a fetcher and a normalizer that wait for messages: `MTI_FETCHER_CONCURRENCY`, `MTI_NORMALIZER_CONCURRENCY`."""
RECEIVE_SECONDS: Final = 1.0
"""For which each of them waits before it asks again: every empty receive counts as an operation."""
ACCEPTING: Final = 4
"""Of a publisher that wait for a session at once."""
ACCEPT_SECONDS: Final = 30.0
LISTEN_SECONDS: Final = 60.0
"""For which the listener of a function app waits."""
SECRETS: Final = 2
"""References of a tenant that are read from the vault for each token of Mimecast's; those of a workspace are read once
a process."""
TOKEN_SECONDS: Final = 1800.0
"""For which a token of Mimecast's API 2.0 is good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantities:
    """Of one month, for all tenants together."""

    jobs: float
    chunks: float
    detections: float
    """As they are fetched: those of the overlap once more."""
    messages: float
    """To the publisher."""
    uploads: float
    """Objects that workspaces are given."""
    republished: float
    """Rows that Sentinel writes once more for indicators that are active."""
    executions: float
    """Of functions; none on container apps."""
    bus_operations: float
    request_units: float
    stored_gb: float
    vault_reads: float
    log_gb: float
    sentinel_gb: float


def quantities(assumed: Assumptions, steps: Measured) -> Quantities:
    """Return what there is to do in a month.

    Detections are taken to come one by one, at any time (a Poisson process): that spreads them over as many chunks as
    may be, and so does not flatter. Tenants are taken to have been there for as long as an indicator is valid.
    """
    per_day = 24 * 60 / assumed.interval
    jobs = assumed.tenants * per_day * DAYS
    window = (assumed.interval + assumed.overlap) / (24 * 60)  # days that a fetch asks for
    fetched, first = assumed.detections * window, assumed.new * (assumed.interval / (24 * 60))
    chunks = jobs * _parts(fetched, CHUNK)
    messages = jobs * _parts(first, MESSAGE)
    uploads = assumed.tenants * assumed.new * DAYS
    detections = jobs * fetched
    work = _work(steps, assumed, jobs=jobs, chunks=chunks, messages=messages, detections=detections)
    active = assumed.tenants * assumed.new * assumed.validity
    republished = active * DAYS / assumed.republished
    functions = assumed.hosting is Hosting.FUNCTIONS
    return Quantities(
        jobs=jobs,
        chunks=chunks,
        detections=detections,
        messages=messages,
        uploads=uploads,
        republished=republished,
        executions=SCHEDULES + jobs + chunks + messages if functions else 0.0,
        bus_operations=work.bus_operations + _empty_receives(assumed),
        request_units=work.request_units,
        stored_gb=active * (steps.detection_new.stored_bytes + steps.object_new.stored_bytes) / 1e9,
        vault_reads=assumed.tenants * SECRETS * min(SECONDS / TOKEN_SECONDS, per_day * DAYS),
        log_gb=work.log_bytes / 1e9,
        sentinel_gb=(uploads + republished) * assumed.row * 1024 / 1e9,
    )


def _work(
    steps: Measured,
    assumed: Assumptions,
    *,
    jobs: float,
    chunks: float,
    messages: float,
    detections: float,
) -> Step:
    came = assumed.tenants * assumed.detections * DAYS
    new, known, again = came * (1 - assumed.repeats), came * assumed.repeats, max(0.0, detections - came)
    readings = SERVICES * assumed.replicas * SECONDS / assumed.tenants_seconds
    whole = SERVICES * assumed.replicas * SECONDS / max(WHOLE, assumed.tenants_seconds)
    parts = (
        (steps.registry_read, readings),
        (steps.registry_whole, whole),
        (steps.registry_tenant, whole * assumed.tenants),
        (steps.schedule, SCHEDULES),
        (steps.schedule_source, SCHEDULES * assumed.tenants),
        (steps.job, jobs),
        (steps.chunk_fetched, chunks),
        (steps.chunk, chunks),
        (steps.offset, min(chunks, assumed.tenants * assumed.replicas * SECONDS / OFFSET_SECONDS)),
        (steps.detection_new, new),
        (steps.detection_known, known),
        (steps.detection_remembered, again),
        (steps.message, messages),
        (steps.batch, messages),
        (steps.object_new, new),
    )
    total = Step()
    for step, number in parts:
        total = total + step.times(number)
    return total


def _empty_receives(assumed: Assumptions) -> float:
    """Return how often somebody waits for messages in vain; nobody is taken to have anything to do."""
    if not assumed.empty_receives:
        return 0.0
    if assumed.hosting is Hosting.FUNCTIONS:
        return SERVICES * SECONDS / LISTEN_SECONDS
    waiting = RECEIVERS / RECEIVE_SECONDS + ACCEPTING / ACCEPT_SECONDS
    return assumed.replicas * SECONDS * waiting


def _parts(expected: float, limit: int) -> float:
    """Return how many parts are made of what comes in a time: none where nothing came, and full ones where much did."""
    return max(1 - exp(-expected), expected / limit)
