"""Which scopes the workspaces of a source come to, for what is in a chunk."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mti.common.registry import IndicatorPolicy, TestFilePolicy
from mti.normalizer.admission import narrowed
from mti.normalizer.indicators.policy import TEST_FILES
from mti.normalizer.parsing import Sighting, parse
from mti.normalizer.routing import Routing, Scope
from tests.normalizer.test_fanout import each_with, workspace
from tests.normalizer.world import DEFAULT, GRID, STRICT, chunk, sha256, stix

pytestmark = pytest.mark.pure

TEST_FILE = min(value for value in TEST_FILES if len(value) == 64)
FILES = [sha256("a"), sha256("b"), TEST_FILE]
POLICIES = st.builds(
    replace,
    st.sampled_from([DEFAULT, STRICT]),
    allow_list=st.frozensets(st.sampled_from([*FILES, "elsewhere.example", "evil.example"]), max_size=2),
    test_files=st.sampled_from(TestFilePolicy),
)


def seen(*hashes: str, domain: bool = False) -> list[Sighting]:
    files = [stix(pattern=f"[file:hashes.'SHA-256' = '{found}']") for found in hashes]
    domains = [stix(pattern="[domain-name:value = 'Evil.Example']")] if domain else []
    return parse(chunk(*files, *domains)).sightings


def joined_one_by_one(each: Sequence[Scope], sightings: list[Sighting]) -> list[Scope]:
    """Return scopes as they follow from what is left of each policy."""
    found: dict[IndicatorPolicy, list[str]] = {}
    for scope, policy in zip(each, narrowed([scope.policy for scope in each], sightings), strict=True):
        found.setdefault(policy, []).extend(scope.destinations)
    return [Scope(policy, tuple(destinations)) for policy, destinations in found.items()]


@given(
    policies=st.lists(POLICIES, min_size=2, max_size=8),
    hashes=st.lists(st.sampled_from(FILES), max_size=3),
    domain=st.booleans(),
)
def test_scopes_that_come_to_the_same_for_a_chunk_are_one_whatever_is_in_it(
    policies: list[IndicatorPolicy], hashes: list[str], domain: bool
) -> None:
    scopes, sightings = Routing().scopes_of(each_with(policies), GRID), seen(*hashes, domain=domain)
    if len(scopes.each) == 1:
        assert scopes.joined(sightings) == (Scope(policies[0], tuple(map(workspace, range(len(policies))))),)
    else:
        assert list(scopes.joined(sightings)) == joined_one_by_one(scopes.each, sightings)


def test_scopes_are_worked_out_once_for_a_registry_and_anew_for_the_next() -> None:
    routing, before, after = Routing(), each_with([DEFAULT, DEFAULT]), each_with([DEFAULT, STRICT])
    first = routing.scopes_of(before, GRID)
    assert routing.scopes_of(before, GRID) is first
    assert [scope.policy for scope in routing.scopes_of(after, GRID).each] == [DEFAULT, STRICT]
    assert routing.scopes_of(replace(before, routes=()), GRID).each == ()
    assert routing.scopes_of(before, GRID) == first
