"""Dead letters and what was done about them, for a terminal."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from pydantic import JsonValue
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from mti.cli.console import Terminal, json_text, sentence
from mti.cli.tables import FittedTable, figures, prose, words
from mti.common.escaping import on_one_line
from mti.common.registry.durations import format_duration
from mti.operations.bus import DeadLetter, DeadLetterGroup
from mti.operations.dead_letters import PurgeResult, ReplayResult, Step
from mti.operations.wording import not_replayed, replayed

_EXAMPLE = 160
_BODY = "body"


def print_groups(groups: Sequence[DeadLetterGroup], now: datetime, console: Terminal) -> None:
    """Print the groups as a table."""
    if not groups:
        console.print("No dead letters.")
        return
    table = FittedTable("", "entity", [*words("reason"), *figures("count", "oldest"), *prose("example")])
    for group in groups:
        table.add_row(group.entity, group.reason, f"{group.count:,}", age_of(group, now), _shortened(group.example))
    console.print(table)


def age_of(group: DeadLetterGroup, now: datetime) -> str:
    """Return the age of the oldest, as people write durations: the two largest units."""
    if group.oldest is None:
        return ""
    age = max(timedelta(), now - group.oldest)
    seconds = int(age.total_seconds())
    for unit in (86_400, 3_600, 60):
        if seconds >= unit:
            smaller = {86_400: 3_600, 3_600: 60, 60: 1}[unit]
            return format_duration(timedelta(seconds=seconds - seconds % smaller))
    return format_duration(age)


def _shortened(text: str) -> str:
    """Return as many words of a text as a table has room for: no id or figure of it is cut."""
    if len(text) <= _EXAMPLE:
        return text
    words, _, _ = text[:_EXAMPLE].rpartition(" ")
    return f"{words or text[:_EXAMPLE]} …"


def print_message(message: dict[str, JsonValue], console: Terminal) -> None:
    """Print one dead letter whole: its fields, its properties, its body."""
    for name, value in message.items():
        if name not in {_BODY, "properties"} and value not in ("", None):
            console.print(sentence((f"{name}: ", "bold"), str(value)), soft_wrap=True)
    properties = message.get("properties")
    if isinstance(properties, dict):
        console.print(Text("properties:", "bold"))
        for name, value in sorted(properties.items()):
            console.print(sentence(f"  {name}: {value}"), soft_wrap=True)
    body = message.get(_BODY)
    text = body if isinstance(body, str) else json_text(body, unicode=True)
    console.print(Text("body:", "bold"))
    console.print(Text(text), soft_wrap=True)


def print_replay(result: ReplayResult, console: Terminal) -> None:
    """Print what a replay did."""
    console.print_sentence(replayed(result))
    for text in not_replayed(result):
        console.print_sentence(on_one_line(text), "red")


def print_purge(result: PurgeResult, kept: str | None, console: Terminal) -> None:
    """Print what a purge did."""
    verb = "would be purged" if result.dry_run else "purged"
    text = f"{result.purged:,} of {result.matched:,} {verb}"
    if result.gone:
        text += f"; {result.gone:,} gone before their turn came"
    if result.locked:
        text += f"; {result.locked:,} locked by somebody else: run it again in five minutes"
    console.print_sentence(f"{text}.")
    if result.unentered:
        console.print_sentence(
            f"{result.unentered:,} of them are not in the books as purged; if the reconciliation misses them, it names "
            "what to do."
        )
    if kept and result.purged and not result.dry_run:
        console.print_sentence(f"Kept in {kept}; `mti dlq replay --from` brings them back.")


class Counter:
    """Counts what is done, on a terminal only."""

    def __init__(self, total: int, console: Terminal) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._bar = Bar(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("dead letters", total=total)

    def __enter__(self) -> Self:
        """Show it."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it away."""
        self._bar.stop()

    def update(self, step: Step, letter: DeadLetter) -> None:  # noqa: ARG002  the form of `Progress`
        """Count a dead letter that is done."""
        if step is Step.REMOVED:
            self._bar.advance(self._task)
