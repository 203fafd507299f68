"""Where telemetry goes. With none of these set it goes nowhere, and costs next to nothing."""

from pydantic import Field, SecretStr

from mti.common.settings import Settings, Switch
from mti.common.telemetry.instruments import TENANTS


class TelemetrySettings(Settings):
    """OpenTelemetry's own variables, Azure's, and a few of ours.

    What else an exporter takes (`OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`, `OTEL_RESOURCE_ATTRIBUTES`,
    `OTEL_METRIC_EXPORT_INTERVAL`, …) the SDK reads by itself
    (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
    """

    otlp_endpoint: str | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    """A collector that takes OTLP over HTTP, without the path of a signal: `http://collector:4318`."""
    otlp_traces_endpoint: str | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    """For traces alone, with the path."""
    otlp_metrics_endpoint: str | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
    """For metrics alone, with the path."""
    otlp_logs_endpoint: str | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_LOGS_ENDPOINT")
    """For logs alone, with the path; they are exported where `MTI_TELEMETRY_LOGS` says so."""
    application_insights: SecretStr | None = Field(
        default=None, validation_alias="APPLICATIONINSIGHTS_CONNECTION_STRING"
    )
    """Of an Application Insights resource; Azure sets it for a function app."""
    otel_sdk_disabled: Switch = Field(default=False, validation_alias="OTEL_SDK_DISABLED")
    """Export nothing, whatever the others say."""
    telemetry_logs: Switch = False
    """Export logs as well. They are on stderr in any case, where most platforms gather them."""
    telemetry_tenants: int = Field(default=TENANTS, ge=0, le=10_000)
    """Tenants that metrics tell apart, in the order in which they turn up; the rest is `other`."""
    telemetry_flush_seconds: float = Field(default=5.0, ge=0, le=60)
    """For sending what is left when the process ends."""

    @property
    def exports(self) -> bool:
        """Whether anything is exported."""
        endpoints = (
            self.otlp_endpoint,
            self.otlp_traces_endpoint,
            self.otlp_metrics_endpoint,
            self.otlp_logs_endpoint if self.telemetry_logs else None,
            self.application_insights,
        )
        return not self.otel_sdk_disabled and any(endpoints)
