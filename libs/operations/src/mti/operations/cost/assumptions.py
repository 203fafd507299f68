"""What a month is computed from beside what was measured: how much there is to do, and where it is done."""

from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

HOURS: Final = 730.0
"""Of the month that Azure computes with."""
SECONDS: Final = HOURS * 3600
DAYS: Final = HOURS / 24


class Hosting(StrEnum):
    """Where the services run, by the names of the template's parameter."""

    FUNCTIONS = "functions"
    CONTAINER_APPS = "containerApps"


class Bus(StrEnum):
    """The tier of Service Bus."""

    STANDARD = "standard"
    PREMIUM = "premium"


class Capacity(StrEnum):
    """How Cosmos DB is paid for, by the names of the template's parameter."""

    SERVERLESS = "serverless"
    AUTOSCALE = "autoscale"


class Assumptions(BaseModel):
    """What is assumed. The defaults are those of the templates and of the tenants file where these have any."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    tenants: int = Field(default=100, ge=1, le=1_000_000)
    """Each with a feed of its own and a workspace."""
    hosting: Hosting = Hosting.CONTAINER_APPS
    """Where the services run."""
    bus: Bus = Bus.STANDARD
    """The tier of Service Bus; Premium has one messaging unit."""
    store: Capacity = Capacity.SERVERLESS
    """How Cosmos DB is paid for."""
    detections: float = Field(default=200.0, ge=0)
    """A tenant and day, of its own feed."""
    repeats: float = Field(default=0.5, ge=0, le=1)
    """The part of the detections whose observable is known already."""
    interval: float = Field(default=5.0, gt=0)
    """Minutes between two fetches of a source: `poll_interval`."""
    overlap: float = Field(default=15.0, ge=0)
    """Minutes by which a window overlaps the one before, which are fetched once more: `overlap`."""
    tenants_seconds: float = Field(default=15.0, gt=0)
    """Between two readings of the tenants in a store: `MTI_TENANTS_SECONDS`."""
    validity: float = Field(default=30.0, gt=0)
    """Days for which an indicator is active."""
    republished: float = Field(default=8.5, gt=0)
    """Days after which Sentinel writes an active indicator once more: seven to ten."""
    row: float = Field(default=1.5, gt=0)
    """KB of an indicator's row in Sentinel, as it is billed."""
    replicas: int = Field(default=1, ge=1)
    """Of each container app."""
    busy: float = Field(default=1.0, ge=0, le=1)
    """The part of the time for which a replica is billed as busy."""
    empty_receives: bool = True
    """Whether a receive that brings nothing is billed as an operation."""
    execution: float = Field(default=1.0, ge=1)
    """Seconds of a function's execution that are billed: one at least, however short it is."""
    memory: float = Field(default=2.0, gt=0)
    """GB of an instance of a function app: `functionMemory`."""
    peak: float = Field(default=3.0, ge=1)
    """How many times the month's average autoscale is billed for, since each hour counts by its highest second."""
    max_throughput: int = Field(default=1000, ge=1000)
    """Request units a second that each of the four databases may grow to: `cosmosMaxThroughput`."""

    @property
    def new(self) -> float:
        """Indicators of a tenant and day that its workspace does not have yet."""
        return self.detections * (1 - self.repeats)
