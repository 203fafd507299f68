"""What was emitted last of an indicator under each refresh rule, where these differ.

A source may be routed under several policies. For how long a policy lets an indicator be valid, and by which part of
that a sighting must extend it, decide when it is sent again: this is the policy's *refresh rule*. What was sent under
one rule says nothing of the workspaces of another. A rule may also be new, since a policy was edited: whoever has it
holds at least the least of what was emitted under the others when it was first decided on, and that is remembered as
its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import Struct
from pydantic import JsonValue

from mti.common.contracts import timestamp
from mti.common.registry import IndicatorPolicy


class RefreshRule(NamedTuple):
    """What of a policy decides when an indicator is due for a refresh."""

    validity: timedelta
    refresh_after: float | None
    """`None` stands for any: an earlier release did not tell them apart."""


class Emission(NamedTuple):
    """What was emitted last under a rule, or what a workspace under it holds at least."""

    version: datetime
    valid_until: datetime


Emissions = Mapping[RefreshRule, Emission]


def rule_of(policy: IndicatorPolicy) -> RefreshRule:
    """Return the refresh rule of a policy."""
    return RefreshRule(policy.validity, policy.refresh_after)


def emission_in(emissions: Emissions, policy: IndicatorPolicy) -> Emission | None:
    """Return what was emitted last under a policy's rule; `None` if that is new."""
    found = emissions.get(rule_of(policy))
    return found or emissions.get(RefreshRule(policy.validity, None))


def least_of(emissions: Iterable[Emission]) -> Emission:
    """Return what whoever was sent one of these holds at least."""
    versions, ends = zip(*emissions, strict=True)
    return Emission(min(versions), min(ends))


def later_of(some: Emissions, others: Emissions) -> dict[RefreshRule, Emission]:
    """Return what was emitted last under each rule, by either."""
    later = dict(some)
    for rule, emission in others.items():
        later[rule] = max(emission, later.get(rule, emission))
    return later


class EmittedBody(Struct, gc=False):
    """The same in a document."""

    validity: float
    """In seconds."""
    version: datetime
    valid_until: datetime
    refresh_after: float | None = None


def emissions_body(emissions: Emissions) -> list[JsonValue]:
    """Return what a document keeps of them."""
    return [
        {
            "validity": rule.validity.total_seconds(),
            **({} if rule.refresh_after is None else {"refresh_after": rule.refresh_after}),
            "version": timestamp(emission.version),
            "valid_until": timestamp(emission.valid_until),
        }
        for rule, emission in emissions.items()
    ]


def emissions_from(read: Sequence[EmittedBody] | Mapping[str, datetime]) -> dict[RefreshRule, Emission]:
    """Return them as a document has them: as a list, or in an earlier form, which had the version for each validity."""
    if isinstance(read, Mapping):
        lasting = [(timedelta(seconds=float(seconds)), version) for seconds, version in read.items()]
        return {RefreshRule(validity, None): Emission(version, version + validity) for validity, version in lasting}
    return {
        RefreshRule(timedelta(seconds=each.validity), each.refresh_after): Emission(each.version, each.valid_until)
        for each in read
    }
