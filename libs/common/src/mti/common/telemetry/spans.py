"""Spans: how one is opened, and what a failure leaves on it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, use_span

from mti.common.errors import Reasoned
from mti.common.telemetry.active import active
from mti.common.telemetry.attributes import ERROR
from mti.common.telemetry.labels import labels


@contextmanager
def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, str | int] | None = None,
    *,
    links: Sequence[Link] = (),
    context: Context | None = None,
) -> Iterator[Span]:
    """Open a span, current while the context lasts, with the labels that hold here.

    Args:
        name: of few different values.
        kind: of OpenTelemetry.
        attributes: no secret, no query string, nothing that somebody else wrote at length.
        links: to what it continues besides its parent.
        context: holds its parent; by default the current span is.
    """
    telemetry = active()
    given = {**labels(), **(attributes or {})} if telemetry.recording else None
    found = telemetry.tracer.start_span(name, context, kind, given, links=links)
    with use_span(found, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield found
        except BaseException as error:
            failed(found, kind_of(error))
            raise


def failed(found: Span, reason: str) -> None:
    """Mark a span as failed, by a code alone: the sentence of an error is for the log, which masks secrets."""
    found.set_attribute(ERROR, reason)
    found.set_status(Status(StatusCode.ERROR, reason))


def kind_of(error: BaseException) -> str:
    """Return the reason code of an error, or the name of its class."""
    return error.reason if isinstance(error, Reasoned) else type(error).__name__
