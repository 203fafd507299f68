"""What is withdrawn at this moment, for everyone and for single sources."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from mti.common.ports.clock import SystemClock
from mti.normalizer.records import EVERYONE, KNOWN, KnownIndicators
from mti.operations.stores import Stores

READ: Final = 5_000
"""Withdrawals that one look reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """An observable that is not sent any more."""

    observable: str
    source: str | None
    """For which source; `None` for everyone."""
    since: datetime
    reason: str | None


@dataclass(slots=True)
class Listed:
    """What was found."""

    withdrawn: list[Withdrawn] = field(default_factory=list)
    """The newest first."""
    whole: bool = True
    """Whether everything was read."""


async def list_withdrawn(stores: Stores) -> Listed:
    """Return what is withdrawn, as far as a look reads: what holds for everyone before what holds for one source.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    listed, read = Listed(), 0
    withdrawals = KnownIndicators(stores.normalizer.container(KNOWN), SystemClock()).withdrawals
    for audience in await withdrawals.audiences():
        async for each in withdrawals.scan(audience):
            if read >= READ:
                listed.whole = False
                break
            read += 1
            if each.withdrawn is not None:
                source = None if audience == EVERYONE else audience
                listed.withdrawn.append(
                    Withdrawn(observable=each.value, source=source, since=each.withdrawn, reason=each.reason)
                )
    listed.withdrawn.sort(key=lambda each: (each.since, each.observable), reverse=True)
    return listed
