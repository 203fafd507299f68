"""An OTLP/HTTP collector: it keeps the bytes that it is sent, and what they say."""

import gzip
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue


@dataclass(frozen=True)
class SeenSpan:
    """A span as it was exported; ids in hex."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    links: frozenset[tuple[str, str]]
    """Trace and span."""
    attributes: Mapping[str, Any]
    failed: bool


@dataclass
class Collector:
    """What came."""

    url: str = ""
    raw: list[bytes] = field(default_factory=list)
    spans: list[SeenSpan] = field(default_factory=list)
    logs: list[dict[str, Any]] = field(default_factory=list)
    _points: dict[tuple[str, str, str], Any] = field(default_factory=dict)

    def named(self, name: str) -> list[SeenSpan]:
        """The spans of that name."""
        return [found for found in self.spans if found.name == name]

    def total(self, metric: str, **attributes: str) -> float:
        """The sum of a metric over all processes and series with these attributes (`_` for `.` in their names)."""
        return sum(value for found, value in self._series(metric) if _matches(found, attributes))

    def by(self, metric: str, attribute: str) -> Counter[str]:
        """The sums of a metric by one attribute."""
        found: Counter[str] = Counter()
        for attributes, value in self._series(metric):
            found[str(attributes[attribute])] += int(value)
        return found

    @property
    def metrics(self) -> set[str]:
        """The names of all metrics."""
        return {name for name, _, _ in self._points}

    def _series(self, metric: str) -> Iterator[tuple[dict[str, Any], float]]:
        for (name, _, _), point in self._points.items():
            if name == metric:
                value = point.count if hasattr(point, "bucket_counts") else (point.as_int or point.as_double)
                yield _plain(point.attributes), value

    async def traces(self, request: web.Request) -> web.Response:
        found = ExportTraceServiceRequest.FromString(await self._body(request))
        for resource in found.resource_spans:
            service = _plain(resource.resource.attributes)["service.name"]
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        SeenSpan(
                            service=service,
                            name=span.name,
                            trace=span.trace_id.hex(),
                            id=span.span_id.hex(),
                            parent=span.parent_span_id.hex(),
                            links=frozenset((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
                            attributes=_plain(span.attributes),
                            failed=span.status.code == span.status.STATUS_CODE_ERROR,
                        )
                    )
        return web.Response(body=ExportTraceServiceResponse().SerializeToString())

    async def measurements(self, request: web.Request) -> web.Response:
        found = ExportMetricsServiceRequest.FromString(await self._body(request))
        for resource in found.resource_metrics:
            instance = _plain(resource.resource.attributes)["service.instance.id"]
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    data = getattr(metric, metric.WhichOneof("data"))
                    for point in data.data_points:
                        # Cumulative: the last one of a series of a process counts.
                        self._points[metric.name, instance, str(sorted(_plain(point.attributes).items()))] = point
        return web.Response(body=ExportMetricsServiceResponse().SerializeToString())

    async def records(self, request: web.Request) -> web.Response:
        found = ExportLogsServiceRequest.FromString(await self._body(request))
        for resource in found.resource_logs:
            service = _plain(resource.resource.attributes)["service.name"]
            for scope in resource.scope_logs:
                for record in scope.log_records:
                    self.logs.append(
                        {
                            "service": service,
                            "body": record.body.string_value,
                            "trace": record.trace_id.hex(),
                            **_plain(record.attributes),
                        }
                    )
        return web.Response(body=ExportLogsServiceResponse().SerializeToString())

    async def _body(self, request: web.Request) -> bytes:
        body = await request.read()
        # aiohttp has unpacked it already where a Content-Encoding says so; the first two bytes tell.
        data = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        self.raw.append(data)
        return data


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """Run a collector."""
    collector = Collector()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/v1/traces", collector.traces)
    app.router.add_post("/v1/metrics", collector.measurements)
    app.router.add_post("/v1/logs", collector.records)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield collector
    finally:
        await runner.cleanup()


def _plain(attributes: "list[KeyValue] | Any") -> dict[str, Any]:
    return {found.key: getattr(found.value, found.value.WhichOneof("value") or "string_value") for found in attributes}


def _matches(found: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    return all(found.get(name.replace("_", ".")) == value for name, value in wanted.items())
