"""The trace of a message, from the sender to its settlement."""

import logging
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry.trace import SpanKind, format_span_id, format_trace_id

from mti.common.contracts import job_message
from mti.common.contracts.envelope import RETRIES, TRACEPARENT, copy_id
from mti.common.errors import Poison, Retry
from mti.common.hosting import Settler, deliver
from mti.common.ports.bus import Outgoing, Received
from mti.common.ports.settlement import Complete, Outcome, Park
from mti.common.telemetry import active, beginning, in_trace_of, processing, received, sending
from mti.common.topology import STANDARD
from tests.support.recorded import attributes_of, recorded, series

pytestmark = pytest.mark.pure

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
OTHER = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-01"
NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
RAW_PAGES = STANDARD.pages


class Still:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        return None


class Outbox:
    """Keeps what is sent, as the broker would."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    async def send(self, messages: Sequence[Outgoing]) -> None:
        if messages:
            with sending("raw-pages", messages) as traced:
                self.sent += traced


class Broker:
    """Notes how messages were settled."""

    def __init__(self) -> None:
        self.completed: list[str] = []
        self.dead: list[tuple[str, str]] = []

    async def complete(self, message: Received) -> None:
        self.completed.append(message.message_id)

    async def abandon(self, message: Received) -> None:
        raise AssertionError

    async def dead_letter(self, message: Received, reason: str, description: str) -> None:
        self.dead.append((reason, description))


def message(traceparent: object = PARENT, number: int = 1, **properties: str | int) -> Received:
    trace = {} if traceparent is None else {TRACEPARENT: traceparent}
    return Received(
        body=b"{}",
        message_id=f"m{number}",
        subject="contoso/malware_customer",
        properties={"cloudEvents_source": "/sources/contoso/malware_customer", **trace, **properties},  # type: ignore[dict-item]
        sequence_number=number,
        enqueued_at=NOW - timedelta(seconds=90 * number),
    )


def outgoing(**properties: str) -> Outgoing:
    return Outgoing(body=b"{}", message_id="m1", properties=properties)


async def delivered(batch: Sequence[Received], *outcomes: Outcome | Exception) -> tuple[Broker, Outbox]:
    async def handler(messages: Sequence[Received]) -> list[Outcome]:
        found = [outcomes[one.sequence_number - 1] for one in messages]
        for outcome in found:
            if isinstance(outcome, Exception):
                raise outcome
        return [outcome for outcome in found if not isinstance(outcome, Exception)]

    broker, outbox = Broker(), Outbox()
    settler = Settler(outbox, "normalizer", Still(), random.Random(7))
    await deliver(handler, settler, broker, batch, RAW_PAGES)
    return broker, outbox


def test_what_is_sent_while_a_message_is_handled_goes_on_in_its_trace() -> None:
    with recorded() as there, processing(RAW_PAGES, [message()]), sending("indicators", [outgoing()]) as sent:
        pass
    process, send = there.span("process raw-pages"), there.span("send indicators")
    assert process.parent is not None
    assert (format_trace_id(process.parent.trace_id), format_span_id(process.parent.span_id)) == (TRACE, SPAN)
    assert send.parent == process.context
    assert send.context is not None
    assert sent[0].properties[TRACEPARENT] == f"00-{TRACE}-{format_span_id(send.context.span_id)}-01"
    assert (process.kind, send.kind) == (SpanKind.CONSUMER, SpanKind.PRODUCER)


def test_spans_say_which_entity_message_source_and_tenant_they_are_about() -> None:
    with recorded() as there, processing(RAW_PAGES, [message()]), sending("indicators", [outgoing()]):
        pass
    assert attributes_of(there.span("process raw-pages")) == {
        "messaging.system": "servicebus",
        "messaging.destination.name": "raw-pages",
        "messaging.destination.subscription.name": "normalizer",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.message.id": "m1",
        "messaging.servicebus.message.delivery_count": 0,
        "mti.source": "contoso/malware_customer",
        "mti.tenant": "contoso",
    }
    sent = attributes_of(there.span("send indicators"))
    assert (sent["messaging.destination.name"], sent["mti.tenant"]) == ("indicators", "contoso")


def test_a_batch_of_several_traces_is_linked_to_each_of_them() -> None:
    with recorded() as there, processing(RAW_PAGES, [message(PARENT), message(OTHER), message(OTHER), message(None)]):
        pass
    process = there.span("process raw-pages")
    assert process.parent is None
    assert [format_trace_id(link.context.trace_id) for link in process.links] == [TRACE, "a" * 32]
    assert attributes_of(process)["messaging.batch.message_count"] == 4


def test_a_batch_of_one_trace_stays_in_it() -> None:
    second = f"00-{TRACE}-cccccccccccccccc-01"
    with recorded() as there, processing(RAW_PAGES, [message(PARENT), message(second)]):
        pass
    process = there.span("process raw-pages")
    assert process.context is not None
    assert format_trace_id(process.context.trace_id) == TRACE
    assert len(process.links) == 2


def test_the_handling_is_linked_to_the_span_of_a_host_around_it() -> None:
    with recorded() as there, in_trace_of({TRACEPARENT: OTHER}), processing(RAW_PAGES, [message(PARENT)]):
        pass
    process = there.span("process raw-pages")
    assert process.context is not None
    assert format_trace_id(process.context.trace_id) == TRACE
    assert [format_trace_id(link.context.trace_id) for link in process.links] == ["a" * 32]


@pytest.mark.parametrize("traceparent", ["", "rubbish", "00-" + "0" * 32 + "-" + "1" * 16 + "-01", 7, "x" * 5000])
def test_a_traceparent_of_a_stranger_begins_a_new_trace(traceparent: object) -> None:
    with recorded() as there, processing(RAW_PAGES, [message(traceparent)]):
        pass
    assert there.span("process raw-pages").parent is None


def test_a_copy_or_a_replay_keeps_its_own_trace_and_the_sending_is_linked_to_it() -> None:
    with recorded() as there, sending("raw-pages", [outgoing(traceparent=OTHER), outgoing()]) as sent:
        pass
    assert sent[0].properties[TRACEPARENT] == OTHER
    assert sent[1].properties[TRACEPARENT] != OTHER
    (link,) = there.span("send raw-pages").links
    assert format_trace_id(link.context.trace_id) == "a" * 32


def test_a_trace_changes_nothing_but_one_property() -> None:
    made = job_message("grid:eu", 3)
    with recorded(), sending("fetch-jobs", [made]) as sent:
        pass
    without = {name: value for name, value in sent[0].properties.items() if name != TRACEPARENT}
    assert without == made.properties
    assert (sent[0].message_id, sent[0].body, sent[0].subject) == (made.message_id, made.body, made.subject)
    assert copy_id(sent[0].message_id, RETRIES, 1) == "fetch:grid:eu:3~r1"


def test_each_fetch_job_has_a_trace_of_its_own_linked_to_what_made_it() -> None:
    with recorded() as there, processing(STANDARD.jobs, [message()]):
        jobs = [beginning("fetch job", job_message("grid:eu", revision)) for revision in (1, 2)]
    traces = {str(job.properties[TRACEPARENT]).split("-")[1] for job in jobs}
    assert len(traces | {TRACE}) == 3
    created = [span for span in there.spans if span.name == "create fetch job"]
    assert [format_trace_id(span.links[0].context.trace_id) for span in created] == [TRACE, TRACE]


def test_a_receive_that_brought_something_is_a_span_with_its_messages_linked() -> None:
    with recorded() as there:
        received(RAW_PAGES, [message(PARENT), message(OTHER)], began=1_000_000_000)
    span = there.span("receive raw-pages")
    assert (span.start_time, len(span.links), span.parent) == (1_000_000_000, 2, None)


async def test_the_settlement_is_spanned_and_says_what_became_of_the_messages() -> None:
    with recorded() as there:
        await delivered([message()], Complete())
    settle = there.span("settle raw-pages")
    assert settle.parent == there.span("process raw-pages").context
    assert attributes_of(settle)["messaging.servicebus.disposition_status"] == "complete"
    assert attributes_of(there.span("process raw-pages"))["mti.outcome"] == "complete"


async def test_a_dead_letter_is_counted_by_reason_and_marks_the_span_as_failed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with recorded() as there:
        broker, _ = await delivered([message()], Poison("MalformedBody", "a sentence that is for the log"))
    assert broker.dead == [("MalformedBody", "a sentence that is for the log")]
    process = there.span("process raw-pages")
    assert (process.status.is_ok, process.status.description) == (False, "MalformedBody")
    assert attributes_of(process)["error.type"] == "MalformedBody"
    assert there.points("mti.dead_letters") == {
        series(messaging_destination_name="raw-pages", mti_reason="MalformedBody"): 1
    }
    assert "a sentence" not in str([span.to_json() for span in there.spans])


async def test_a_retry_is_counted_and_its_copy_stays_in_the_trace() -> None:
    with recorded() as there:
        broker, outbox = await delivered([message()], Retry("MimecastUnavailable", "later"))
    assert broker.completed == ["m1"]
    (copy,) = outbox.sent
    assert (copy.message_id, copy.properties[TRACEPARENT]) == ("m1~r1", PARENT)
    assert there.points("mti.retries") == {
        series(messaging_destination_name="raw-pages", mti_reason="MimecastUnavailable"): 1
    }


async def test_a_parked_copy_stays_in_the_trace_and_is_no_retry() -> None:
    with recorded() as there:
        _, outbox = await delivered([message()], Park(timedelta(seconds=5), "RateLimited"))
    assert outbox.sent[0].properties[TRACEPARENT] == PARENT
    assert there.points("mti.retries") == {}


async def test_the_lag_is_that_of_the_oldest_message() -> None:
    with recorded(Still()) as there:
        await delivered([message(number=1), message(number=2)], Complete(), Complete())
    assert there.histogram("mti.message.lag") == [180.0]
    consumed = there.points("messaging.client.consumed.messages")
    assert list(consumed.values()) == [2]


async def test_logs_of_a_batch_name_the_trace_of_the_message_that_they_are_about() -> None:
    found: list[tuple[str, str]] = []

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            from opentelemetry import trace

            found.append((record.getMessage(), format_trace_id(trace.get_current_span().get_span_context().trace_id)))

    logger = logging.getLogger("mti.common.hosting.settler")
    handler = Listening()
    logger.addHandler(handler)
    try:
        with recorded():
            await delivered([message(PARENT, 1), message(OTHER, 2)], Complete(), Poison("BadHash", "…"))
    finally:
        logger.removeHandler(handler)
    assert found == [("a message is dead-lettered", "a" * 32)]


class TestWithoutAnExporter:
    def test_a_trace_leads_through_all_the_same(self) -> None:
        with processing(RAW_PAGES, [message()]) as current, sending("indicators", [outgoing()]) as sent:
            assert not current.is_recording()
        assert str(sent[0].properties[TRACEPARENT]).startswith(f"00-{TRACE}-")

    def test_work_that_nobody_traced_gets_an_id_that_its_messages_carry_on(self) -> None:
        job = beginning("fetch job", job_message("grid:eu", 1))
        there = Received(body=job.body, message_id=job.message_id, properties=job.properties)
        with processing(STANDARD.jobs, [there]), sending("raw-pages", [outgoing()]) as sent:
            pass
        trace = str(job.properties[TRACEPARENT]).split("-")[1]
        assert len(trace) == 32
        assert str(sent[0].properties[TRACEPARENT]).split("-")[1] == trace

    async def test_a_bug_is_dead_lettered_with_the_trace_of_its_message(self) -> None:
        broker, _ = await delivered([message()], ZeroDivisionError("oops"))
        ((reason, description),) = broker.dead
        assert reason == "Bug"
        assert TRACE in description

    def test_nothing_is_recorded(self) -> None:
        assert active().instruments.pauses.observe() == []
