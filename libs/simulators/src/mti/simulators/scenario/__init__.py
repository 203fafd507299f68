"""A simulated world as one document: who the tenants are, what they are sent, where it must arrive, what goes wrong."""

from mti.simulators.scenario.demo import demo_scenario
from mti.simulators.scenario.expectation import Comparison
from mti.simulators.scenario.model import DestinationSpec, RegionSpec, Scenario, TenantSpec
from mti.simulators.scenario.simulators import Simulators
from mti.simulators.scenario.tenants_file import write_tenants

__all__ = [
    "Comparison",
    "DestinationSpec",
    "RegionSpec",
    "Scenario",
    "Simulators",
    "TenantSpec",
    "demo_scenario",
    "write_tenants",
]
