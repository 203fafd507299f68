"""The status: what came in, what became of it, what waits and why, quickly and while everything runs."""

from mti.operations.status.measure import DEAD_LIMIT, take_status
from mti.operations.status.model import DestinationStatus, SourceStatus, Status, tenants_of, totals_of

__all__ = ["DEAD_LIMIT", "DestinationStatus", "SourceStatus", "Status", "take_status", "tenants_of", "totals_of"]
