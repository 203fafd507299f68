"""The sightings of a chunk under a policy: without what it does not let be sent, and what a person withdrew. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from msgspec import structs

from mti.common.registry import IndicatorPolicy, TestFilePolicy
from mti.normalizer.indicators.policy import TEST_FILES, compared, reason_of
from mti.normalizer.observables import Observable, hashes_of_one_file
from mti.normalizer.parsing import Sighting

WITHDRAWN: Final = "Withdrawn"


@dataclass(slots=True)
class Admitted:
    """The sightings of a chunk under one policy."""

    sightings: list[Sighting] = field(default_factory=list)
    """Without the observables that are not sent; those that have none left are not among them."""
    positions: list[int] = field(default_factory=list)
    """Where each stood among the sightings that were given."""
    dropped: dict[int, str] = field(default_factory=dict)
    """The positions of the others, with the reason."""


def admit(
    sightings: Sequence[Sighting], policy: IndicatorPolicy, withdrawn: Collection[Observable] = frozenset()
) -> Admitted:
    """Apply a policy to sightings.

    Args:
        sightings: of a chunk.
        policy: the scope's.
        withdrawn: observables that a person withdrew: these alone, and not the other hashes of the same file.
    """
    if not (withdrawn or policy.allow_list) and not _tested(sightings, policy):
        return Admitted(list(sightings), list(range(len(sightings))))
    admitted = Admitted()
    for position, sighting in enumerate(sightings):
        reasons = _reasons(sighting, policy)
        if withdrawn:
            spent = (observable for observable in sighting.observables if observable in withdrawn)
            reasons = dict.fromkeys(spent, WITHDRAWN) | reasons
        if reasons:
            kept = tuple(observable for observable in sighting.observables if observable not in reasons)
            if not kept:
                admitted.dropped[position] = next(iter(reasons.values()))
                continue
            sighting = structs.replace(sighting, observables=kept)  # noqa: PLW2901  the same one, with less in it
        admitted.sightings.append(sighting)
        admitted.positions.append(position)
    return admitted


def _tested(sightings: Sequence[Sighting], policy: IndicatorPolicy) -> bool:
    """Say whether there are test files among them, and the policy drops them."""
    return policy.test_files is TestFilePolicy.DROP and any(
        observable.value in TEST_FILES for sighting in sightings for observable in sighting.observables
    )


def _reasons(sighting: Sighting, policy: IndicatorPolicy) -> dict[Observable, str]:
    """Return the observables that are not sent, and why.

    Hashes of one file go together: who allows a file by its SHA-256 does not want to be alarmed by its MD5.
    """
    reasons = {
        observable: reason
        for observable in sighting.observables
        if (reason := reason_of(observable, policy)) is not None
    }
    if reasons and len(reasons) < len(sighting.observables):
        hashes = hashes_of_one_file(sighting.observables)
        reason = next((reasons[observable] for observable in hashes if observable in reasons), None)
        if reason is not None:
            reasons = dict.fromkeys(hashes, reason) | reasons
    return reasons


def touched(sightings: Sequence[Sighting], listed: Collection[str]) -> bool:
    """Say whether there is a test file among them, or what is on an allow-list.

    Args:
        sightings: of a chunk.
        listed: what is on any of the allow-lists.
    """
    observables = {observable for sighting in sightings for observable in sighting.observables}
    return any(observable.value in TEST_FILES for observable in observables) or (
        bool(listed) and any(compared(observable) in listed for observable in observables)
    )


def in_general(policy: IndicatorPolicy) -> IndicatorPolicy:
    """Return what a policy comes to for sightings that it does not touch: see `narrowed`."""
    return replace(policy, allow_list=frozenset(), test_files=TestFilePolicy.DROP)


def narrowed(policies: Sequence[IndicatorPolicy], sightings: Sequence[Sighting]) -> list[IndicatorPolicy]:
    """Return the policies without what cannot matter to these sightings: those that treat them alike become equal."""
    observables = {observable for sighting in sightings for observable in sighting.observables}
    listed = any(policy.allow_list for policy in policies)
    values = {compared(observable) for observable in observables} if listed else set()
    tested = any(observable.value in TEST_FILES for observable in observables)
    return [
        replace(
            policy,
            allow_list=policy.allow_list & values,
            test_files=policy.test_files if tested else TestFilePolicy.DROP,
        )
        for policy in policies
    ]
