"""New, refresh or suppress: what becomes of a group, given what is known. Pure."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from mti.common.registry import IndicatorPolicy
from mti.normalizer.grouping import Group
from mti.normalizer.observables import Observable, indicator_id
from mti.normalizer.records import (
    REFRESHES_KEPT,
    SHORTEST_VALIDITY,
    UNTOUCHED,
    Emission,
    KnownIndicator,
    RefreshRule,
    Standing,
    Verdict,
    least_of,
    rule_of,
)


class Decision(Struct, frozen=True, gc=False):
    """What becomes of a group."""

    group: Group
    id: str
    verdict: Verdict
    emits: KnownIndicator | None = None
    """What is to be emitted and then remembered; `None` when there is nothing to emit: the indicator is suppressed, or
    an earlier try of the same chunk has emitted it."""


def identified(
    groups: Sequence[Group],
    standings: Mapping[Observable, Standing] | None = None,
    ids: Mapping[Observable, str] | None = None,
) -> dict[str, Group]:
    """Return the groups under the ids of their indicators.

    Args:
        groups: the groups.
        standings: of the observables that were withdrawn once, whose withdrawal may have been lifted.
        ids: those of the observables, where they were made already.
    """
    by_id: dict[str, Group] = {}
    for each in groups:
        generation = standings.get(each.observable, UNTOUCHED).generation if standings else 0
        id = ids[each.observable] if ids else indicator_id(each.observable)
        by_id[id] = replace(each, generation=generation) if generation else each
    return by_id


def decide(
    groups: Mapping[str, Group], known: Mapping[str, KnownIndicator], policy: IndicatorPolicy, chunk_id: str
) -> list[Decision]:
    """Decide on every group.

    Args:
        groups: by id.
        known: what is known of these ids; the unknown are absent.
        policy: the scope's.
        chunk_id: the CloudEvents id of the chunk at hand.
    """
    lasting = max(policy.validity, SHORTEST_VALIDITY)
    return [
        Decision(group, id, Verdict.NEW, _first(id, group, policy, lasting, chunk_id))
        if (found := known.get(id)) is None
        else _decide(id, group, found, policy, lasting, chunk_id)
        for id, group in groups.items()
    ]


def _decide(
    id: str, group: Group, known: KnownIndicator, policy: IndicatorPolicy, lasting: timedelta, chunk_id: str
) -> Decision:
    if group.generation > known.generation:
        # It was withdrawn since, and that was lifted: what is known from before does not suppress it.
        first = replace(_first(id, group, policy, lasting, chunk_id), etag=known.etag)
        return Decision(group, id, Verdict.NEW, first)
    before = known.earlier_verdict(chunk_id)
    if before is not None:
        return Decision(group, id, before)
    if is_due(group, known, policy):
        return Decision(group, id, Verdict.REFRESHED, _refreshed(group, known, policy, lasting, chunk_id))
    return Decision(group, id, Verdict.SUPPRESSED)


def is_due(group: Group, known: KnownIndicator, policy: IndicatorPolicy) -> bool:
    """Say whether a sighting extends the validity by a real part, as it does wherever that had ended.

    It must also be newer than all that was emitted, under whichever policy: an older version replaces none, though it
    might be valid for longer after an edit.
    """
    extension = group.last_seen + policy.validity - known.valid_until_under(policy)
    return group.last_seen > known.version and extension >= policy.validity * policy.refresh_after


def _first(id: str, group: Group, policy: IndicatorPolicy, lasting: timedelta, chunk_id: str) -> KnownIndicator:
    return KnownIndicator(
        id=id,
        observable=group.observable,
        created=group.first_seen,
        version=group.last_seen,
        valid_until=group.last_seen + lasting,
        sightings=group.count,
        first_by=chunk_id,
        generation=group.generation,
        facts=group.facts.redacted_by(policy),
    )


def _refreshed(
    group: Group, known: KnownIndicator, policy: IndicatorPolicy, lasting: timedelta, chunk_id: str
) -> KnownIndicator:
    return replace(
        known,
        version=group.last_seen,
        valid_until=group.last_seen + lasting,
        sightings=known.sightings + group.count,
        refreshed_by=(*known.refreshed_by, chunk_id)[-REFRESHES_KEPT:],
        refreshes=known.refreshes + 1,
        facts=group.facts.or_else(known.facts).redacted_by(policy),
    )


def merged(decisions: Sequence[tuple[IndicatorPolicy, Decision]], known: KnownIndicator | None) -> KnownIndicator:
    """Return what is to be remembered of one indicator that was decided on under one or more policies.

    Args:
        decisions: all that were made of it, with their policies; at least one of them emits.
        known: what is known of it so far.
    """
    if len(decisions) == 1 and known is None and decisions[0][1].emits is not None:
        return decisions[0][1].emits
    emits = [decision.emits for _, decision in decisions if decision.emits is not None]
    newest = max(emits, key=lambda each: (each.version, each.sightings))
    known = known if known is not None and known.generation == newest.generation else None
    version = max(newest.version, known.version) if known else newest.version
    valid_until = max(each.valid_until for each in (*emits, *([known] if known else [])))
    emitted = _emitted(decisions, known)
    same = set(emitted.values()) == {Emission(version, valid_until)}
    return replace(
        newest,
        created=min(each.created for each in emits),
        version=version,
        valid_until=valid_until,
        facts=next((each.facts for each in emits if each.facts.name is not None), newest.facts),
        emitted={} if same else emitted,
    )


def _emitted(
    decisions: Sequence[tuple[IndicatorPolicy, Decision]], known: KnownIndicator | None
) -> dict[RefreshRule, Emission]:
    """Return what the workspaces of each refresh rule hold at least from now on; that of a rule under which nothing is
    emitted stays what it was, however often it is under others. A rule that no policy has any more is forgotten.
    """
    emitted: dict[RefreshRule, Emission] = {}
    for policy, decision in decisions:
        if decision.emits is not None:
            emission = Emission(decision.emits.version, decision.emits.valid_until)
        elif known is not None:
            emission = known.least_under(policy)
        else:
            continue
        rule = rule_of(policy)
        emitted[rule] = least_of((emission, emitted.get(rule, emission)))
    return emitted
