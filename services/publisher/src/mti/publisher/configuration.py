"""The publisher's settings: those of every service, and its own."""

from pydantic import Field

from mti.common.composition.parts import PartsSettings
from mti.common.health_settings import HealthSettings
from mti.common.settings import ClockSettings, RunSettings
from mti.common.telemetry import TelemetrySettings


class PublisherSettings(PartsSettings, RunSettings, ClockSettings, HealthSettings, TelemetrySettings):
    """All that the publisher reads from its environment."""

    publisher_slots: int = Field(default=64, ge=1, le=500)
    """Destinations that are served at once, those included that wait for their rate limit."""
    publisher_batch_size: int = Field(default=30, ge=1, le=500)
    """Messages that are received at a time."""
    publisher_requests_in_flight: int = Field(default=8, ge=1, le=50)
    """Requests to one destination that are under way at once, within its `requests_per_minute`. Eight use up 100 a
    minute as long as Sentinel answers within five seconds. So many requests may be repeated when a process is killed,
    and so many connections be open to each of the destinations that are served."""
    publisher_gather_seconds: float = Field(default=10.0, ge=0, le=60)
    """The longest that a destination's messages wait for others to fill a request with them. A tenth of it while its
    rate budget is free, and more the more of it was used in the last minute; 0 waits for none."""
    publisher_takeover_seconds: float = Field(default=30.0, ge=0, le=600)
    """How long a publisher waits that takes a destination over from one that was killed, or lost its session, in the
    middle of requests: as long as Sentinel may take to carry one out. What arrives later than this could put an older
    version over a newer one; 0 waits for nothing."""
    publisher_tenant_pause_seconds: float = Field(default=300.0, ge=1)
    """How long a message of a paused tenant waits before it is asked again whether the tenant still is: how long a
    resumed tenant waits at most."""
