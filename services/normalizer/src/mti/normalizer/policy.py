"""What is not sent: test files, what the operator allows, and what a person withdrew. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from mti.common.comparable import comparable
from mti.common.registry import IndicatorPolicy, TestFilePolicy
from mti.normalizer.observables import HASH_KEYS, Observable, hashes_of_one_file
from mti.normalizer.parsing import Sighting

TEST_FILE: Final = "TestFile"
ALLOW_LISTED: Final = "AllowListed"
WITHDRAWN: Final = "Withdrawn"

TEST_FILES: Final = frozenset(
    {
        # eicar.com and eicar.com.txt, the same 68 bytes (https://www.eicar.org/download-anti-malware-testfile/)
        "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f",
        "3395856ce81f2b7382dee72602f798b642f14140",
        "44d88612fea8a8f36de82e1278abb02f",
        # the same with a line feed, as an editor leaves it
        "131f95c51cc819465fa1797f6ccacf9d494aaaff46fa3eac73ae63ffbdfd8267",
        "cf8bd9dfddff007f75adf4c2be48005cea317c62",
        "69630e4574ec6798239b091cda43dca0",
        # eicar_com.zip
        "2546dcffc5ad854d4ddc64fbf056871cd5a00f2471cb7a5bfd4ac23b6e9eedad",
        "d27265074c9eac2e2122ed69294dbc4d7cce9141",
        "6ce6f415d8475545be5ba114f208b0ff",
        # eicarcom2.zip
        "e1105070ba828007508566e28a2b8d4c65d192e9eaf3b7868382b7cae747b397",
        "bec1b52d350d721c7e22a6d4bb0a92909893a3ae",
        "e4968ef99266df7c9a1f0637d2389dab",
        # the empty file, which is on every machine
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "d41d8cd98f00b204e9800998ecf8427e",
    }
)
"""SHA-256, SHA-1 and MD5 of files that are no threat wherever they are seen."""


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
    found = Admitted()
    for position, sighting in enumerate(sightings):
        reasons = _reasons(sighting, policy)
        if withdrawn:
            spent = (observable for observable in sighting.observables if observable in withdrawn)
            reasons = dict.fromkeys(spent, WITHDRAWN) | reasons
        if reasons:
            kept = tuple(observable for observable in sighting.observables if observable not in reasons)
            if not kept:
                found.dropped[position] = next(iter(reasons.values()))
                continue
            sighting = replace(sighting, observables=kept)  # noqa: PLW2901  the same one, with less in it
        found.sightings.append(sighting)
        found.positions.append(position)
    return found


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


def reason_of_file(observable: Observable, siblings: Sequence[str], policy: IndicatorPolicy) -> str | None:
    """Return why a policy does not let what is known of an observable be sent, the other hashes of its file
    considered; `None` when it does.

    Args:
        observable: the observable.
        siblings: the file's other hashes; see `Facts.siblings`.
        policy: the policy.
    """
    values = (observable, *(Observable(observable.key, value) for value in siblings))
    return next((reason for found in values if (reason := reason_of(found, policy)) is not None), None)


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


def compared(observable: Observable) -> str:
    """Return the value of an observable as allow-lists write it."""
    return observable.value if observable.key in HASH_KEYS else comparable(observable.value)


def reason_of(observable: Observable, policy: IndicatorPolicy) -> str | None:
    """Return why a policy does not let an observable be sent, by itself; `None` when it does."""
    if policy.test_files is TestFilePolicy.DROP and observable.value in TEST_FILES:
        return TEST_FILE
    if policy.allow_list and compared(observable) in policy.allow_list:
        return ALLOW_LISTED
    return None
