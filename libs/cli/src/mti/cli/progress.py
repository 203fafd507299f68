"""Live progress by service, on a terminal; elsewhere a plain line now and then."""

import time
from types import TracebackType
from typing import Self

from rich.live import Live
from rich.text import Text

from mti.cli.console import Rows, Terminal
from mti.stack.look import Look, Wait
from mti.stack.stack import EmbeddedStack

PLAIN_EVERY = 5.0
WAITS_SHOWN = 6
"""More of them would hide what goes on."""


class Progress:
    """Shows looks at the stack as they come."""

    def __init__(self, stack: EmbeddedStack, console: Terminal) -> None:
        self._stack = stack
        self._console = console
        self._live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None
        self._started = time.monotonic()
        self._last_line = 0.0
        self._unsaid: tuple[Look, float] | None = None
        """The last look, where it has no line as yet: how it all ended."""

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

    def update(self, look: Look) -> None:
        """Show this look."""
        seconds = time.monotonic() - self._started
        if self._live:
            self._live.update(self._table(look, seconds))
        elif seconds - self._last_line >= PLAIN_EVERY:
            self._last_line = seconds
            self._say(look, seconds)
        else:
            self._unsaid = (look, seconds)

    def _say(self, look: Look, seconds: float) -> None:
        self._unsaid = None
        self._console.print(self._line(look, seconds), soft_wrap=True)

    def _rows(self, look: Look) -> list[tuple[str, str, str, str]]:
        return [
            (
                "fetcher",
                f"{look.sources_covered} of {look.sources} sources covered, {look.fetched:,} detections",
                f"{look.waiting_jobs:,} jobs",
                f"{look.paused_sources} paused" if look.paused_sources else "",
            ),
            (
                "normalizer",
                f"{look.normalized:,} detections, {look.new:,} new indicators, {look.suppressed:,} suppressed",
                f"{look.waiting_pages:,} chunks",
                "",
            ),
            (
                "publisher",
                f"{look.accepted:,} indicators accepted in {look.requests:,} requests, {look.throttled:,} throttled",
                f"{look.waiting_batches:,} batches",
                f"{look.paused_destinations} paused" if look.paused_destinations else "",
            ),
        ]

    def _table(self, look: Look, seconds: float) -> Rows:
        table = Rows(title=f"{seconds:6.1f} s", title_justify="left", box=None, padding=(0, 2), pad_edge=False)
        for heading in ("service", "done", "waiting", ""):
            table.add_column(heading, style="bold" if heading == "service" else None)
        memory = {child.name.rpartition("-")[0] or child.name: child.peak_rss for child in self._stack.children}
        for service, done, waiting, note in self._rows(look):
            table.add_row(service, done, waiting, Text(note, "yellow") if note else f"{memory[service] >> 20} MiB")
        for wait in look.waits[:WAITS_SHOWN]:
            table.add_row("", Text(wait_text(wait), "yellow"), "", "")
        if len(look.waits) > WAITS_SHOWN:
            table.add_row("", Text(f"and {len(look.waits) - WAITS_SHOWN} more wait", "yellow"), "", "")
        if look.dead_letters:
            table.add_row("", Text(f"{look.dead_letters} dead letters", "red"), "", "")
        return table

    def _line(self, look: Look, seconds: float) -> str:
        parts = [
            f"{done}, {waiting} waiting{', ' + note if note else ''}" for _, done, waiting, note in self._rows(look)
        ]
        parts += [wait_text(wait) for wait in look.waits[:WAITS_SHOWN]]
        if len(look.waits) > WAITS_SHOWN:
            parts.append(f"and {len(look.waits) - WAITS_SHOWN} more wait")
        return f"{seconds:5.0f} s  " + " | ".join(parts)


def wait_text(wait: Wait) -> str:
    """Return who waits for what, and until when."""
    if wait.paused:
        again = f", asked again at {wait.until:%H:%M:%S} UTC" if wait.until else ""
        return f"{wait.who} is paused ({wait.what}){again}"
    until = f" until {wait.until:%H:%M:%S} UTC" if wait.until else ""
    return f"{wait.who} waits for {wait.what}{until}"
