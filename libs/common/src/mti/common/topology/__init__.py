"""What there is on the bus: an entity in front of each service, one in front of a person, and all that is said of them.

The adapters, the telemetry, the operations, the `Config.json` of the local namespace and the templates for Azure take
from here what an entity is called, who it is for and how the broker is to keep it. `python -m mti.common.topology`
writes the last two (see `mti.common.topology.documents`).
"""

from mti.common.topology.entity import HOLD, OUTAGE, Entity
from mti.common.topology.topology import STANDARD, Topology

__all__ = ["HOLD", "OUTAGE", "STANDARD", "Entity", "Topology"]
