"""From a workspace's books to the messages that revoke what it holds. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from mti.common.contracts import Indicator, timestamp
from mti.common.errors import ConfigurationError
from mti.common.ports.bus import Outgoing
from mti.normalizer.indicators import messages_for
from mti.publisher.records import STEP, Published, held_object


def revocation_of(own: str, held: Published, now: datetime) -> Indicator | None:
    """Return the object that revokes what a workspace holds: as it was, but revoked, and newer than it was.

    It goes under the observable's own id: which generation the workspace has of it is the publisher's to say.

    Args:
        own: the observable's own id.
        held: the books of it.
        now: the time.

    Returns:
        `None` where the workspace never got it.

    Raises:
        ConfigurationError: the books are of an earlier release.
    """
    carried = held_object(own, held)
    if carried is None:
        if held.alive and (held.valid_until is None or held.valid_until > now):
            raise ConfigurationError(
                f"the publisher's books have {own} without its content, as an earlier release wrote them; run "
                "`mti migrate`, then this again"
            )
        return None
    modified = max(now, carried.modified + STEP)
    return carried.indicator.model_copy(update={"id": own, "modified": modified, "revoked": True})


def revocations(destination: str, held: Sequence[tuple[str, str, Published]], now: datetime) -> Iterator[Outgoing]:
    """Yield the messages that revoke indicators in one workspace.

    Args:
        destination: the workspace.
        held: of each the observable's own id, the source that is withdrawn, and the books.
        now: the time.
    """
    by_source: dict[str, list[Indicator]] = {}
    for own, source, known in held:
        revocation = revocation_of(own, known, now)
        if revocation is not None:
            by_source.setdefault(source, []).append(revocation)
    for source, objects in by_source.items():
        yield from messages_for([destination], source, objects, run=run_at(now))


def run_at(now: datetime) -> str:
    """Return the name of a withdrawal, for its MessageIds: of detections that are dated ahead two withdrawals with a
    lift in between say the same.
    """
    return f"revoke{timestamp(now)}"


def giver(held: Published, among: Mapping[str, object] | None = None) -> str:
    """Return the source by whose name an indicator is revoked: whose version the workspace holds, where that is one of
    those that are withdrawn.
    """
    names = list(held.sources) if among is None else [name for name in held.sources if name in among]
    if held.source is not None and (among is None or held.source in among):
        return held.source
    return names[0] if names else held.source or ""
