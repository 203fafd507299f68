"""The fetcher's settings: those of every service, and its own."""

from datetime import timedelta

from pydantic import Field

from mti.common.composition.parts import PartsSettings
from mti.common.health_settings import HealthSettings
from mti.common.settings import ClockSettings, RunSettings, Switch
from mti.common.telemetry import TelemetrySettings
from mti.fetcher.mimecast import HttpLimits

_MIB = 1024 * 1024


class FetcherSettings(PartsSettings, RunSettings, ClockSettings, HealthSettings, TelemetrySettings):
    """All that the fetcher reads from its environment."""

    fetcher_concurrency: int = Field(default=16, ge=1, le=200)
    """Jobs that are handled at once."""
    fetcher_pages_in_hand: int = Field(default=2, ge=1, le=100)
    """Pages that are unpacked at once: with the size of a page it decides the memory that is needed."""
    fetcher_schedule_seconds: float = Field(default=60.0, gt=0)
    """Between two runs of the schedule; a run until idle has one every second."""
    mimecast_compress: Switch = True
    """Ask Mimecast for archives instead of plain files."""
    mimecast_connect_seconds: float = Field(default=10.0, gt=0)
    """For a connection to Mimecast to open."""
    mimecast_read_seconds: float = Field(default=60.0, gt=0)
    """For the next bytes of an answer; below half a minute genuine large pages may be cut off."""
    mimecast_page_seconds: float = Field(default=240.0, gt=0, le=290)
    """For a page and all that it needs: it ends before another job may take the source over."""
    mimecast_response_limit: int = Field(default=64 * _MIB, ge=1024)
    """Bytes of an answer."""
    mimecast_unpacked_limit: int = Field(default=256 * _MIB, ge=1024)
    """Bytes that an archive may unpack to."""
    mimecast_spacing_seconds: float = Field(default=0.5, ge=0, le=60)
    """From one call of a source to its next one, at least."""

    @property
    def http_limits(self) -> HttpLimits:
        """What a call may take."""
        return HttpLimits(
            connect_seconds=self.mimecast_connect_seconds,
            read_seconds=self.mimecast_read_seconds,
            whole_seconds=self.mimecast_page_seconds,
            response_bytes=self.mimecast_response_limit,
            unpacked_bytes=self.mimecast_unpacked_limit,
        )

    @property
    def spacing(self) -> timedelta:
        """From one call of a source to its next one, at least."""
        return timedelta(seconds=self.mimecast_spacing_seconds)

    @property
    def schedule_seconds(self) -> float:
        """Between two runs of the schedule, in this run of the process."""
        return 1.0 if self.until_idle else self.fetcher_schedule_seconds
