"""Telemetry that is kept in memory: the real SDK, and what it recorded."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mti.common.ports.clock import Clock, SystemClock
from mti.common.telemetry import activated
from mti.common.telemetry.exporters import Providers


@dataclass(frozen=True)
class Recorded:
    """What was recorded."""

    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    @property
    def spans(self) -> list[ReadableSpan]:
        """All that ended, in that order."""
        return list(self.exporter.get_finished_spans())

    def span(self, name: str) -> ReadableSpan:
        """The one span of that name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def points(self, metric: str) -> dict[frozenset[tuple[str, object]], float]:
        """The series of a metric, by their attributes: sums, or how many values a histogram holds."""
        return {
            frozenset((point.attributes or {}).items()): _value(point)
            for found in self._metrics()
            if found[0] == metric
            for point in found[1]
        }

    def histogram(self, metric: str) -> list[float]:
        """The sums of a histogram's series."""
        return [
            point.sum
            for name, points in self._metrics()
            if name == metric
            for point in points
            if isinstance(point, HistogramDataPoint)
        ]

    def _metrics(self) -> Iterator[tuple[str, list[NumberDataPoint | HistogramDataPoint]]]:
        data = self.reader.get_metrics_data()
        if data is None:
            return
        for resource in data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    points = [
                        point
                        for point in metric.data.data_points
                        if isinstance(point, (NumberDataPoint, HistogramDataPoint))
                    ]
                    yield metric.name, points


@contextmanager
def recorded(clock: Clock | None = None, tenants: int = 200) -> Iterator[Recorded]:
    """Record while the context lasts."""
    found = Recorded(InMemorySpanExporter(), InMemoryMetricReader())
    providers = Providers(Resource({}), [SimpleSpanProcessor(found.exporter)], [found.reader])
    with activated(providers.telemetry(clock or SystemClock(), tenants)):
        yield found
    providers.close(1.0)


def series(**attributes: object) -> frozenset[tuple[str, object]]:
    """Return the key of a series; `_` stands for `.` in the names."""
    return frozenset((name.replace("_", "."), value) for name, value in attributes.items())


def attributes_of(span: ReadableSpan) -> Mapping[str, object]:
    """Return a span's attributes."""
    return dict(span.attributes or {})


def _value(point: NumberDataPoint | HistogramDataPoint) -> float:
    return point.count if isinstance(point, HistogramDataPoint) else point.value
