"""Splits the feed's `|`-delimited text into rows.

A name that holds the delimiter, a quote or a line break stands in quotes, in which a quote is doubled. Names are other
people's: some hold a lone quote that nobody closed. A parser by the book would then run on through all that follows, so
a row here ends with its line unless the next lines can only be its continuation.

What is read grows with the text and no faster, whatever quotes are in it: a file of this kind may be anybody's.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence

from mti.fetcher.mimecast.model import Record

DELIMITER = "|"
QUOTE = '"'
CONTINUATION_LIMIT = 20
"""Lines that one quoted name may spread over."""

_KNOWN = frozenset({"timestamp", "sha256", "sha1", "md5"})
"""One of these is among the columns of either feed."""
_RUN = re.compile(QUOTE + "+")
_ENDS = ("", DELIMITER)
"""What may stand behind the quote that closes a cell."""


def header_of(text: str) -> list[str] | None:
    """Return the names of the columns, or `None` when the first line is not such a header."""
    first = text.partition("\n")[0].removesuffix("\r")
    names = [name.strip() for name in split(first)]
    return names if any(name.lower() in _KNOWN for name in names) else None


def rows_of(text: str, width: int) -> list[Record]:
    """Return the rows below the header, as they are: a row with too few or too many cells stays one.

    Args:
        text: the whole file, header included.
        width: how many columns the header has.
    """
    lines = _Lines(text, width)
    rows: list[Record] = []
    at = 1
    while at < len(lines):
        if lines.blank(at):
            at += 1
            continue
        cells, taken = lines.row(at)
        rows.append(list(cells))
        at += taken
    return rows


def cut_short(text: str, rows: Sequence[Record], width: int) -> bool:
    """Say whether the file ends inside a row: no line break after it, and cells missing."""
    return bool(rows) and not text.endswith("\n") and len(rows[-1]) < width


def split(line: str) -> list[str]:
    """Return the cells of one line. A quote that is not closed before the line ends is a character like others."""
    return line.split(DELIMITER) if QUOTE not in line else _Quoted(line).cells()[0]


class _Lines:
    """The lines of a file.

    As a continuation a line is looked at for each of the lines before it, so what is found is kept while it may be
    asked for again.
    """

    def __init__(self, text: str, width: int) -> None:
        self._lines = text.split("\n")
        self._width = width
        self._whole_rows: dict[int, bool] = {}
        self._left_open: dict[int, bool] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def blank(self, at: int) -> bool:
        """Say whether a line holds nothing."""
        return not self._lines[at].strip("\r")

    def row(self, at: int) -> tuple[list[str], int]:
        """Return the row that begins with that line, and how many lines it has."""
        line = self._line(at)
        if QUOTE not in line:
            return line.split(DELIMITER), 1
        cells, is_open = _Quoted(line).cells()
        if is_open:
            return self._continued(at) or (cells, 1)
        plain = line.split(DELIMITER)
        return (plain if len(cells) != self._width == len(plain) else cells), 1

    def _continued(self, at: int) -> tuple[list[str], int] | None:
        """Return the row and its lines, if the open quote is closed by lines that are no rows themselves."""
        self._whole_rows.pop(at, None)
        self._left_open.pop(at, None)
        for following in range(at + 1, min(at + CONTINUATION_LIMIT, len(self._lines))):
            if self._is_whole_row(following):
                return None
            if not self._leaves_open(following):
                cells = split("\n".join(self._line(part) for part in range(at, following + 1)))
                return (cells, following + 1 - at) if len(cells) == self._width else None
        return None

    def _line(self, at: int) -> str:
        return self._lines[at].removesuffix("\r")

    def _is_whole_row(self, at: int) -> bool:
        if at not in self._whole_rows:
            self._whole_rows[at] = len(split(self._line(at))) == self._width
        return self._whole_rows[at]

    def _leaves_open(self, at: int) -> bool:
        """Say whether a cell is open behind a line that an open one runs into."""
        if at not in self._left_open:
            quoted = _Quoted(self._line(at))
            end = quoted.closing(0)
            self._left_open[at] = end is None or quoted.cells(end + 2)[1]
        return self._left_open[at]


class _Quoted:
    """A text with quotes, and where they close: found once, since every cell asks."""

    def __init__(self, text: str) -> None:
        self._text = text
        # Of a run of quotes that a cell reaches from before, the doubled ones are taken off: one is left, or none.
        runs = (run.span() for run in _RUN.finditer(text))
        self._closing = [end - 1 for start, end in runs if (end - start) % 2 and self._ends_at(end)]

    def cells(self, at: int = 0) -> tuple[list[str], bool]:
        """Return the cells from there on, and whether one of them begins with a quote that is not closed."""
        cells: list[str] = []
        is_open = False
        while at <= len(self._text):
            end = None
            if self._text.startswith(QUOTE, at):
                end = self.closing(at + 1)
                is_open = is_open or end is None
            if end is not None:
                cells.append(self._text[at + 1 : end].replace(QUOTE * 2, QUOTE))
                at = end + 2
                continue
            end = self._text.find(DELIMITER, at)
            end = len(self._text) if end < 0 else end
            cells.append(self._text[at:end])
            at = end + 1
        return cells, is_open

    def closing(self, at: int) -> int | None:
        """Return where the quote is that closes a cell: the first one from there that is not doubled and ends it."""
        run = _RUN.match(self._text, at)
        if run is None:
            beyond = at
        elif (run.end() - at) % 2 and self._ends_at(run.end()):
            return run.end() - 1
        else:
            beyond = run.end()
        place = bisect_left(self._closing, beyond)
        return self._closing[place] if place < len(self._closing) else None

    def _ends_at(self, at: int) -> bool:
        return self._text[at : at + 1] in _ENDS
