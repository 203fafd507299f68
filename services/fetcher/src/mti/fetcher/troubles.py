"""What a failure does to a checkpoint. Pure; the handler saves what follows and acts on it."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mti.common.backoff import Backoff
from mti.common.errors import Pause, Retry
from mti.common.pauses import paused
from mti.common.registry.model import MimecastAccount, Source
from mti.fetcher.mimecast import PartlyUnreadable, subject_of
from mti.fetcher.records.checkpoint import Damage, SourceCheckpoint
from mti.fetcher.windows import account_after

NOT_ASKED: Final = Backoff(first=timedelta(seconds=30), longest=timedelta(minutes=5))
"""Of sources that wait for a silent host. They cost nothing, and are to be there soon when it is back."""


SAME_DAMAGE: Final = 3
"""How often a page has to come with the same damage before the rest of it is used."""


@dataclass(frozen=True, slots=True)
class Consequence:
    """What follows from a failure."""

    checkpoint: SourceCheckpoint
    go_on: bool
    """Whether the next job is sent at once; else the source is paused."""


def loop(source: Source, account: MimecastAccount) -> Pause:
    """Return the error for a window whose tokens go round in a circle."""
    return Pause(
        "TokenLoop",
        f"{subject_of(source.id, account.tenant)}: the feed's next-page token repeats, so that its window never ends."
        " What came was published, and the window is asked for anew at the next probe; if it goes on, report it to"
        " Mimecast's support",
    )


def bug(source: Source, account: MimecastAccount, error: Exception) -> Pause:
    """Return the error that keeps the schedule from sending job after job into a fault of our own."""
    return Pause(
        "Bug",
        f"{subject_of(source.id, account.tenant)}: {type(error).__name__} while a page was handled, a fault of this"
        " release: report it with the log of the job, which is dead-lettered, and upgrade",
    )


def put_off(checkpoint: SourceCheckpoint, error: Retry, now: datetime) -> SourceCheckpoint:
    """Return the checkpoint of a source whose job will come again as a copy: nobody has it in hand until then."""
    resume_at = now + error.delay if error.delay else None
    return checkpoint.put_off(now=now, resume_at=resume_at, damage=_damage(checkpoint, error))


def accepted(checkpoint: SourceCheckpoint) -> str | None:
    """Return the damage that the next page may have, since it came with it again and again."""
    damage = checkpoint.damage
    return damage.digest if damage is not None and damage.times >= SAME_DAMAGE else None


def _damage(checkpoint: SourceCheckpoint, error: Retry) -> Damage | None:
    before = checkpoint.damage
    if not isinstance(error, PartlyUnreadable):
        return before
    times = before.times if before is not None and before.digest == error.damage else 0
    return Damage(digest=error.damage, times=times + 1)


def not_asked(checkpoint: SourceCheckpoint, error: Pause, now: datetime, rng: random.Random) -> SourceCheckpoint:
    """Return the checkpoint of a source that is paused without having been asked for: the account stays the same."""
    before = checkpoint.pause or checkpoint.lifted
    return checkpoint.paused(paused(error, now, before, rng, NOT_ASKED))


def distrusted(checkpoint: SourceCheckpoint, error: Pause, now: datetime, rng: random.Random) -> SourceCheckpoint:
    """Return the checkpoint of a source that is paused because this machine's clock is wrong.

    A window that was opened by that clock is no window; one of which pages were published was opened by a better one.
    """
    value = not_asked(checkpoint, error, now, rng)
    return value if checkpoint.page else value.without_window()


def refused(
    checkpoint: SourceCheckpoint,
    source: Source,
    account: MimecastAccount,
    error: Pause,
    now: datetime,
    rng: random.Random,
) -> Consequence:
    """Return what follows when an account is refused: the next one takes over, or a pause when all failed in a row.

    A token belongs to the account that it was given to, so that the window begins anew with another account.
    """
    failed = checkpoint.accounts_failed + 1
    shared = len(source.accounts) > 1
    following = account_after(account, source).tenant
    if shared and failed < len(source.accounts):
        return Consequence(checkpoint.handed_on(following, now=now), go_on=True)
    if shared:
        checkpoint = checkpoint.with_account(following)
        text = f"all {len(source.accounts)} accounts of the region failed, the last one so: {error.description}"
        error = Pause(error.reason, text, error.delay)
    before = checkpoint.pause or checkpoint.lifted
    return Consequence(checkpoint.refused(paused(error, now, before, rng)), go_on=False)
