"""Pages and the opaque tokens between them."""

import base64
from dataclasses import dataclass
from random import Random

from mti.simulators.feed import Detection
from mti.simulators.mimecast.answers import Refused

TOKEN_HEADER = "x-mc-threat-feed-next-token"  # noqa: S105  the name of a header


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in one window of one feed, as one account sees it."""

    account: str
    feed: str
    window: list[Detection]
    """What the window held when it was opened, newest first; shared by its cursors."""
    offset: int
    page: int
    """1 for the page that is asked for without a token."""

    def cut(self, size: int) -> list[Detection]:
        """Return the page's detections."""
        return self.window[self.offset : self.offset + size]

    def next(self, size: int) -> "Cursor | None":
        """Return the place after this page; `None` when nothing comes after it."""
        return self.after(size) if self.offset + size < len(self.window) else None

    def after(self, size: int) -> "Cursor":
        """Return the place after this page, even where there is nothing."""
        offset = min(self.offset + size, len(self.window))
        return Cursor(self.account, self.feed, self.window, offset, self.page + 1)


class PageTokens:
    """Stands in for what the real API encodes into its tokens."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._cursors: dict[str, Cursor] = {}

    def issue(self, cursor: Cursor) -> str:
        """Return a new token for the place."""
        token = base64.urlsafe_b64encode(self._rng.randbytes(46)).decode()
        self._cursors[token] = cursor
        return token

    def find(self, token: str, account: str, feed: str) -> Cursor:
        """Return the place; raises `Refused` when the token is unknown, another account's or another feed's."""
        cursor = self._cursors.get(token)
        if cursor is None or (cursor.account, cursor.feed) != (account, feed):
            raise Refused(400, "err_threat_intel_feed_invalid_token", "The token is not valid")
        return cursor

    def header_name(self) -> str:
        """Return the header's name in a random case: clients may not rely on one."""
        return "".join(letter.upper() if self._rng.random() < 0.5 else letter for letter in TOKEN_HEADER)
