"""What every face says in the same words: ages, lists of names, and what a piece of work did. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from mti.common.registry import Registry
from mti.common.registry.durations import format_duration
from mti.operations.dead_letters import ReplayResult
from mti.operations.revoking import Lifted, LiftedSources, RevokeResult

NAMED: Final = 3
"""Names of a list that are told before the rest is only counted."""
_NUMBERS: Final = 10


def age(seconds: float | None) -> str:
    """Return seconds in words that fit a column."""
    if seconds is None:
        return "-"
    whole = timedelta(seconds=max(0, round(seconds)))
    if whole >= timedelta(days=2):
        return f"{whole.days}d"
    if whole >= timedelta(minutes=2):
        whole = timedelta(minutes=whole // timedelta(minutes=1))
    return format_duration(whole)


def several(names: Sequence[str], most: int | None = NAMED) -> str:
    """Return names in a line; of many the first, and how many more there are; all of them where `most` is `None`."""
    if most is None or len(names) <= most + 1:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most:,} more"


def reasons(counts: Mapping[str, int]) -> str:
    """Return counts by reason in a line, the most frequent first."""
    return ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts.items(), key=lambda item: -item[1]))


def replayed(result: ReplayResult) -> str:
    """Return what a replay did."""
    verb = "would be replayed" if result.dry_run else "replayed"
    parts = [f"{result.replayed:,} of {result.matched:,} {verb}"]
    for count, what in (
        (result.overtaken, "overtaken, nothing of them left to send"),
        (result.already, "replayed out of this file before"),
        (result.gone, "gone before their turn came"),
        (result.locked, "sent but still locked by somebody else: run it again in five minutes"),
    ):
        if count:
            parts.append(f"{count:,} {what}")
    if result.objects_left_out:
        parts.append(f"{result.objects_left_out:,} objects left out, overtaken by newer versions")
    return "; ".join(parts) + "."


def not_replayed(result: ReplayResult) -> Iterator[str]:
    """Yield what a replay refused, by why."""
    for why, count in result.refused.items():
        examples = [refused for refused in result.examples if refused.why.value == why]
        numbers = ", ".join(str(refused.sequence) for refused in examples[:_NUMBERS])
        more = " …" if count > _NUMBERS else ""
        yield f"{count:,} not replayed, {why} ({numbers}{more}): {examples[0].cure if examples else ''}"


def about_to_revoke(result: RevokeResult, registry: Registry) -> str:
    """Return the question that is asked before a withdrawal."""
    names = [f"{', '.join(registry.served[id].tenants)} ({count:,})" for id, count in result.revoked.items()]
    return f"Withdraw {result.observables:,} observables from {'; '.join(names) or 'no workspace, and keep them out'}?"


def revoked(result: RevokeResult) -> Iterator[str]:
    """Yield what a withdrawal did, or would do."""
    verb = "would be revoked" if result.dry_run else "are sent as revoked"
    for destination, count in sorted(result.revoked.items()):
        yield f"{destination}: {count:,} indicators {verb}"
    for count, text in (
        (result.already, "were revoked before"),
        (result.backed, "are left alone, since another source of the same workspace still has them"),
        (result.expired, "are not valid any more, and not sent"),
        (
            result.unserved.total(),
            "are held by workspaces that are in no tenants file any more, so nobody may send there",
        ),
    ):
        if count:
            yield f"{count:,} {text}"
    if not result.dry_run:
        yield "What is withdrawn is rejected as Withdrawn when it is seen again, until `mti revoke --lift`."


def lifted(done: Lifted | LiftedSources) -> str:
    """Return what may come back after a withdrawal was lifted."""
    if isinstance(done, LiftedSources):
        where = "".join(f"\n{destination}: {count:,}" for destination, count in sorted(done.lifted.items()))
        return f"{done.observables:,} observables may come back, when they are seen again or backfilled.{where}"
    ids = sorted(set(done.workspaces.values())) or [done.id]
    return f"{done.observable} may come back: when it is seen again it is {', '.join(ids)}."
