"""Simulators of the Mimecast API and of Microsoft Sentinel's upload API, for development and tests only.

They refuse what the real ones refuse, can be told to misbehave, and know the truth. Start both from a scenario with
`Simulators`, or one alone with `MimecastSimulator` or `SentinelSimulator`; as a process with
`python -m mti.local.simulators`.
"""

from mti.local.simulators.feed import (
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
from mti.local.simulators.mimecast import MimecastFault, MimecastFaultKind, MimecastSimulator
from mti.local.simulators.scenario import Comparison, Scenario, Simulators, demo_scenario, write_tenants
from mti.local.simulators.sentinel import SentinelFault, SentinelFaultKind, SentinelSimulator

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
