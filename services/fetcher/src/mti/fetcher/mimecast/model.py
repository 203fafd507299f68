"""What is asked of the feed and what it gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import httpx
from pydantic import JsonValue

from mti.common.contracts.plain import PlainRecords
from mti.common.feeds import Feed, FeedFormat
from mti.common.server_time import ServerTime

Record = list[JsonValue]
"""One detection: its STIX objects, or the cells of its CSV row."""

API_DATE = "%Y-%m-%dT%H:%M:%S+0000"
"""How the API writes `start` and `end`; both are in UTC and have whole seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRequest:
    """One page of a feed: the first of a window, or the one that a token leads to."""

    source: str
    """The source's id, for error texts."""
    feed: Feed
    format: FeedFormat
    start: datetime
    """Of the window, in UTC. Not sent with a token, which implies it."""
    end: datetime
    token: str | None = None
    compress: bool = True

    def body(self) -> dict[str, JsonValue]:
        """Return the JSON that get-feed takes."""
        entry: dict[str, JsonValue] = {
            "feedType": self.feed.value,
            "fileType": self.format.value,
            "compress": self.compress,
        }
        if self.token is not None:
            entry["token"] = self.token
        else:
            entry["start"] = self.start.strftime(API_DATE)
            entry["end"] = self.end.strftime(API_DATE)
        return {"data": [entry]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """A part of a page that can't be read: it is set aside under its name, and the rest of the page goes on."""

    reason: str
    """A CamelCase code: `UNREAD_DETECTION` or `UNREAD_MEMBER`."""
    fault: str
    """What is wrong with it, in words that go on from "a detection: …"."""
    text: bytes
    """The part itself, or what is left of it."""


UNREAD_DETECTION: Final = "UnreadableDetection"
UNREAD_MEMBER: Final = "UnreadableMember"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFile:
    """One file of a page; a page that came as an archive has one a member."""

    format: FeedFormat
    records: Sequence[Record] | PlainRecords
    """Plain ones where the whole file is of that form."""
    header: Sequence[str] = ()
    """The names of a CSV file's columns."""
    aside: Sequence[Aside] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """What one get-feed call returned."""

    files: Sequence[FeedFile]
    """Empty when there was nothing to give."""
    token: str | None
    """Leads to the next page; `None` when there is nothing newer."""
    answered_at: datetime | None = None
    """Mimecast's own time of the answer, in UTC; `None` when it does not say."""
    free_in: timedelta | None = None
    """How long the account has to wait before its next call; `None` when nothing says so."""
    foreign: Sequence[str] = ()
    """Files of its archive that are no feed files, by name."""

    @property
    def detections(self) -> int:
        """How many records it holds, and parts that can't be read."""
        return sum(len(file.records) + len(file.aside) for file in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer as it came."""

    status: int
    headers: httpx.Headers
    body: bytes
    time: ServerTime | None = None
    """What it says of the time; `None` when it says nothing."""

    @property
    def is_success(self) -> bool:
        """Whether its status says so; its body may say otherwise."""
        return 200 <= self.status < 300
