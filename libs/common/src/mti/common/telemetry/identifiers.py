"""What stands in for a tracer while nothing is exported: it gives each piece of work a trace id, and records nothing.

So the logs and dead letters of all three services name the same trace, without any exporter.
"""

import random

from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    NoOpTracer,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    get_current_span,
)
from opentelemetry.util.types import Attributes

_ROOTS = frozenset({SpanKind.CONSUMER, SpanKind.PRODUCER})
"""Kinds of spans that begin something: the handling of a message, or a message."""


class IdsOnly(NoOpTracer):
    """Goes on with the trace that there is, and begins one where a message is sent or handled outside of any.

    The new trace is marked as sampled: another service may be recording.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def start_span(  # noqa: PLR0913, RUF100  the form of OpenTelemetry
        self,
        name: str,  # noqa: ARG002
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,  # noqa: ARG002
        links: "list[Link] | None" = None,  # type: ignore[override]  # noqa: ARG002
        start_time: int | None = None,  # noqa: ARG002
        record_exception: bool = True,  # noqa: ARG002
        set_status_on_exception: bool = True,  # noqa: ARG002
    ) -> Span:
        """Return a span that records nothing."""
        parent = get_current_span(context).get_span_context()
        if parent.is_valid:
            return NonRecordingSpan(parent)
        if kind not in _ROOTS:
            return INVALID_SPAN
        return NonRecordingSpan(
            SpanContext(
                trace_id=self._rng.getrandbits(128) or 1,
                span_id=self._rng.getrandbits(64) or 1,
                is_remote=False,
                trace_flags=TraceFlags(TraceFlags.SAMPLED),
            )
        )
