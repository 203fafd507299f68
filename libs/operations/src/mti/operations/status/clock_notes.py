"""What people are told of a publisher whose clock is wrong. Pure."""

from collections.abc import Iterable

from mti.common.clock_check import CURE
from mti.common.server_time import in_words
from mti.publisher.records import ClockNote


def clock_notes(said: Iterable[ClockNote | None]) -> list[str]:
    """Return the note of the latest that was said, if anything was.

    Args:
        said: of each workspace.
    """
    wrong = [note for note in said if note is not None]
    if not wrong:
        return []
    last = max(wrong, key=lambda note: note.at)
    heard = last.at.isoformat(timespec="seconds")
    note = (
        f"a publisher's clock is {in_words(last.ahead)} Sentinel's and Microsoft Entra ID's, as they said at {heard} "
        f"(workspaces: {len(wrong)}): {CURE}; what it publishes does not depend on it"
    )
    return [note]
