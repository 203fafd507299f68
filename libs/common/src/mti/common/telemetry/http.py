"""Spans of HTTP calls, by OpenTelemetry's conventions (https://opentelemetry.io/docs/specs/semconv/http/http-spans/).

They are small and our own: no header, no body and no query string can get into them, whatever a library records next
year. `traceparent` is not sent to Mimecast or Microsoft, whom our traces do not concern.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from urllib.parse import urlsplit

from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from mti.common.telemetry import attributes as names
from mti.common.telemetry.active import active
from mti.common.telemetry.labels import labels
from mti.common.telemetry.spans import kind_of, span


class Call:
    """One call under way."""

    def __init__(self, current: Span, metric: dict[str, str | int]) -> None:
        self._span = current
        self._metric = metric

    def answered(self, status: int) -> None:
        """Note the status of the answer."""
        self._span.set_attribute(names.STATUS_CODE, status)
        self._metric[names.STATUS_CODE] = status
        if status >= 400:
            self._metric[names.ERROR] = str(status)
            self._span.set_attribute(names.ERROR, str(status))
            self._span.set_status(Status(StatusCode.ERROR))


@contextmanager
def calling(api: str, method: str, base_url: str, path: str, template: str | None = None) -> Iterator[Call]:
    """Span a call and measure it, until the answer is read.

    Args:
        api: who is called, `mimecast` or `sentinel`.
        method: of HTTP.
        base_url: of the API; of it only scheme, host, port and path are recorded.
        path: below it, without a query.
        template: the path with what varies in braces; the path itself when nothing does.
    """
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    port = parts.port or (80 if parts.scheme == "http" else 443)
    where: dict[str, str | int] = {names.METHOD: method, names.SERVER: host, names.PORT: port}
    route = template or path
    attributes = {
        **where,
        names.URL: f"{parts.scheme}://{host}:{port}{parts.path}{path}",
        names.TEMPLATE: route,
        names.API: api,
    }
    metric = {**where, names.TEMPLATE: route}
    began = perf_counter()
    try:
        with span(f"{method} {route}", SpanKind.CLIENT, attributes) as current:
            yield Call(current, metric)
    except BaseException as error:
        metric.setdefault(names.ERROR, kind_of(error))
        raise
    finally:
        active().instruments.requested(api, labels().get(names.TENANT), perf_counter() - began, metric)
