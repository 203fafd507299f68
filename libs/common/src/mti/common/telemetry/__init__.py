"""Traces and metrics, from the call of Mimecast to the answer of Sentinel, in the forms of OpenTelemetry.

Nothing is exported unless the environment says where to; `docs/telemetry.md` says what there is.
"""

from mti.common.telemetry.active import OFF, Telemetry, activated, active
from mti.common.telemetry.http import Call, calling
from mti.common.telemetry.labels import labelled
from mti.common.telemetry.messaging import beginning, decided, processing, received, sending, settling
from mti.common.telemetry.propagation import in_trace_of, links_to, traceparent_in
from mti.common.telemetry.running import running
from mti.common.telemetry.settings import TelemetrySettings
from mti.common.telemetry.spans import span

__all__ = [
    "OFF",
    "Call",
    "Telemetry",
    "TelemetrySettings",
    "activated",
    "active",
    "beginning",
    "calling",
    "decided",
    "in_trace_of",
    "labelled",
    "links_to",
    "processing",
    "received",
    "running",
    "sending",
    "settling",
    "span",
    "traceparent_in",
]
