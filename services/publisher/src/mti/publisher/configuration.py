"""The publisher's settings: those of every service, and its own."""

from pydantic import Field

from mti.common.composition.parts import PartsSettings
from mti.common.settings import ClockSettings, HealthSettings, RunSettings
from mti.common.telemetry import TelemetrySettings


class PublisherSettings(PartsSettings, RunSettings, ClockSettings, HealthSettings, TelemetrySettings):
    """All that the publisher reads from its environment."""

    publisher_slots: int = Field(default=64, ge=1, le=500)
    """Destinations that are served at once, those included that wait for their rate limit."""
    publisher_batch_size: int = Field(default=30, ge=1, le=500)
    """Messages that are received at a time."""
    publisher_tenant_pause_seconds: float = Field(default=300.0, ge=1)
    """How long a message of a paused tenant waits before it is asked again whether the tenant still is: how long a
    resumed tenant waits at most."""
