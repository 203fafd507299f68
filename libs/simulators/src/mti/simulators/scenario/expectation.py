"""What each workspace must hold, and how that compares with what it does hold."""

from collections.abc import Mapping
from dataclasses import dataclass

from mti.simulators.feed import Feed, HashChoice, Observable, truth_of
from mti.simulators.scenario.model import Scenario
from mti.simulators.sentinel import SentinelFaultKind, Workspace


@dataclass(frozen=True, slots=True)
class Comparison:
    """A workspace against the truth."""

    expected: frozenset[Observable]
    refused_for_ever: frozenset[Observable]
    """The part of `expected` that the workspace will never take."""
    missing: frozenset[Observable]
    """Expected, not refused for ever, and not there."""
    unexpected: frozenset[Observable]
    """There, though no route leads it there."""
    doubled: frozenset[Observable]
    """There under more than one id."""

    @property
    def clean(self) -> bool:
        """Whether nothing is missing, unexpected or doubled."""
        return not (self.missing or self.unexpected or self.doubled)


def expected(
    scenario: Scenario,
    feeds: Mapping[str, Feed],
    workspace_id: str,
    hashes: HashChoice | None = None,
) -> set[Observable]:
    """Return the observables of all sources routed to the workspace, without test files.

    Args:
        scenario: the world.
        feeds: its feeds, by source.
        workspace_id: whose.
        hashes: which hashes of a detection count; `None`: those that the form shows in which the source is fetched.
    """
    found: set[Observable] = set()
    for source in scenario.sources_of(workspace_id):
        found |= truth_of(feeds[source].detections, hashes or as_fetched(scenario, source)).wanted()
    return found


def as_fetched(scenario: Scenario, source: str) -> HashChoice:
    """Return what the form of a source shows: a shared grid is fetched by the first tenant that asks for it."""
    tenant = next(tenant for tenant in scenario.tenants if source in set(tenant.sources()))
    return HashChoice.ALL if tenant.format == "csv" else HashChoice.STRONGEST


def refused_for_ever(scenario: Scenario, workspace_id: str) -> set[str]:
    """Return the values that the scenario's faults make the workspace refuse without end."""
    wanted = workspace_id.lower()
    return {
        fault.holds.lower()
        for fault in scenario.sentinel_faults
        if fault.kind is SentinelFaultKind.REFUSE_RECORD
        and fault.holds is not None
        and fault.times is None
        and fault.rate is None
        and (fault.workspace is None or fault.workspace.lower() == wanted)
    }


def compare(
    scenario: Scenario,
    feeds: Mapping[str, Feed],
    workspace: Workspace,
    hashes: HashChoice | None = None,
) -> Comparison:
    """Compare a workspace with what it must hold."""
    wanted = expected(scenario, feeds, workspace.id, hashes)
    never = refused_for_ever(scenario, workspace.id)
    refused = {observable for observable in wanted if observable.value in never}
    held = workspace.observables()
    return Comparison(
        expected=frozenset(wanted),
        refused_for_ever=frozenset(refused),
        missing=frozenset(wanted - held - refused),
        unexpected=frozenset(held - wanted),
        doubled=frozenset(workspace.doubled()),
    )
