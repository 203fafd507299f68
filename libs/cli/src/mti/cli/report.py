"""The reconciliation as tables for a terminal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from mti.cli.console import Rows, Terminal, sentence
from mti.common.pauses import PauseState
from mti.operations.books import DestinationBooks, Reconciliation, SourceBooks

if TYPE_CHECKING:
    from mti.stack.run import RunResult


def print_run(result: "RunResult", console: Terminal) -> None:
    """Print all of it: sources, destinations, what is dead or paused, what it took."""
    books = result.books
    console.print(sources_table(books.sources))
    console.print(destinations_table(books.destinations))
    print_remarks(result, console)
    verdict = sentence(("The books close.", "bold green"))
    if not result.closed:
        verdict = sentence(("The books do NOT close: " + "; ".join(result.faults()), "bold red"))
    console.print(verdict)
    if result.paused:
        console.print(sentence((waiting_line(result.paused), "yellow")), soft_wrap=True)


def waiting_line(paused: Sequence[tuple[str, PauseState]]) -> str:
    """Return what waits for a person, in a sentence."""
    names = ", ".join(f"{what} ({pause.reason})" for what, pause in paused)
    return f"All that could be delivered is; paused, and waiting for a person: {names}. Mend it, then run this again."


def print_remarks(result: "RunResult", console: Terminal) -> None:
    """Print what stands below the tables: reasons, pauses, dead letters, time and memory."""
    print_reasons(result.books, console)
    _print_pauses(result.books, console)
    _print_dead_letters(result.books, console)
    _print_processes(result, console)


def print_books(books: Reconciliation, console: Terminal) -> None:
    """Print the reconciliation: sources, destinations, what is dead or paused, what could not be seen."""
    console.print(sources_table(books.sources))
    console.print(destinations_table(books.destinations))
    print_reasons(books, console)
    _print_pauses(books, console)
    _print_dead_letters(books, console)
    for note in books.notes:
        console.print(sentence((f"note: {note}", "yellow")))


def number(value: int, *, bad: bool = False) -> Text:
    """Return a count; red when it is one that should be zero and is not."""
    return Text(f"{value:,}", style="bold red" if bad and value else "")


def sources_table(sources: list[SourceBooks]) -> Rows:
    """Return the table of the detections, a row a source; columns that are empty are left out."""
    columns: dict[str, list[Text]] = {
        "in": [number(books.detections) for books in sources],
        "new": [number(books.new) for books in sources],
        "refreshed": [number(books.refreshed) for books in sources],
        "suppressed": [number(books.suppressed) for books in sources],
        "rejected": [number(sum(books.rejected.values())) for books in sources],
        "waiting": [number(books.waiting) for books in sources],
        "dead": [number(books.dead, bad=True) for books in sources],
        "lost": [number(books.lost, bad=True) for books in sources],
    }
    return _table("From Mimecast, in detections", [books.source for books in sources], columns, {"waiting", "dead"})


def destinations_table(destinations: list[DestinationBooks]) -> Rows:
    """Return the table of the indicators, a row a workspace; columns that are empty are left out."""
    columns: dict[str, list[Text]] = {
        "expected": [number(books.expected) for books in destinations],
        "accepted": [number(books.accepted) for books in destinations],
        "refused": [number(sum(books.refused.values())) for books in destinations],
        "withdrawn": [number(books.withdrawn) for books in destinations],
        "revoking": [number(books.revoking) for books in destinations],
        "left behind": [number(books.left_behind) for books in destinations],
        "expired": [number(books.expired) for books in destinations],
        "waiting": [number(books.waiting) for books in destinations],
        "dead": [number(books.dead, bad=True) for books in destinations],
        "lost": [number(books.lost, bad=True) for books in destinations],
        "doubled": [number(books.doubled + books.unexpected, bad=True) for books in destinations],
        "unrevoked": [number(books.unrevoked, bad=True) for books in destinations],
        "requests": [number(books.requests) for books in destinations],
    }
    names = [f"{', '.join(books.tenants)} {books.destination[:8]}…" for books in destinations]
    optional = {"withdrawn", "revoking", "left behind", "expired", "waiting", "dead", "unrevoked"}
    return _table("To Sentinel, in indicators", names, columns, optional)


def _table(title: str, names: list[str], columns: dict[str, list[Text]], optional: set[str]) -> Rows:
    table = new_table(title)
    shown = [
        heading
        for heading, cells in columns.items()
        if heading not in optional or any(cell.plain != "0" for cell in cells)
    ]
    for heading in shown:
        table.add_column(heading, justify="right")
    for row, name in enumerate(names):
        table.add_row(name, *(columns[heading][row] for heading in shown))
    return table


def new_table(title: str, first: str = "") -> Rows:
    """Return a table in the house's form, with its first column."""
    table = Rows(title=title, title_justify="left", box=None, padding=(0, 0, 0, 1), pad_edge=False)
    table.add_column(first, no_wrap=True)
    return table


def print_reasons(books: Reconciliation, console: Terminal) -> None:
    """Print what was rejected by the normalizer and refused by Sentinel, by reason, in a line each."""
    for what, counted in (
        ("rejected", [source.rejected for source in books.sources]),
        ("refused by Sentinel", [destination.refused for destination in books.destinations]),
    ):
        counts = sum((Counter(each) for each in counted), Counter[str]())
        if counts:
            console.print(sentence(f"{what}: {reasons(counts)}"))


def reasons(counts: Mapping[str, int]) -> str:
    """Return counts by reason in a line, the most frequent first."""
    return ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts.items(), key=lambda item: -item[1]))


def _print_pauses(books: Reconciliation, console: Terminal) -> None:
    held = [(f"source {each.source}", each.pause) for each in books.sources if each.pause]
    held += [(f"workspace {each.destination}", each.pause) for each in books.destinations if each.pause]
    for what, pause in held:
        console.print(pause_line(what, pause))


def pause_line(what: str, pause: PauseState) -> Text:
    """Return what is paused, since when, and what to do."""
    since = f"{pause.since:%Y-%m-%d %H:%M:%S} UTC"
    return sentence((f"paused: {what} ", "yellow"), f"since {since}, {pause.reason}: {pause.description}")


def _print_dead_letters(books: Reconciliation, console: Terminal) -> None:
    for group in books.dead_letters:
        text = f"{group.count} in {group.entity}, {group.reason}: {group.example}"
        console.print(sentence(("dead letters: ", "red"), text))


def _print_processes(result: "RunResult", console: Terminal) -> None:
    peaks = ", ".join(f"{process.name} {process.peak_rss >> 20} MiB" for process in result.processes)
    rate = result.books.totals()["detections"]
    per_second = int(rate) / result.seconds if isinstance(rate, int) and result.seconds else 0.0
    console.print(f"{result.seconds:.1f} s, {per_second:,.0f} detections/s; peak memory: {peaks}")
