"""Policies of one source are edited at any time, and sightings come in any order: what a workspace is taken to hold it
does hold, so that nothing ends there while it is seen, and nothing is sent that extends it by too little.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mti.common.registry import IndicatorPolicy
from mti.normalizer.decisions import decide, merged
from mti.normalizer.facts import Facts
from mti.normalizer.grouping import Group
from mti.normalizer.observables import SHA256, Observable, indicator_id
from mti.normalizer.records import Emission, KnownIndicator, rule_of
from tests.normalizer.world import NOW, sha256

pytestmark = pytest.mark.pure

OBSERVABLE = Observable(SHA256.key, sha256("a"))
ID = indicator_id(OBSERVABLE)
POLICIES = st.builds(
    IndicatorPolicy,
    validity=st.sampled_from([timedelta(days=days) for days in (1, 10, 12, 30)]),
    refresh_after=st.sampled_from([0.1, 0.5, 1.0]),
)
LAGS = st.one_of(st.just(0.0), st.just(0.0), st.floats(0, 20))


@dataclass
class Workspace:
    """What it holds, as the publisher sees to it."""

    policy: IndicatorPolicy
    held: Emission | None = None
    joined: bool = False
    """Whether it came to a rule that others had, and was sent nothing since: it has what it had before."""
    edited: bool = False
    """Whether its rule is another than that by which it was sent what it holds."""

    def take(self, emission: Emission) -> None:
        """Take a version; an older one replaces none."""
        if self.held is None or emission.version > self.held.version:
            self.held, self.joined, self.edited = emission, False, False


@dataclass
class Estate:
    workspaces: list[Workspace]
    known: KnownIndicator | None = None
    now: datetime = NOW
    chunks: int = 0
    rules: set[object] = field(default_factory=set)
    """Those that were decided on when the document was written."""

    def edit(self, number: int, policy: IndicatorPolicy) -> None:
        workspace = self.workspaces[number]
        if rule_of(policy) != rule_of(workspace.policy):
            workspace.joined = workspace.joined or rule_of(policy) in self.rules
            workspace.edited = True
        workspace.policy = policy

    def see(self, days: float, lag: float) -> None:
        self.now += timedelta(days=days)
        self.chunks += 1
        seen = self.now - timedelta(days=lag)
        group = Group(OBSERVABLE, seen, seen, 1, Facts(), 0, 0)
        before = self.known
        policies = dict.fromkeys(workspace.policy for workspace in self.workspaces)
        decisions = [
            (policy, decision)
            for policy in policies
            for decision in decide({ID: group}, {ID: before} if before else {}, policy, f"chunk {self.chunks}")
        ]
        for policy, decision in decisions:
            if decision.emits is not None:
                self.send(policy, Emission(decision.emits.version, decision.emits.valid_until))
        if any(decision.emits for _, decision in decisions):
            self.known = merged(decisions, before)
            self.rules = {rule_of(policy) for policy in policies}

    def send(self, policy: IndicatorPolicy, emission: Emission) -> None:
        for workspace in self.workspaces:
            if workspace.policy != policy:
                continue
            if workspace.held is not None and not workspace.joined and not workspace.edited:
                extension = emission.valid_until - workspace.held.valid_until
                assert extension >= policy.validity * policy.refresh_after
            workspace.take(emission)

    def check(self, *, seen_now: bool) -> None:
        assert self.known is not None
        for workspace in self.workspaces:
            assert workspace.held is not None
            if workspace.joined:
                continue
            due = self.known.due_under(workspace.policy)
            assert workspace.held.version >= due.version
            assert workspace.held.valid_until >= due.valid_until
            assert not seen_now or workspace.held.valid_until > self.now


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("see"), st.floats(0.01, 8), LAGS),
        st.tuples(st.just("see"), st.floats(0.01, 8), LAGS),
        st.tuples(st.just("edit"), st.integers(0, 2), POLICIES),
    ),
    max_size=40,
)


@settings(max_examples=200)
@given(st.lists(POLICIES, min_size=3, max_size=3), STEPS)
def test_nothing_ends_while_it_is_seen_and_no_row_is_sent_in_vain(
    policies: Sequence[IndicatorPolicy], steps: Sequence[tuple[str, object, object]]
) -> None:
    estate = Estate([Workspace(policy) for policy in policies])
    estate.see(0, 0)
    estate.check(seen_now=True)
    for what, first, second in steps:
        if what == "see":
            estate.see(first, second)  # type: ignore[arg-type]
        else:
            estate.edit(first, second)  # type: ignore[arg-type]
        estate.check(seen_now=what == "see" and second == 0.0)
