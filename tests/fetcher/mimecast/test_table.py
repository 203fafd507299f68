"""Rows of any text: what is read grows with the text and no faster."""

import pytest

from mti.common.registry import FeedFormat
from mti.fetcher.mimecast import feed_files, table
from tests.support.work import calls_of

pytestmark = pytest.mark.pure

HEADER = "timestamp|name|sha256"
HOSTILE = {
    "every cell opens a quote": lambda size: '"a|' * (size // 3),
    "quotes that nobody closes": lambda size: '|"x' * (size // 3),
    "doubled quotes": lambda size: '|"' + '""' * (size // 2),
    "doubled quotes in every cell": lambda size: '""a|' * (size // 4),
    "lines that each open a quote": lambda size: '"x\n' * (size // 3),
    "lines of open cells": lambda size: ('"a|' * 5 + "\n") * (size // 16),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_text_of_twice_the_size_takes_about_twice_the_work(kind: str) -> None:
    def work(size: int) -> int:
        text = f"{HEADER}\n{HOSTILE[kind](size)}\n"
        return calls_of(lambda: feed_files.csv_file(text.encode(), verified=True))

    small, large = work(8 * 1024), work(32 * 1024)
    assert large < 6 * small
    assert large < 100 * 32 * 1024


def test_a_row_whose_every_cell_opens_a_quote_keeps_its_cells() -> None:
    cells = ['"a'] * 5000
    assert table.rows_of(f"{HEADER}\n{'|'.join(cells)}\n", 3) == [cells]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('t|"a ""b"" | c"|d\n', [["t", 'a "b" | c', "d"]]),
        ('t|"a\nb"|d\n', [["t", "a\nb", "d"]]),
        ('t|"a\nu|v|w\n', [["t", '"a'], ["u", "v", "w"]]),
        ('t|""|d\n', [["t", "", "d"]]),
        ('"t|"""|""|d\n', [['t|"', "", "d"]]),
        ('t|"""|d\n', [["t", '"""', "d"]]),
        ('t|"a""|"b\n', [["t", '"a""', '"b']]),
        ('t|"a\r\nb"|d\r\n', [["t", "a\nb", "d"]]),
        ('t|"a\n"b|c"|d\n', [["t", 'a\n"b|c', "d"]]),
    ],
)
def test_quotes_close_where_the_one_that_is_not_doubled_ends_its_cell(text: str, rows: list[list[str]]) -> None:
    found = feed_files.csv_file(f"{HEADER}\n{text}".encode(), verified=True)
    assert found.format is FeedFormat.CSV
    assert list(found.records) == rows
