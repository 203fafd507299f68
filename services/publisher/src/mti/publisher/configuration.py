"""The publisher's settings: those of every service, and its own."""

from pydantic import Field

from mti.common.hosting.parts import PartsSettings
from mti.common.settings import RunSettings


class PublisherSettings(PartsSettings, RunSettings):
    """All that the publisher reads from its environment."""

    publisher_slots: int = Field(default=16, ge=1, le=200)
    """Destinations that are served at once."""
    publisher_batch_size: int = Field(default=30, ge=1, le=500)
    """Messages that are received at a time."""
