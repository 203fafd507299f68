"""From a checkpoint to what is asked for next, and from a page to the next checkpoint. Pure.

A window is fixed when its first page is asked for and stays so until it is closed, so that a page that is asked for
twice is the same page. Windows overlap: a detection that Mimecast publishes late is found by a later one. Only a source
that is paused has its window moved: what Mimecast can't answer for one span of time it may for a longer one.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mti.common.registry.model import MimecastAccount, Source
from mti.common.server_time import ServerTime
from mti.fetcher.mimecast.model import FeedRequest
from mti.fetcher.records.checkpoint import SourceCheckpoint
from mti.fetcher.records.checkpoint_parts import AHEAD, TokenMemory, Window

ITS_OWN_FAULT: Final = frozenset(
    {"UnreadablePage", "PageTooLarge", "MimecastFailure", "RequestRefused", "FeedNotFound", "TokenRefused", "Bug"}
)
"""Reasons of pauses that the window or the page may be the cause of."""
PROBES_OF_A_PAGE: Final = 3
"""How often a further page of a window is probed, when it may be at fault, before the window is begun anew, …"""
PROBES_OF_ANY_PAGE: Final = 12
"""… and when it seems not to be: some hours. Its pages so far would be downloaded again."""
SAME_DAMAGE: Final = 3
"""How often a page has to come with the same damage before the rest of it is used."""


@dataclass(frozen=True, slots=True)
class Step:
    """Where a page leads."""

    checkpoint: SourceCheckpoint
    looped: bool = False
    """The page's token was seen before: the window can't be finished, and is to be asked for anew later."""


def account_for(checkpoint: SourceCheckpoint, source: Source) -> MimecastAccount:
    """Return the account that fetches now; the first one when the checkpoint names none that the source has."""
    return next((account for account in source.accounts if account.tenant == checkpoint.account), source.accounts[0])


def account_after(account: MimecastAccount, source: Source) -> MimecastAccount:
    """Return the account to try when that one failed."""
    tenants = [each.tenant for each in source.accounts]
    return source.accounts[(tenants.index(account.tenant) + 1) % len(tenants)]


def with_open_window(checkpoint: SourceCheckpoint, source: Source, now: datetime) -> SourceCheckpoint:
    """Return the checkpoint with an account and a window: the one that is open, or a new one up to now.

    A token belongs to the account that it was given to; with another account the window begins anew. The probe of a
    paused source reaches up to now, so that it is never stuck with one span of time.
    """
    account = account_for(checkpoint, source).tenant
    if checkpoint.account != account:
        checkpoint = checkpoint.with_account(account)
    window = checkpoint.window
    if window is None:
        return checkpoint.with_window(_new_window(checkpoint, source, now))
    if _is_to_be_moved(checkpoint):
        return checkpoint.with_window(Window(start=window.start, end=max(_whole(now), window.end)))
    return checkpoint


def _is_to_be_moved(checkpoint: SourceCheckpoint) -> bool:
    """Say whether the open window is to end now: at each probe of its first page, at a late one of a further page."""
    pause = checkpoint.pause
    if pause is None:
        return False
    probes = PROBES_OF_A_PAGE if pause.reason in ITS_OWN_FAULT else PROBES_OF_ANY_PAGE
    return checkpoint.token is None or pause.attempts >= probes


def accepted_damage(checkpoint: SourceCheckpoint) -> str | None:
    """Return the damage that the next page may have, since it came with it again and again."""
    damage = checkpoint.damage
    return damage.digest if damage is not None and damage.times >= SAME_DAMAGE else None


def request_for(
    checkpoint: SourceCheckpoint, source: Source, account: MimecastAccount, *, compress: bool
) -> FeedRequest:
    """Return the request for the next page of the open window."""
    assert checkpoint.window is not None  # noqa: S101  opened before
    return FeedRequest(
        source=source.id,
        feed=source.feed,
        format=account.format,
        start=checkpoint.window.start,
        end=checkpoint.window.end,
        token=checkpoint.token,
        compress=compress,
    )


def reached(checkpoint: SourceCheckpoint, time: ServerTime | None) -> SourceCheckpoint:
    """Return the checkpoint with its window ended where Mimecast's own time was when the first page was asked for.

    Args:
        checkpoint: with the window open.
        time: what the answer says of the time; nothing leaves the window as it is.
    """
    window = checkpoint.window
    if window is None or time is None or checkpoint.page:
        return checkpoint
    end = time.reached(window.end)
    if end == window.end:
        return checkpoint
    return checkpoint.bounded(reached=end)


def advanced(checkpoint: SourceCheckpoint, source: Source, token: str | None, *, brought: bool = True) -> Step:
    """Return where a page leads that is published.

    Some feeds send a token with every answer, the last and empty one too. So a page that brought nothing is the end of
    its window, whatever token stands beside it, and no window has two of them in a row.

    Args:
        checkpoint: with the window open and the token that led to the page.
        source: whose page it is.
        token: that came with the page. Without one the window is closed, whichever page it was.
        brought: whether the page held anything at all.
    """
    if token is None or not brought:
        return Step(_closed(checkpoint, source))
    memory, repeats = remembered(checkpoint.tokens, token)
    if repeats or token == checkpoint.token:
        return Step(checkpoint.at_first_page(), looped=True)
    return Step(checkpoint.advanced(token=token, tokens=memory))


def remembered(memory: TokenMemory, token: str) -> tuple[TokenMemory, bool]:
    """Return the memory after one more token, and whether that token closes a circle."""
    digest = hashlib.sha256(token.encode()).hexdigest()[:32]
    if digest == memory.digest:
        return memory, True
    if memory.steps + 1 >= memory.power:
        return TokenMemory(digest=digest, power=memory.power * 2), False
    return TokenMemory(digest=memory.digest, power=memory.power, steps=memory.steps + 1), False


def _new_window(checkpoint: SourceCheckpoint, source: Source, now: datetime) -> Window:
    """Open a window up to now, in whole seconds, as the API takes them: it never claims more than it asks for."""
    end = _whole(now)
    covered = checkpoint.covered_until
    # What is said to be fetched and has not come to pass was never fetched: a clock was wrong, and nobody knows since
    # when.
    start = end - source.lookback if covered is None or covered > now + AHEAD else covered - source.overlap
    # A clock that was set back must not make a window that ends before it begins.
    return Window(start=min(_whole(start), end), end=end)


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _closed(checkpoint: SourceCheckpoint, source: Source) -> SourceCheckpoint:
    window = checkpoint.window
    assert window is not None  # noqa: S101  opened before
    covered = window.end if window.reached is None else max(window.reached, window.start)
    before = checkpoint.covered_until
    if before is not None and before <= window.end + AHEAD:
        covered = max(covered, before)
    return checkpoint.closed(
        covered_until=covered,
        asked_until=window.end if window.reached is not None else None,
        next_due=(window.reached or window.end) + source.poll_interval,
    )
