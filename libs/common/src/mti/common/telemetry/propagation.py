"""The trace of a message: W3C's `traceparent` beside its CloudEvents attributes.

It is no part of what a message *is*: neither the CloudEvents id nor the MessageId ever depends on it.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from opentelemetry import context as contexts
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mti.common.contracts.envelope import TRACEPARENT
from mti.common.ports.bus import Outgoing, PropertyValue

_W3C = TraceContextTextMapPropagator()


def traceparent_in(properties: Mapping[str, PropertyValue]) -> str | None:
    """Return the `traceparent` of a message, whatever it says; `None` when it has none."""
    found = properties.get(TRACEPARENT)
    return found if isinstance(found, str) and found else None


def span_context(traceparent: str | None) -> SpanContext | None:
    """Return what a `traceparent` names; `None` when it is absent or malformed."""
    if traceparent is None:
        return None
    found = get_current_span(_W3C.extract({TRACEPARENT: traceparent}, Context())).get_span_context()
    return found if found.is_valid else None


def links_to(traceparents: Iterable[str | None]) -> list[Link]:
    """Return a link to each that is well formed, once."""
    found = (span_context(traceparent) for traceparent in dict.fromkeys(traceparents))
    return [Link(context) for context in found if context is not None]


def within(parent: SpanContext | None) -> Context:
    """Return the context in which a span has that parent, or none."""
    return Context() if parent is None else set_span_in_context(NonRecordingSpan(parent), Context())


def current_traceparent() -> str | None:
    """Return the `traceparent` of the span that is current; `None` outside of any."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get(TRACEPARENT)


def traced(message: Outgoing, traceparent: str | None) -> Outgoing:
    """Return the message in that trace, unless it is in one already: a copy or a replay keeps its own."""
    if traceparent is None or traceparent_in(message.properties) is not None:
        return message
    return replace(message, properties={**message.properties, TRACEPARENT: traceparent})


@contextmanager
def in_trace_of(properties: Mapping[str, PropertyValue]) -> Iterator[None]:
    """Log in the name of a message's own trace, if it has one, while a batch of many is handled."""
    found = span_context(traceparent_in(properties))
    if found is None or found.trace_id == get_current_span().get_span_context().trace_id:
        yield
        return
    token = contexts.attach(set_span_in_context(NonRecordingSpan(found)))
    try:
        yield
    finally:
        contexts.detach(token)
