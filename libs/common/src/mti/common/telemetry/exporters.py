"""The providers of OpenTelemetry's SDK with their exporters. Imported only when something is exported.

No provider is global and none ends by itself at the exit of the process: who made them ends them, within a bound.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final, Protocol
from urllib.parse import unquote

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from mti.common.logs import redaction
from mti.common.ports.clock import Clock
from mti.common.telemetry.active import Telemetry
from mti.common.telemetry.instruments import TENANTS, Instruments
from mti.common.telemetry.log_export import LogExport
from mti.common.telemetry.settings import TelemetrySettings

log = logging.getLogger(__name__)

SCOPE: Final = "mti"
AZURE_MONITOR_OFF: Final = (
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED",
)
"""What Azure Monitor's exporter does beside exporting, each with threads of its own, and an end at the exit of the
process that waits for the network: statistics on itself, for Microsoft and for us, and settings that Microsoft changes
from afar. An environment that says `false` switches it on again."""


_HEADERS: Final = tuple(f"OTEL_EXPORTER_OTLP_{signal}HEADERS" for signal in ("", "TRACES_", "METRICS_", "LOGS_"))
"""They hold the key of a vendor, if there is one (https://opentelemetry.io/docs/specs/otel/protocol/exporter/)."""


@dataclass(frozen=True, slots=True)
class Exporters:
    """Where each signal goes; several places are possible."""

    spans: Sequence[SpanExporter] = ()
    metrics: Sequence[MetricExporter] = ()
    logs: Sequence[LogRecordExporter] = ()


_Make = Callable[[TelemetrySettings, Resource], Exporters]


class _Provider(Protocol):
    def shutdown(self) -> object: ...


class Providers:
    """The SDK's providers of one process.

    Args:
        resource: who speaks.
        processors: what spans go through.
        readers: what reads the metrics.
        logs: where log records go, if anywhere.
    """

    def __init__(
        self,
        resource: Resource,
        processors: Sequence[SpanProcessor],
        readers: Sequence[MetricReader],
        logs: Sequence[LogRecordExporter] = (),
    ) -> None:
        self._tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        for processor in processors:
            self._tracers.add_span_processor(processor)
        self._meters = MeterProvider(readers, resource, shutdown_on_exit=False)
        self._loggers: LoggerProvider | None = None
        self._handler: LogExport | None = None
        if logs:
            self._loggers = LoggerProvider(resource, shutdown_on_exit=False)
            for exporter in logs:
                self._loggers.add_log_record_processor(BatchLogRecordProcessor(exporter))
            self._handler = LogExport(self._loggers.get_logger)
            logging.getLogger().addHandler(self._handler)

    def telemetry(self, clock: Clock, tenants: int = TENANTS) -> Telemetry:
        """Return what the services record with."""
        instruments = Instruments(self._meters.get_meter(SCOPE), clock, tenants)
        return Telemetry(self._tracers.get_tracer(SCOPE), instruments, clock)

    def close(self, seconds: float) -> None:
        """Send what is left, and wait for that so long and no longer: a collector that is gone must not hold us."""
        if self._handler is not None:
            logging.getLogger().removeHandler(self._handler)
        found: list[_Provider] = [self._tracers, self._meters]
        if self._loggers is not None:
            found.append(self._loggers)
        threads = [
            threading.Thread(target=_shut_down, args=(provider,), name="telemetry ends", daemon=True)
            for provider in found
        ]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def providers_for(service: str, settings: TelemetrySettings) -> Providers:
    """Return the providers that the settings ask for.

    What can't be set up is said in the log and left out: the work goes on without it.
    """
    resource = resource_of(service)
    found = Exporters([], [], [])
    for wanted, what, make in (
        (_wants_otlp(settings), "OTEL_EXPORTER_OTLP_ENDPOINT", _otlp),
        (settings.application_insights is not None, "APPLICATIONINSIGHTS_CONNECTION_STRING", _azure_monitor),
    ):
        if wanted:
            found = _joined(found, _tried(what, make, settings, resource))
    return Providers(
        resource,
        [BatchSpanProcessor(exporter) for exporter in found.spans],
        [PeriodicExportingMetricReader(exporter) for exporter in found.metrics],
        found.logs,
    )


def resource_of(service: str) -> Resource:
    """Return who speaks; `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` go before what is known here."""
    return Resource(
        {
            "service.name": f"mti-{service}",
            "service.namespace": "mti",
            "service.version": version("mti-common"),
        }
    ).merge(_from_environment())


def _from_environment() -> Resource:
    found = Resource.create({})
    named = "OTEL_SERVICE_NAME" in os.environ or "service.name" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    # The SDK makes a name up where it is told none, and that must not go before ours.
    return Resource({name: value for name, value in found.attributes.items() if named or name != "service.name"})


def _wants_otlp(settings: TelemetrySettings) -> bool:
    return any((settings.otlp_endpoint, settings.otlp_traces_endpoint, settings.otlp_metrics_endpoint)) or bool(
        settings.telemetry_logs and settings.otlp_logs_endpoint
    )


def _otlp(settings: TelemetrySettings, _resource: Resource) -> Exporters:
    """Return the exporters of OTLP over HTTP, which read their endpoints and headers from the environment."""
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    for variable in _HEADERS:
        for header in os.environ.get(variable, "").split(","):
            redaction.add(unquote(header.partition("=")[2]))
    everything = settings.otlp_endpoint is not None
    return Exporters(
        [OTLPSpanExporter()] if everything or settings.otlp_traces_endpoint else [],
        [OTLPMetricExporter()] if everything or settings.otlp_metrics_endpoint else [],
        [OTLPLogExporter()] if settings.telemetry_logs and (everything or settings.otlp_logs_endpoint) else [],
    )


def _azure_monitor(settings: TelemetrySettings, resource: Resource) -> Exporters:
    """Return the exporters of Application Insights. They write nothing to the disk and report nothing on themselves."""
    for switch in AZURE_MONITOR_OFF:
        os.environ.setdefault(switch, "true")
    from azure.monitor.opentelemetry.exporter import (  # noqa: PLC0415
        AzureMonitorLogExporter,
        AzureMonitorMetricExporter,
        AzureMonitorTraceExporter,
    )

    assert settings.application_insights is not None  # noqa: S101  asked before
    connection = settings.application_insights.get_secret_value()
    return Exporters(
        [
            AzureMonitorTraceExporter(
                connection_string=connection,
                disable_offline_storage=True,
                # Who speaks; it would look for that at the global provider, of which there is none.
                tracer_provider=TracerProvider(resource=resource, shutdown_on_exit=False),
            )
        ],
        [AzureMonitorMetricExporter(connection_string=connection, disable_offline_storage=True)],
        [AzureMonitorLogExporter(connection_string=connection, disable_offline_storage=True)]
        if settings.telemetry_logs
        else [],
    )


def _tried(variable: str, make: _Make, settings: TelemetrySettings, resource: Resource) -> Exporters:
    try:
        return make(settings, resource)
    except Exception as error:  # noqa: BLE001  whatever it is, the work matters more
        # Not its text, which may hold the key of a connection string.
        log.error(
            "telemetry can't be exported, and the work goes on without it: correct the variable and start again",
            extra={"variable": variable, "why": type(error).__name__},
        )
        return Exporters()


def _joined(first: Exporters, second: Exporters) -> Exporters:
    return Exporters([*first.spans, *second.spans], [*first.metrics, *second.metrics], [*first.logs, *second.logs])


def _shut_down(provider: _Provider) -> None:
    try:
        provider.shutdown()
    except Exception as error:  # noqa: BLE001  a reader that reached nobody says so by raising
        log.warning("the last telemetry could not be sent", extra={"why": type(error).__name__})
