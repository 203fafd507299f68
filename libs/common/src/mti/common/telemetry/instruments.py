"""The metrics, by what happens. `docs/telemetry.md` lists them.

They are for dashboards and alerts. A redelivery may count a second time here; the books, which don't, are in the store.
"""

from collections.abc import Mapping
from typing import Final

from opentelemetry.metrics import Counter, Meter

from mti.common.ports.clock import Clock
from mti.common.telemetry import attributes as names
from mti.common.telemetry.bounds import Bounded
from mti.common.telemetry.pauses import PausesSeen

TENANTS: Final = 200
REASONS: Final = 100
"""Reason codes come from a short list of ours; a message that says one of its own must not make series of them."""

HTTP_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 120)
"""https://opentelemetry.io/docs/specs/semconv/http/http-metrics/, and beyond: a page may take minutes."""
WORK_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
WAIT_SECONDS: Final = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400)
AGE_SECONDS: Final = (1, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400, 259200, 604800)
CHARGES: Final = (1, 2, 3, 5, 7.5, 10, 15, 25, 50, 100, 250, 500, 1000)


class Instruments:
    """All metrics of a process.

    Args:
        meter: where they are kept.
        clock: the time, for pauses that end by themselves.
        tenants: how many tenants are told apart; the rest is `other`.
    """

    def __init__(self, meter: Meter, clock: Clock, tenants: int = TENANTS) -> None:
        self._tenants = Bounded(tenants)
        self._reasons = Bounded(REASONS)
        self.pauses = PausesSeen(clock, self._tenants, self._reasons)
        meter.create_observable_up_down_counter(
            "mti.pauses", [self.pauses.observe], "{pause}", "Sources and destinations that are paused"
        )
        counter, histogram = meter.create_counter, meter.create_histogram
        self._clock_ahead = meter.create_gauge("mti.clock.ahead", "s", "This machine's clock, against who was called")
        self._fetched = counter("mti.detections.fetched", "{detection}", "Detections that were published")
        self._detections = counter("mti.detections", "{detection}", "Detections that were normalized, by outcome")
        self._rejected = counter("mti.detections.rejected", "{detection}", "Detections that were rejected, by reason")
        self._indicators = counter("mti.indicators", "{indicator}", "Indicators that were emitted, by outcome")
        self._objects = counter("mti.objects", "{object}", "Objects that came to a workspace, by outcome")
        self._requests = counter("mti.requests", "{request}", "HTTP requests to Mimecast and Sentinel")
        self._throttled = counter("mti.requests.throttled", "{request}", "Those that were answered with 429")
        self._retries = counter("mti.retries", "{message}", "Messages that wait for another try, by reason")
        self._dead_letters = counter("mti.dead_letters", "{message}", "Messages that were dead-lettered, by reason")
        self._sent = counter("messaging.client.sent.messages", "{message}", "Messages that were sent")
        self._consumed = counter("messaging.client.consumed.messages", "{message}", "Messages that were received")
        self._process = histogram(
            "messaging.process.duration",
            "s",
            "Handling of a batch of messages",
            explicit_bucket_boundaries_advisory=WORK_SECONDS,
        )
        self._lag = histogram(
            "mti.message.lag",
            "s",
            "Age of the oldest message of a batch when it was handled, since it was enqueued",
            explicit_bucket_boundaries_advisory=WAIT_SECONDS,
        )
        self._freshness = histogram(
            "mti.freshness",
            "s",
            "From Mimecast's detection to its acceptance by Sentinel",
            explicit_bucket_boundaries_advisory=AGE_SECONDS,
        )
        self._http = histogram(
            "http.client.request.duration",
            "s",
            "HTTP requests to Mimecast and Sentinel",
            explicit_bucket_boundaries_advisory=HTTP_SECONDS,
        )
        self._charge = histogram(
            "azure.cosmosdb.client.operation.request_charge",
            "{request_unit}",
            "Request units that Cosmos DB charged",
            explicit_bucket_boundaries_advisory=CHARGES,
        )

    def fetched(self, source: str, detections: int) -> None:
        """Count detections of a source that the broker has confirmed."""
        self._fetched.add(detections, self._of(names.tenant_of(source)))

    def clock_ahead(self, api: str, seconds: float) -> None:
        """Record by how much this machine's clock is ahead of a server's; below zero it is behind."""
        self._clock_ahead.set(seconds, {names.API: api})

    def detections(self, source: str, outcomes: Mapping[str, int], rejected: Mapping[str, int]) -> None:
        """Count the detections of a chunk.

        Args:
            source: the source's id.
            outcomes: `new`, `refreshed`, `suppressed`.
            rejected: by reason.
        """
        tenant = self._of(names.tenant_of(source))
        for outcome, count in {**outcomes, "rejected": sum(rejected.values())}.items():
            if count:
                self._detections.add(count, {**tenant, names.OUTCOME: outcome})
        for reason, count in rejected.items():
            self._rejected.add(count, {**tenant, names.REASON: self._reasons.of(reason)})

    def indicators(self, source: str, outcomes: Mapping[str, int]) -> None:
        """Count indicators that were emitted, `new` or `refreshed`."""
        self._add(self._indicators, source, outcomes)

    def objects(self, source: str, outcomes: Mapping[str, int]) -> None:
        """Count objects that a workspace accepted or refused, or that it did not need."""
        self._add(self._objects, source, outcomes)

    def fresh(self, source: str, seconds: float) -> None:
        """Record how old a detection was when a workspace accepted it."""
        self._freshness.record(max(0.0, seconds), self._of(names.tenant_of(source)))

    def requested(self, api: str, tenant: str | None, seconds: float, http: Mapping[str, str | int]) -> None:
        """Record an HTTP request, with the attributes of its metric."""
        self._http.record(seconds, {**http, names.API: api})
        attributes = {names.API: api, **(self._of(tenant) if tenant is not None else {})}
        self._requests.add(1, attributes)
        if http.get(names.STATUS_CODE) == 429:
            self._throttled.add(1, attributes)

    def retried(self, entity: str, reason: str) -> None:
        """Count a message of an entity that waits for another try."""
        self._retries.add(1, {names.ENTITY: entity, names.REASON: self._reasons.of(reason)})

    def dead_lettered(self, entity: str, reason: str) -> None:
        """Count a message of an entity that was dead-lettered."""
        self._dead_letters.add(1, {names.ENTITY: entity, names.REASON: self._reasons.of(reason)})

    def sent(self, entity: str, messages: int) -> None:
        """Count messages that the broker has confirmed."""
        self._sent.add(messages, _messaging(entity, "send"))

    def handled(self, entity: str, messages: int, seconds: float, lag: float | None) -> None:
        """Record a batch that was handled: how long that took, and how long its oldest message had waited."""
        self._consumed.add(messages, _messaging(entity, "receive"))
        self._process.record(seconds, _messaging(entity, "process"))
        if lag is not None:
            self._lag.record(max(0.0, lag), {names.ENTITY: entity})

    def charged(self, container: str, operation: str, units: float) -> None:
        """Record what Cosmos DB charged for an operation."""
        self._charge.record(units, {names.COLLECTION: container, names.OPERATION: operation})

    def _of(self, tenant: str) -> dict[str, str]:
        return {names.TENANT: self._tenants.of(tenant)}

    def _add(self, counter: Counter, source: str, outcomes: Mapping[str, int]) -> None:
        tenant = self._of(names.tenant_of(source))
        for outcome, count in outcomes.items():
            if count:
                counter.add(count, {**tenant, names.OUTCOME: outcome})


def _messaging(entity: str, operation: str) -> dict[str, str]:
    return {names.SYSTEM: names.SERVICE_BUS, names.ENTITY: entity, names.OPERATION_NAME: operation}
