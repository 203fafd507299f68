"""Live progress by service, on a terminal; elsewhere a plain line now and then."""

import time
from types import TracebackType
from typing import Self

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from mti.cli.console import Terminal, sentence
from mti.cli.tables import FittedTable, prose, words
from mti.stack.observer import Overview, Wait
from mti.stack.stack import EmbeddedStack

PLAIN_EVERY = 5.0
WAITS_SHOWN = 6
"""More of them would hide what goes on."""


class Progress:
    """Shows overviews of the stack as they come."""

    def __init__(self, stack: EmbeddedStack, console: Terminal) -> None:
        self._stack = stack
        self._console = console
        self._live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None
        self._started = time.monotonic()
        self._last_line = 0.0
        self._unsaid: tuple[Overview, float] | None = None
        """The last overview, where it has no line as yet: how it all ended."""

    def __enter__(self) -> Self:
        """Take the terminal."""
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        if self._live:
            self._live.stop()
        elif self._unsaid is not None:
            self._say(*self._unsaid)

    def update(self, overview: Overview) -> None:
        """Show this overview."""
        seconds = time.monotonic() - self._started
        if self._live:
            self._live.update(self._view(overview, seconds))
        elif seconds - self._last_line >= PLAIN_EVERY:
            self._last_line = seconds
            self._say(overview, seconds)
        else:
            self._unsaid = (overview, seconds)

    def _say(self, overview: Overview, seconds: float) -> None:
        self._unsaid = None
        self._console.print(self._line(overview, seconds), soft_wrap=True)

    def _rows(self, overview: Overview) -> list[tuple[str, str, str, str]]:
        return [
            (
                "fetcher",
                f"{overview.sources_covered} of {overview.sources} sources covered, {overview.fetched:,} detections",
                f"{overview.waiting_jobs:,} jobs",
                f"{overview.paused_sources} paused" if overview.paused_sources else "",
            ),
            (
                "normalizer",
                (
                    f"{overview.normalized:,} detections, {overview.new:,} new indicators, "
                    f"{overview.suppressed:,} suppressed"
                ),
                f"{overview.waiting_pages:,} chunks",
                "",
            ),
            (
                "publisher",
                (
                    f"{overview.accepted:,} indicators accepted in {overview.requests:,} requests, "
                    f"{overview.throttled:,} throttled"
                ),
                f"{overview.waiting_batches:,} batches",
                f"{overview.paused_destinations} paused" if overview.paused_destinations else "",
            ),
        ]

    def _view(self, overview: Overview, seconds: float) -> RenderableType:
        table = FittedTable(f"{seconds:6.1f} s", "service", [*words("waiting", "state"), *prose("done")])
        memory = {child.name.rpartition("-")[0] or child.name: child.peak_rss for child in self._stack.children}
        for service, done, waiting, note in self._rows(overview):
            state = Text(note, "yellow") if note else f"{memory[service] >> 20} MiB"
            table.add_row(Text(service, "bold"), waiting, state, done)
        lines = [sentence((text, "yellow")) for text in _waits(overview)]
        if overview.dead_letters:
            lines.append(sentence((f"{overview.dead_letters:,} dead letters", "red")))
        return Group(table, *lines)

    def _line(self, overview: Overview, seconds: float) -> str:
        parts = [
            f"{done}, {waiting} waiting{', ' + note if note else ''}" for _, done, waiting, note in self._rows(overview)
        ]
        parts += _waits(overview)
        return f"{seconds:5.0f} s  " + " | ".join(parts)


def _waits(overview: Overview) -> list[str]:
    """Return who waits for what, some of them by name."""
    more = len(overview.waits) - WAITS_SHOWN
    return [*map(wait_text, overview.waits[:WAITS_SHOWN]), *([f"and {more:,} more wait"] if more > 0 else [])]


def wait_text(wait: Wait) -> str:
    """Return who waits for what, and until when."""
    if wait.paused:
        again = f", asked again at {wait.until:%H:%M:%S} UTC" if wait.until else ""
        return f"{wait.who} is paused ({wait.what}){again}"
    until = f" until {wait.until:%H:%M:%S} UTC" if wait.until else ""
    return f"{wait.who} waits for {wait.what}{until}"
