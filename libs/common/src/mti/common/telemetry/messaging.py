"""Spans of the bus, by OpenTelemetry's conventions for messaging
(https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/).

A message continues the trace that it was made in. So one trace leads from the call of Mimecast over both topics; where
several messages become one request, their traces are linked to it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from time import perf_counter

from opentelemetry.trace import Span, SpanKind

from mti.common.contracts.envelope import PREFIX
from mti.common.ports.bus import Outgoing, Received
from mti.common.ports.settlement import Complete, DeadLetter, Outcome, Park, Resend
from mti.common.telemetry import attributes as names
from mti.common.telemetry.active import active
from mti.common.telemetry.labels import handling, labelled
from mti.common.telemetry.propagation import (
    current_traceparent,
    links_to,
    span_context,
    traced,
    traceparent_in,
    within,
)
from mti.common.telemetry.spans import failed, span
from mti.common.topology import Entity

_SOURCES = "/sources/"


@contextmanager
def sending(entity: str, messages: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    """Span the sending of messages, and yield them with the trace that they belong to."""
    recording = active().recording
    attributes = _of_sending(entity, messages) if recording else None
    links = links_to(traceparent_in(message.properties) for message in messages) if recording else ()
    with span(f"send {entity}", SpanKind.PRODUCER, attributes, links=links):
        traceparent = current_traceparent()
        yield [traced(message, traceparent) for message in messages]
    active().instruments.sent(entity, len(messages))


def beginning(what: str, message: Outgoing) -> Outgoing:
    """Return a message that begins a trace of its own, whatever is current: it stands for work of its own.

    Args:
        what: the message is, in a word or two.
        message: as it is to be sent.
    """
    attributes = {
        names.SYSTEM: names.SERVICE_BUS,
        names.OPERATION_NAME: "create",
        names.OPERATION_TYPE: "create",
        names.MESSAGE_ID: message.message_id,
    }
    current = current_traceparent()
    with span(f"create {what}", SpanKind.PRODUCER, attributes, links=links_to([current]), context=within(None)):
        return traced(message, current_traceparent())


@contextmanager
def processing(entity: Entity, messages: Sequence[Received]) -> Iterator[Span]:
    """Span the handling of messages that came together, in the trace of the one, or linked to those of all.

    It is linked, too, to the span that is current, where a host has one.
    """
    telemetry = active()
    found = [span_context(traceparent_in(message.properties)) for message in messages]
    traces = {context.trace_id if context else None for context in found}
    parent = found[0] if len(traces) == 1 else None
    name, context = f"process {entity.name}", within(parent)
    if not telemetry.recording:
        with span(name, SpanKind.CONSUMER, context=context) as current:
            yield current
        return
    others = [traceparent_in(message.properties) for message in messages] if len(messages) > 1 else []
    # A host may have a span of its own around the handling, in a trace of its own.
    links = links_to([*others, current_traceparent()])
    oldest = min((message.enqueued_at for message in messages if message.enqueued_at is not None), default=None)
    attributes = {**_of(entity, "process"), **_about(messages)}
    began = perf_counter()
    with (
        handling(entity.name),
        labelled(**_whose(messages)),
        span(name, SpanKind.CONSUMER, attributes, links=links, context=context) as current,
    ):
        try:
            yield current
        finally:
            lag = (telemetry.clock.now() - oldest) / timedelta(seconds=1) if oldest is not None else None
            telemetry.instruments.handled(entity.name, len(messages), perf_counter() - began, lag)


def _of_operation(name: str, operation: str) -> dict[str, str | int]:
    """Return the attributes of a span of an operation on that queue or topic; its type is called as it is."""
    return {
        names.SYSTEM: names.SERVICE_BUS,
        names.ENTITY: name,
        names.OPERATION_NAME: operation,
        names.OPERATION_TYPE: operation,
    }


def _of(entity: Entity, operation: str) -> dict[str, str | int]:
    """Return the attributes of a span of an operation on what waits there."""
    attributes = _of_operation(entity.name, operation)
    if entity.subscription is not None:
        attributes[names.SUBSCRIPTION] = entity.subscription
    return attributes


def _of_sending(entity: str, messages: Sequence[Outgoing]) -> dict[str, str | int]:
    found = _of_operation(entity, "send")
    if len(messages) == 1:
        found |= {names.MESSAGE_ID: messages[0].message_id, names.BODY_SIZE: len(messages[0].body)}
    else:
        found[names.MESSAGE_COUNT] = len(messages)
    sessions = {message.session_id for message in messages}
    if len(sessions) == 1 and (session := sessions.pop()):
        found[names.DESTINATION] = session
    return found


def decided(current: Span, outcomes: Sequence[Outcome]) -> None:
    """Note on the span of the handling what becomes of the messages."""
    if not current.is_recording():
        return
    kinds = {_WORDS[type(outcome)] for outcome in outcomes}
    current.set_attribute(names.OUTCOME, ",".join(sorted(kinds)))
    worst = next((outcome for outcome in outcomes if isinstance(outcome, (DeadLetter, Resend))), None)
    if worst is not None:
        failed(current, worst.reason)


@contextmanager
def settling(entity: Entity, outcomes: Sequence[Outcome]) -> Iterator[None]:
    """Span the settling of messages that were handled together."""
    if not active().recording:
        yield
        return
    attributes = {
        **_of(entity, "settle"),
        names.MESSAGE_COUNT: len(outcomes),
        names.DISPOSITION: ",".join(sorted({_DISPOSITIONS[type(outcome)] for outcome in outcomes})),
    }
    with span(f"settle {entity.name}", SpanKind.CLIENT, attributes):
        yield


def received(entity: Entity, messages: Sequence[Received], began: int) -> None:
    """Span a receive that brought something.

    Args:
        entity: what was received from.
        messages: what came.
        began: when the receive began, in nanoseconds since the epoch.
    """
    if not active().recording:
        return
    links = links_to(traceparent_in(message.properties) for message in messages)
    attributes = {**_of(entity, "receive"), names.MESSAGE_COUNT: len(messages)}
    active().tracer.start_span(
        f"receive {entity.name}", within(None), SpanKind.CLIENT, attributes, links=links, start_time=began
    ).end()


def _about(messages: Sequence[Received]) -> dict[str, str | int]:
    """Return what tells the messages from others."""
    if len(messages) == 1:
        return {names.MESSAGE_ID: messages[0].message_id, names.DELIVERY_COUNT: messages[0].delivery_count}
    return {names.MESSAGE_COUNT: len(messages)}


def _whose(messages: Sequence[Received]) -> dict[str, str]:
    """Return the labels of the messages' work: what they all are of, and for."""
    found: dict[str, str] = {}
    sources = {str(message.properties.get(f"{PREFIX}source", "")).removeprefix(_SOURCES) for message in messages}
    if len(sources) == 1 and (source := sources.pop()):
        found |= {"source": source, "tenant": names.tenant_of(source)}
    sessions = {message.session_id for message in messages}
    if len(sessions) == 1 and (session := sessions.pop()):
        found["destination"] = session
    return found


_WORDS: dict[type[Outcome], str] = {
    Complete: "complete",
    DeadLetter: "dead_letter",
    Resend: "retry",
    Park: "park",
}
_DISPOSITIONS: dict[type[Outcome], str] = {
    Complete: "complete",
    DeadLetter: "dead_letter",
    Resend: "complete",
    Park: "complete",
}
