"""The reconciliation as tables for a terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mti.common.pauses import PauseState
from mti.local.stack import RunResult
from mti.operations.books import DestinationBooks, Reconciliation, SourceBooks


def print_run(result: RunResult, console: Console) -> None:
    """Print all of it: sources, destinations, what is dead or paused, what it took."""
    books = result.books
    console.print(sources_table(books.sources))
    console.print(destinations_table(books.destinations))
    _print_pauses(books, console)
    _print_dead_letters(books, console)
    _print_processes(result, console)
    verdict = Text("The books close.", style="bold green")
    if not result.closed:
        verdict = Text("The books do NOT close: " + "; ".join(result.faults()), style="bold red")
    console.print(verdict)


def number(value: int, *, bad: bool = False) -> Text:
    """Return a count; red when it is one that should be zero and is not."""
    return Text(f"{value:,}", style="bold red" if bad and value else "")


def sources_table(sources: list[SourceBooks]) -> Table:
    """Return the table of the detections, a row a source."""
    table = Table(title="From Mimecast (detections)", title_justify="left")
    table.add_column("source")
    for heading in ("in", "new", "refreshed", "suppressed", "rejected", "waiting", "dead", "lost"):
        table.add_column(heading, justify="right")
    table.add_column("rejected by reason")
    for books in sources:
        table.add_row(
            books.source,
            *(number(count) for count in (books.detections, books.new, books.refreshed, books.suppressed)),
            number(sum(books.rejected.values())),
            number(books.waiting),
            number(books.dead, bad=True),
            number(books.lost, bad=True),
            reasons(books.rejected),
        )
    return table


def destinations_table(destinations: list[DestinationBooks]) -> Table:
    """Return the table of the indicators, a row a workspace."""
    table = Table(title="To Sentinel (indicators)", title_justify="left")
    table.add_column("workspace of")
    for heading in ("expected", "accepted", "refused", "waiting", "dead", "lost", "doubled", "requests"):
        table.add_column(heading, justify="right")
    table.add_column("refused by reason")
    for books in destinations:
        table.add_row(
            ", ".join(books.tenants),
            number(books.expected),
            number(books.accepted),
            number(sum(books.refused.values())),
            number(books.waiting),
            number(books.dead, bad=True),
            number(books.lost, bad=True),
            number(books.doubled + books.unexpected, bad=True),
            number(books.requests),
            reasons(books.refused),
        )
    return table


def reasons(counts: dict[str, int]) -> str:
    """Return counts by reason in a line, the most frequent first."""
    return ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts.items(), key=lambda item: -item[1]))


def _print_pauses(books: Reconciliation, console: Console) -> None:
    held = [(f"source {found.source}", found.pause) for found in books.sources if found.pause]
    held += [(f"workspace {found.destination}", found.pause) for found in books.destinations if found.pause]
    for what, pause in held:
        console.print(_pause_line(what, pause), highlight=False)


def _pause_line(what: str, pause: PauseState) -> Text:
    since = f"{pause.since:%Y-%m-%d %H:%M:%S} UTC"
    return Text.assemble((f"paused: {what} ", "yellow"), f"since {since}, {pause.reason}: {pause.description}")


def _print_dead_letters(books: Reconciliation, console: Console) -> None:
    for letters in books.dead_letters:
        text = f"{letters.messages} in {letters.entity}, {letters.reason}: {letters.example}"
        console.print(Text.assemble(("dead letters: ", "red"), text), highlight=False)


def _print_processes(result: RunResult, console: Console) -> None:
    peaks = ", ".join(f"{found.name} {found.peak_rss >> 20} MiB" for found in result.processes)
    rate = result.books.totals()["detections"]
    per_second = int(rate) / result.seconds if isinstance(rate, int) and result.seconds else 0.0
    console.print(f"{result.seconds:.1f} s, {per_second:,.0f} detections/s; peak memory: {peaks}", highlight=False)
