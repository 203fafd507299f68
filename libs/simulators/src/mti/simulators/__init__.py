"""Simulators of the Mimecast API and of Microsoft Sentinel's upload API, for development and tests only.

They refuse what the real ones refuse, can be told to misbehave, and know the truth. Start both from a scenario with
`Simulators`, or one alone with `MimecastSimulator` or `SentinelSimulator`; as a process with
`python -m mti.simulators`.
"""

from mti.simulators.feed import (
    CsvForm,
    Detection,
    Feed,
    FeedSpec,
    FeedTruth,
    HashChoice,
    LateBatch,
    Observable,
    generate,
    truth_of,
)
from mti.simulators.mimecast import MimecastFault, MimecastFaultKind, MimecastSimulator
from mti.simulators.scenario import Comparison, Scenario, Simulators, demo_scenario, write_tenants
from mti.simulators.sentinel import SentinelFault, SentinelFaultKind, SentinelSimulator

__all__ = [
    "Comparison",
    "CsvForm",
    "Detection",
    "Feed",
    "FeedSpec",
    "FeedTruth",
    "HashChoice",
    "LateBatch",
    "MimecastFault",
    "MimecastFaultKind",
    "MimecastSimulator",
    "Observable",
    "Scenario",
    "SentinelFault",
    "SentinelFaultKind",
    "SentinelSimulator",
    "Simulators",
    "demo_scenario",
    "generate",
    "truth_of",
    "write_tenants",
]
