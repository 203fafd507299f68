"""The demonstration's last table: what the simulated Sentinel says that it holds, tenant by tenant."""

from rich.text import Text

from mti.cli.console import Terminal
from mti.cli.report import number, print_remarks
from mti.cli.tables import FittedTable, figures
from mti.operations.books import SourceBooks
from mti.stack.demo import Outcome, WorkspaceTruth

_HEADINGS = ("in", "new", "refreshed", "suppressed", "rejected", "accepted", "refused", "lost", "doubled")


def print_truth(outcome: Outcome, console: Terminal) -> None:
    """Print a row for each tenant, grid and shared workspace, and the verdict.

    The left half is the project's books, in detections; the right half is what the simulated Sentinel counted, in
    indicators.
    """
    title = "By tenant: detections in (the books), indicators out (as Sentinel counted)"
    table = FittedTable(title, "tenant", figures(*_HEADINGS))
    own = {truth.tenants[0]: truth for truth in outcome.truths if len(truth.tenants) == 1}
    for source in outcome.result.books.sources:
        table.add_row(source.source.partition("/malware_customer")[0], *_row(source, own.get(source.tenant or "")))
    for truth in outcome.truths:
        if len(truth.tenants) > 1:
            table.add_row("+".join(truth.tenants), *_row(None, truth))
    console.print(table)
    print_remarks(outcome.result, console)
    resent = sum(truth.resent for truth in outcome.truths)
    if resent:
        console.print(f"{resent:,} indicators were uploaded a second time unchanged, since an answer was lost.")
    verdict = Text("Nothing is lost, nothing is doubled.", style="bold green")
    if not outcome.clean:
        verdict = Text("Something is lost, doubled or astray: look at the red figures.", style="bold red")
    console.print(verdict)


def _row(source: SourceBooks | None, truth: WorkspaceTruth | None) -> list[Text | str]:
    left: list[Text | str] = [""] * 5
    if source is not None:
        counts = (source.detections, source.new, source.refreshed, source.suppressed, sum(source.rejected.values()))
        left = [number(count) for count in counts]
    right: list[Text | str] = [""] * 4
    if truth is not None:
        right = [number(truth.accepted), number(truth.refused)]
        right += [number(truth.lost, bad=True), number(truth.doubled + truth.unexpected, bad=True)]
    return [*left, *right]
