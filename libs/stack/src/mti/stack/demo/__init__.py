"""The demonstration: the embedded stack against simulated feeds, judged by what the simulators know to be true."""

from mti.stack.demo.outcome import Outcome, WorkspaceTruth, outcome_of
from mti.stack.demo.sabotage import Sabotage, sabotage
from mti.stack.demo.simulation import Simulation

__all__ = ["Outcome", "Sabotage", "Simulation", "WorkspaceTruth", "outcome_of", "sabotage"]
