"""What was asked of the simulated Mimecast, and what it gave."""

from collections import Counter, deque
from dataclasses import asdict, dataclass, field

_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class FeedCall:
    """One get-feed request."""

    at: str
    account: str
    feed: str
    page: int
    """0 when the request was refused before its page was known."""
    start: str
    end: str
    """The window asked for; of a request with a token, the default one."""
    status: int
    """0 when the connection was cut instead of an answer."""
    detections: int
    fault: str | None


@dataclass(slots=True)
class Journal:
    """Counts, and the latest get-feed calls."""

    calls: deque[FeedCall] = field(default_factory=lambda: deque(maxlen=_KEPT))
    statuses: Counter[str] = field(default_factory=Counter)
    """By endpoint and status: `get-feed 200`."""
    by_feed: dict[str, Counter[str]] = field(default_factory=dict)
    """Per source: requests, pages, detections served (repeats included) and each kind of garbage."""

    def feed(self, name: str) -> Counter[str]:
        """Return a source's counts, to count in."""
        return self.by_feed.setdefault(name, Counter())

    def add(self, call: FeedCall) -> None:
        """Write down a call that found its feed."""
        self.calls.append(call)
        counts = self.feed(call.feed)
        counts["requests"] += 1
        if call.detections or (call.status == 200 and call.fault is None):
            counts["pages"] += 1
            counts["detections_served"] += call.detections

    def summary(self) -> dict[str, object]:
        """Return the counts as plain data."""
        return {"statuses": dict(self.statuses), "feeds": {name: dict(found) for name, found in self.by_feed.items()}}

    def recent(self, limit: int) -> list[dict[str, object]]:
        """Return the latest calls, oldest first."""
        return [asdict(call) for call in list(self.calls)[-limit:]] if limit > 0 else []
