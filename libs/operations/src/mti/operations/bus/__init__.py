"""What lies on the bus, seen from outside: messages that wait, dead letters, and how much there is of both."""

from mti.common.contracts.set_aside import DESCRIPTION, REASON
from mti.operations.bus.dead_letter import DeadLetter, DeadLetterGroup, DeadLetterGroups
from mti.operations.bus.loads import BusLoads, EntityLoad, SessionLoad
from mti.operations.bus.view import BusView, Unseen

__all__ = [
    "DESCRIPTION",
    "REASON",
    "BusLoads",
    "BusView",
    "DeadLetter",
    "DeadLetterGroup",
    "DeadLetterGroups",
    "EntityLoad",
    "SessionLoad",
    "Unseen",
]
