"""The normalizer's settings: those of every service, and its own."""

from pydantic import Field

from mti.common.composition.parts import PartsSettings
from mti.common.health_settings import HealthSettings
from mti.common.settings import RunSettings
from mti.common.telemetry import TelemetrySettings


class NormalizerSettings(PartsSettings, RunSettings, HealthSettings, TelemetrySettings):
    """All that the normalizer reads from its environment."""

    normalizer_concurrency: int = Field(default=4, ge=1, le=64)
    """Chunks that are handled at the same time."""
