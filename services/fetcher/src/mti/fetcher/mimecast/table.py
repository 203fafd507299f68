"""Splits the feed's `|`-delimited text into rows.

A name that holds the delimiter, a quote or a line break stands in quotes, in which a quote is doubled. Names are other
people's: some hold a lone quote that nobody closed. A parser by the book would then run on through all that follows, so
a row here ends with its line unless the next lines can only be its continuation.
"""

from collections.abc import Sequence

from mti.fetcher.mimecast.model import Record

DELIMITER = "|"
QUOTE = '"'
CONTINUATION_LIMIT = 20
"""Lines that one quoted name may spread over."""

_KNOWN = frozenset({"timestamp", "sha256", "sha1", "md5"})
"""One of these is among the columns of either feed."""


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
    lines = text.split("\n")
    rows: list[Record] = []
    at = 1
    while at < len(lines):
        if not lines[at].strip("\r"):
            at += 1
            continue
        cells, taken = _row(lines, at, width)
        rows.append(list(cells))
        at += taken
    return rows


def cut_short(text: str, rows: Sequence[Record], width: int) -> bool:
    """Say whether the file ends inside a row: no line break after it, and cells missing."""
    return bool(rows) and not text.endswith("\n") and len(rows[-1]) < width


def split(line: str) -> list[str]:
    """Return the cells of one line. A quote that is not closed before the line ends is a character like others."""
    cells: list[str] = []
    at = 0
    while at <= len(line):
        cell, at = _cell(line, at)
        cells.append(cell)
    return cells


def _row(lines: Sequence[str], at: int, width: int) -> tuple[list[str], int]:
    """Return the row that begins with that line, and how many lines it has."""
    line = lines[at].removesuffix("\r")
    cells = split(line)
    if QUOTE not in line:
        return cells, 1
    if _is_open(line):
        return _continued(lines, at, width) or (cells, 1)
    plain = line.split(DELIMITER)
    return (plain if len(cells) != width == len(plain) else cells), 1


def _continued(lines: Sequence[str], at: int, width: int) -> tuple[list[str], int] | None:
    """Return the row and its lines, if the open quote is closed by lines that are no rows themselves."""
    whole = lines[at].removesuffix("\r")
    for count, line in enumerate(lines[at + 1 : at + CONTINUATION_LIMIT], 2):
        following = line.removesuffix("\r")
        if len(split(following)) == width:
            return None
        whole += "\n" + following
        if not _is_open(whole):
            cells = split(whole)
            return (cells, count) if len(cells) == width else None
    return None


def _cell(line: str, at: int) -> tuple[str, int]:
    """Return the cell that begins there, and where the next one begins."""
    if line.startswith(QUOTE, at):
        end = _closing(line, at + 1)
        if end is not None:
            return line[at + 1 : end].replace(QUOTE * 2, QUOTE), end + 2
    end = line.find(DELIMITER, at)
    end = len(line) if end < 0 else end
    return line[at:end], end + 1


def _closing(line: str, at: int) -> int | None:
    """Return where the quote is that closes the cell: the first one that is not doubled and ends it."""
    while (at := line.find(QUOTE, at)) >= 0:
        following = line[at + 1 : at + 2]
        if following in {"", DELIMITER}:
            return at
        at += 2 if following == QUOTE else 1
    return None


def _is_open(text: str) -> bool:
    """Say whether a cell of it begins with a quote that is not closed."""
    at = 0
    while at <= len(text):
        if text.startswith(QUOTE, at) and _closing(text, at + 1) is None:
            return True
        _, at = _cell(text, at)
    return False
