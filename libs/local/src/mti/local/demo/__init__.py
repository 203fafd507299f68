"""The demonstration: the embedded stack against simulated feeds, judged by what the simulators know to be true."""

from mti.local.demo.outcome import Outcome, WorkspaceTruth, outcome_of
from mti.local.demo.sabotage import Sabotage, sabotage
from mti.local.demo.simulation import Simulation

__all__ = ["Outcome", "Sabotage", "Simulation", "WorkspaceTruth", "outcome_of", "sabotage"]
