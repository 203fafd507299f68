"""Tables at every width: no cell is cut or broken, and no line is wider than the terminal."""

import io
import random

import pytest
from rich.text import Text

from mti.cli.console import Terminal
from mti.cli.rows import SHOWN, pick
from mti.cli.tables import FittedTable, figures, prose, words
from mti.operations.wording import several

HEADINGS = ("in", "refreshed", "left behind", "dead letters")
WIDTHS = range(40, 201, 8)


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(table: FittedTable, width: int) -> list[str]:
    terminal = Terminal(width=width, file=io.StringIO())
    with terminal.capture() as capture:
        terminal.print(table)
    return capture.get().splitlines()


@pytest.mark.parametrize("seed", range(5))
def test_every_cell_is_whole_at_every_width(seed: int) -> None:
    chance = random.Random(seed)
    table = FittedTable("Things", "name", [*words("state"), *figures(*HEADINGS), *prose("why")])
    cells: list[str] = []
    for row in range(4):
        counts = [f"{chance.randrange(10 ** chance.randrange(1, 14)):,}" for _ in HEADINGS]
        cells += [name := f"customer-{row}/{'x' * chance.randrange(25)}", *counts]
        table.add_row(name, "fetched at 10:15", *counts, "because of this and that " * chance.randrange(6))
    for width in WIDTHS:
        shown = lines(table, width)
        assert [line for line in shown if len(line) > width] == []
        assert [cell for cell in (*cells, *HEADINGS) if not any(cell in line for line in shown)] == []


def test_what_is_the_same_in_every_row_is_said_once_where_room_is_short() -> None:
    table = FittedTable("", "source", figures("in", "lost", "a heading that takes room"))
    table.add_row("contoso", "1,000", "0", "7")
    table.add_row("fabrikam", "2,000", "0", "7")
    assert lines(table, 30) == [
        "source       in",
        "contoso   1,000",
        "fabrikam  2,000",
        "  in every row  lost: 0",
        "  a heading that takes room: 7",
    ]


def test_a_row_takes_a_second_line_then_each_cell_its_heading() -> None:
    table = FittedTable("", "source", figures("new", "refreshed", "suppressed", "rejected"))
    table.add_row("contoso/malware_customer", "1,000,000", "12", "400", "20")
    table.add_row("fabrikam/malware_customer", "2,000,000", "13", "500", "30")
    assert lines(table, 50) == [
        "source",
        "        new  refreshed  suppressed  rejected",
        "contoso/malware_customer",
        "  1,000,000         12         400        20",
        "fabrikam/malware_customer",
        "  2,000,000         13         500        30",
    ]
    assert lines(table, 30) == [
        "contoso/malware_customer",
        "  new: 1,000,000",
        "  refreshed: 12",
        "  suppressed: 400",
        "  rejected: 20",
        "fabrikam/malware_customer",
        "  new: 2,000,000",
        "  refreshed: 13",
        "  suppressed: 500",
        "  rejected: 30",
    ]


def test_a_line_keeps_its_style_whether_it_is_of_one_or_of_many() -> None:
    table = FittedTable("Things", "source", figures("new", "lost"))
    table.add_row(Text("contoso/malware_customer", style="yellow"), "1,000,000", Text("7", style="bold red"))
    table.add_row("fabrikam", "2", "0")
    terminal = Terminal(width=30, file=Tty())
    styles = {part.text.strip(): str(part.style) for part in terminal.render(table) if part.text.strip()}
    assert styles["Things"] == "italic"
    assert styles["source"] == "bold", "it is all of its line"
    assert styles["contoso/malware_customer"] == "yellow"
    assert styles["7"] == "bold red"
    assert styles["fabrikam"] == "none"


def test_what_others_say_stays_on_its_line() -> None:
    table = FittedTable("", "reason", prose("why"))
    table.add_row("Refused", "they said\x1b[2J\nThe books close.")
    assert lines(table, 80)[1:] == [r"Refused  they said\x1b[2J The books close."]


def test_of_a_long_table_the_unwell_rows_are_shown_and_the_others_counted() -> None:
    rows = list(range(100))
    shown, (rest,) = pick(rows, lambda row: {7: 1, 9: 2}.get(row, 0), everything=False)
    assert shown == [9, 7]
    assert rest.plain.strip() == "98 are well: --all shows them"
    shown, (rest,) = pick(rows, lambda _: 1, everything=False)
    assert (len(shown), rest.plain.strip()) == (SHOWN, "80 more are unwell: --all shows them")
    assert pick(rows, lambda row: row, everything=True) == (rows[::-1], [])


def test_of_many_names_the_first_are_told() -> None:
    assert several(["a", "b", "c", "d"]) == "a, b, c, d"
    assert several([*"abcde"]) == "a, b, c and 2 more"
    assert several([*"abcde"], None) == "a, b, c, d, e"


def test_a_sentence_is_broken_between_words_on_a_terminal_alone() -> None:
    path = "/a/path/that/is/longer/than/a/line/of/this/terminal"
    said = f"paused: 12,345 messages wait for {path} and others"
    for wanted, terminal in (
        (
            [
                "paused: 12,345 messages wait",
                "for",
                "/a/path/that/is/longer/than/a/line/of/this/terminal",
                "and others",
            ],
            Terminal(width=30, file=Tty()),
        ),
        ([said], Terminal(width=30, file=io.StringIO())),
    ):
        with terminal.capture() as capture:
            terminal.print_sentence(said)
        assert capture.get().splitlines() == wanted
