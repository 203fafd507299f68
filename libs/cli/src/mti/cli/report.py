"""The reconciliation as tables for a terminal."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from rich.console import RenderableType
from rich.text import Text

from mti.cli.console import Terminal, sentence
from mti.cli.rows import SHOWN, pick, total_of
from mti.cli.tables import FittedTable, figures
from mti.common.escaping import on_one_line
from mti.common.pauses import PauseState
from mti.operations.books import DestinationBooks, Reconciliation, SourceBooks
from mti.operations.wording import reasons, several

if TYPE_CHECKING:
    from mti.stack.run import RunResult


ALL_OF_THEM = "`mti reconcile --all`"
"""What shows every row after a run."""
_FAULTS = 10
"""Faults that are told before the rest is only counted."""


def print_run(result: "RunResult", console: Terminal) -> None:
    """Print all of it: sources, destinations, what is dead or paused, what it took."""
    _print_tables(result.books, console, everything=not console.is_terminal, how=ALL_OF_THEM)
    print_remarks(result, console)
    if result.closed:
        console.print_sentence("The books close.", "bold green")
    else:
        console.print_sentence(on_one_line(open_line(result.faults())), "bold red")
    if result.paused:
        console.print_sentence(on_one_line(waiting_line(result.paused)), "yellow")


def open_line(faults: Sequence[str]) -> str:
    """Return what keeps the books open, in a sentence."""
    more = [f"and {len(faults) - _FAULTS:,} more"] if len(faults) > _FAULTS else []
    return "The books do NOT close: " + "; ".join([*faults[:_FAULTS], *more])


def waiting_line(paused: Sequence[tuple[str, PauseState]]) -> str:
    """Return what waits for a person, in a sentence."""
    names = several([f"{what} ({pause.reason})" for what, pause in paused], _FAULTS)
    return f"All that could be delivered is; paused, and waiting for a person: {names}. Mend it, then run this again."


def print_remarks(result: "RunResult", console: Terminal) -> None:
    """Print what stands below the tables: reasons, pauses, dead letters, time and memory."""
    _print_causes(result.books, console, everything=not console.is_terminal)
    _print_processes(result, console)


def print_books(books: Reconciliation, console: Terminal, *, everything: bool = False) -> None:
    """Print the reconciliation: sources, destinations, what is dead or paused, what could not be seen.

    Args:
        books: what was reconciled.
        console: where to.
        everything: whether long tables are printed whole, as they are where nobody sits at a terminal.
    """
    everything = everything or not console.is_terminal
    _print_tables(books, console, everything=everything)
    _print_causes(books, console, everything=everything)
    for note in books.notes:
        console.print(sentence((f"note: {note}", "yellow")))


def _print_tables(books: Reconciliation, console: Terminal, *, everything: bool, how: str = "--all") -> None:
    for renderable in (
        *_SOURCES.rendered(books.sources, everything, how),
        *_DESTINATIONS.rendered(books.destinations, everything, how),
    ):
        console.print(renderable)


def number(value: int, *, bad: bool = False) -> Text:
    """Return a count; red when it is one that should be zero and is not."""
    return Text(f"{value:,}", style="bold red" if bad and value else "")


_Books = TypeVar("_Books", SourceBooks, DestinationBooks)
_BAD = frozenset({"dead", "lost", "doubled", "unrevoked"})
"""Figures that should be zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form(Generic[_Books]):
    """What a table of books shows."""

    title: str
    first: str
    name: Callable[[_Books], str]
    figures: Mapping[str, Callable[[_Books], int]]
    optional: frozenset[str]
    """Figures that are left out where all of them are zero."""
    severity: Callable[[_Books], int]

    def rendered(self, books: Sequence[_Books], everything: bool, how: str) -> Iterator[RenderableType]:
        """Give the table, its sums first, and the sentence about the rows that it does not show."""
        sums = {heading: sum(map(figure, books)) for heading, figure in self.figures.items()}
        chosen = [
            heading
            for heading, figure in self.figures.items()
            if heading not in self.optional or any(map(figure, books))
        ]
        table = FittedTable(self.title, self.first, figures(*chosen))
        if len(books) > 1:
            table.add_row(total_of(len(books)), *(_figure(heading, sums[heading]) for heading in chosen))
        picked, rest = pick(books, self.severity, everything=everything, how=how)
        for each in picked:
            table.add_row(self.name(each), *(_figure(heading, self.figures[heading](each)) for heading in chosen))
        yield table
        yield from rest


def _figure(heading: str, value: int) -> Text:
    return number(value, bad=heading in _BAD)


_SOURCES: _Form[SourceBooks] = _Form(
    title="From Mimecast, in detections",
    first="source",
    name=lambda books: books.source,
    figures={
        "in": lambda books: books.detections,
        "new": lambda books: books.new,
        "refreshed": lambda books: books.refreshed,
        "suppressed": lambda books: books.suppressed,
        "rejected": lambda books: sum(books.rejected.values()),
        "waiting": lambda books: books.waiting,
        "dead": lambda books: books.dead,
        "lost": lambda books: books.lost,
    },
    optional=frozenset({"waiting", "dead"}),
    severity=lambda books: books.severity,
)
_DESTINATIONS: _Form[DestinationBooks] = _Form(
    title="To Sentinel, in indicators",
    first="workspace of",
    name=lambda books: f"{several(books.tenants)} {books.destination[:8]}…",
    figures={
        "expected": lambda books: books.expected,
        "accepted": lambda books: books.accepted,
        "refused": lambda books: sum(books.refused.values()),
        "withdrawn": lambda books: books.withdrawn,
        "revoking": lambda books: books.revoking,
        "left behind": lambda books: books.left_behind,
        "expired": lambda books: books.expired,
        "waiting": lambda books: books.waiting,
        "dead": lambda books: books.dead,
        "lost": lambda books: books.lost,
        "doubled": lambda books: books.doubled + books.unexpected,
        "unrevoked": lambda books: books.unrevoked,
        "requests": lambda books: books.requests,
    },
    optional=frozenset({"withdrawn", "revoking", "left behind", "expired", "waiting", "dead", "unrevoked"}),
    severity=lambda books: books.severity,
)


def print_reasons(books: Reconciliation, console: Terminal) -> None:
    """Print what was rejected by the normalizer and refused by Sentinel, by reason, in a line each."""
    for what, counted in (
        ("rejected", [source.rejected for source in books.sources]),
        ("refused by Sentinel", [destination.refused for destination in books.destinations]),
    ):
        counts = sum((Counter(each) for each in counted), Counter[str]())
        if counts:
            console.print(sentence(f"{what}: {reasons(counts)}"))


def _print_causes(books: Reconciliation, console: Terminal, *, everything: bool) -> None:
    print_reasons(books, console)
    held = [(f"source {each.source}", each.pause) for each in books.sources if each.pause]
    held += [(f"workspace {each.destination}", each.pause) for each in books.destinations if each.pause]
    for line in pause_lines(held, everything=everything):
        console.print(line)
    _print_dead_letters(books, console)


def pause_lines(held: Sequence[tuple[str, PauseState | None]], *, everything: bool) -> list[Text]:
    """Return a line for what is paused, and one that counts the pauses that are too many for a screen."""
    lines = [pause_line(what, pause) for what, pause in held if pause is not None]
    if everything or len(lines) <= SHOWN:
        return lines
    more = f"{len(lines) - SHOWN:,} more are paused: `mti pauses list` shows them"
    return [*lines[:SHOWN], sentence((more, "yellow"))]


def pause_line(what: str, pause: PauseState) -> Text:
    """Return what is paused, since when, and what to do."""
    since = f"{pause.since:%Y-%m-%d %H:%M:%S} UTC"
    return sentence((f"paused: {what} ", "yellow"), f"since {since}, {pause.reason}: {pause.description}")


def _print_dead_letters(books: Reconciliation, console: Terminal) -> None:
    for group in books.dead_letters:
        text = f"{group.count:,} in {group.entity}, {group.reason}: {group.example}"
        console.print(sentence(("dead letters: ", "red"), text))


def _print_processes(result: "RunResult", console: Terminal) -> None:
    peaks = ", ".join(f"{process.name} {process.peak_rss >> 20} MiB" for process in result.processes)
    rate = result.books.totals()["detections"]
    per_second = int(rate) / result.seconds if isinstance(rate, int) and result.seconds else 0.0
    console.print(f"{result.seconds:.1f} s, {per_second:,.0f} detections/s; peak memory: {peaks}")
