"""What the fetcher tells people in its log when a source's state changes."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from mti.common.errors import Pause
from mti.common.pauses import PauseState

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Notice:
    """A line of the log, to be written once what it says is saved."""

    level: int
    text: str
    extra: Mapping[str, object]

    def write(self) -> None:
        """Write it."""
        log.log(self.level, self.text, extra=dict(self.extra))


def paused(source: str, pause: PauseState) -> Notice:
    """Return what is said of a pause: loudly when it begins."""
    return Notice(
        logging.WARNING if pause.attempts == 1 else logging.INFO,
        "a source is paused",
        {
            "source": source,
            "reason": pause.reason,
            "description": pause.description,
            "since": pause.since.isoformat(),
            "probed_next": pause.until.isoformat(),
        },
    )


def resumed(source: str, pause: PauseState) -> Notice:
    """Return what is said when a pause is over."""
    return Notice(
        logging.INFO,
        "a source is fetched again after a pause",
        {"source": source, "reason": pause.reason, "since": pause.since.isoformat()},
    )


def begun_anew(source: str, error: Pause) -> Notice:
    """Return what is said when a window's token is refused."""
    return Notice(logging.WARNING, "a window is begun anew", {"source": source, "why": error.description})


def handed_on(source: str, account: str, following: str, error: Pause) -> Notice:
    """Return what is said when another account takes over; accounts are named by their tenants."""
    return Notice(
        logging.WARNING,
        "an account failed, and the next one fetches the source",
        {"source": source, "account": account, "next": following, "why": error.description},
    )
