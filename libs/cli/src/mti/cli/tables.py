"""Tables that fit the terminal, whatever its width: no cell is cut, and no heading is broken.

Where the columns do not fit beside each other, those that say the same in every row go into a sentence. Where that is
not enough, the row's name stands above its cells; and where they need more than a line, each cell follows its heading.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from rich.cells import cell_len
from rich.console import ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.text import Text

from mti.cli.console import AnyConsole, sentence

_GAPS: Final = (2, 1)
"""Spaces between columns: two where there is room."""
_INDENT: Final = 2
"""Of the cells below their row's name."""
_DEEPER: Final = 4
"""Of prose below its row."""
_LEAST_PROSE: Final = 60
"""Columns of the terminal that prose wants beside the rest; with fewer it stands below."""

_NOTHING: Final = frozenset({"0", "-"})
"""What a column with one row says when there is nothing to say."""


class Kind(Enum):
    """What a column holds."""

    FIGURE = auto()
    """Set to the right, and never broken."""
    WORD = auto()
    """Set to the left, and never broken while a line can hold it."""
    PROSE = auto()
    """Sentences and lists, which may go on in the next line."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading and what it holds."""

    heading: str
    kind: Kind = Kind.FIGURE


def figures(*headings: str) -> list[Column]:
    """Return columns of figures."""
    return [Column(heading) for heading in headings]


def words(*headings: str) -> list[Column]:
    """Return columns of words."""
    return [Column(heading, Kind.WORD) for heading in headings]


def prose(*headings: str) -> list[Column]:
    """Return columns of sentences and lists."""
    return [Column(heading, Kind.PROSE) for heading in headings]


class FittedTable:
    """A table whose rows have a name; every cell is made safe to show before its width is measured."""

    def __init__(self, title: str, first: str, columns: Sequence[Column]) -> None:
        self._title = title
        self._first = first
        self._columns = columns
        self._rows: list[tuple[Text, list[Text]]] = []
        self._widths: dict[int, int] = {}

    def add_row(self, name: str | Text, *cells: str | Text) -> None:
        """Add a row: its name and a cell for each column."""
        self._widths.clear()
        self._rows.append((_safe(name), [_safe(cell) for cell in cells]))

    def __rich_console__(self, console: AnyConsole, options: ConsoleOptions) -> RenderResult:
        """Give rich the lines of the table at this width."""
        if self._title:
            yield Text(self._title, style="italic")
        for line in self._lines(console, options.max_width):
            # What fits a line need not be looked at word by word, which takes longer than all else of a long table.
            if cell_len(line.plain) > options.max_width:
                yield line
            elif line.spans and console.color_system is not None:
                yield from line.render(console, end="\n")
            else:
                yield Segment(line.plain, console.get_style(line.style))
                yield Segment.line()

    def _lines(self, console: AnyConsole, width: int) -> Iterator[Text]:
        short = [n for n, column in enumerate(self._columns) if column.kind is not Kind.PROSE]
        long = [n for n, column in enumerate(self._columns) if column.kind is Kind.PROSE]
        varying = [n for n in short if not self._same(n)]
        names = max(map(cell_len, (self._first, *(name.plain for name, _ in self._rows))))
        for chosen, gap in ((short, _GAPS[0]), *((varying, gap) for gap in _GAPS)):
            used = names + sum(gap + self._width(n) for n in chosen)
            if used <= width:
                yield from self._beside(chosen, long, names, gap, console, width)
                yield from self._sentence([n for n in short if n not in chosen], width)
                return
        for gap in _GAPS:
            if _INDENT + sum(gap + self._width(n) for n in varying) - gap <= width:
                yield from self._below(varying, long, gap, console, width)
                break
        else:
            yield from self._listed(varying, long, console, width)
        yield from self._sentence([n for n in short if n not in varying], width)

    def _beside(
        self, short: list[int], long: list[int], names: int, gap: int, console: AnyConsole, width: int
    ) -> Iterator[Text]:
        """Set each row in a line, with its prose at the end of it where there is room."""
        room = width - names - sum(gap + self._width(n) for n in short)
        wanted = sum(gap + self._width(n) for n in long)
        widths = {n: self._width(n) for n in (*short, *long)}
        if wanted > room:
            if len(long) == 1 and room - gap >= _LEAST_PROSE:
                widths[long[0]] = room - gap
            else:
                widths = {n: widths[n] for n in short}
        yield self._headings(Text(self._first.ljust(names)), widths, gap)
        for name, cells in self._rows:
            parts = {n: _wrapped(cells[n], widths[n], console) for n in widths}
            for number in range(max([1, *map(len, parts.values())])):
                line = name.copy() if number == 0 else Text()
                line.pad_right(names - cell_len(line.plain))
                for n, lines in parts.items():
                    line.append(" " * gap)
                    line.append_text(self._set(lines[number] if number < len(lines) else Text(), n, widths[n]))
                line.rstrip()
                yield line
            yield from self._prose(cells, [n for n in long if n not in widths], console, width)

    def _below(self, short: list[int], long: list[int], gap: int, console: AnyConsole, width: int) -> Iterator[Text]:
        """Set the name of each row above its cells."""
        widths = {n: self._width(n) for n in short}
        indent = Text(" " * (_INDENT - gap)) if gap <= _INDENT else Text()
        yield Text(self._first, style="bold")
        yield self._headings(indent.copy(), widths, gap)
        for name, cells in self._rows:
            yield name
            line = indent.copy()
            for n in short:
                line.append(" " * gap)
                line.append_text(self._set(cells[n], n, widths[n]))
            line.rstrip()
            yield line
            yield from self._prose(cells, long, console, width)

    def _listed(self, short: list[int], long: list[int], console: AnyConsole, width: int) -> Iterator[Text]:
        """Set each cell behind its heading, as many in a line as it holds."""
        for name, cells in self._rows:
            yield name
            items = [self._item(n, cells[n]) for n in short]
            yield from _filled(items, _INDENT, width)
            yield from self._prose(cells, long, console, width)

    def _prose(self, cells: list[Text], long: list[int], console: AnyConsole, width: int) -> Iterator[Text]:
        for n in long:
            if cells[n].plain:
                for part in _wrapped(self._item(n, cells[n]), max(1, width - _DEEPER), console):
                    yield Text(" " * _DEEPER).append_text(part)

    def _sentence(self, same: list[int], width: int) -> Iterator[Text]:
        """Say what is the same in every row."""
        if same:
            start = [Text("in every row")] if len(self._rows) > 1 else []
            yield from _filled([*start, *(self._item(n, self._value(n)) for n in same)], _INDENT, width)

    def _headings(self, start: Text, widths: dict[int, int], gap: int) -> Text:
        start.stylize("bold")
        for n, width in widths.items():
            start.append(" " * gap)
            start.append_text(self._set(Text(self._columns[n].heading, style="bold"), n, width))
        start.rstrip()
        return start

    def _set(self, cell: Text, n: int, width: int) -> Text:
        """Return a cell at the width of its column."""
        cell, missing = cell.copy(), width - cell_len(cell.plain)
        if self._columns[n].kind is Kind.FIGURE:
            cell.pad_left(missing)
        else:
            cell.pad_right(missing)
        return cell

    def _item(self, n: int, cell: Text) -> Text:
        return Text.assemble((f"{self._columns[n].heading}: ", "bold"), cell)

    def _width(self, n: int) -> int:
        if n not in self._widths:
            texts = (self._columns[n].heading, *(cells[n].plain for _, cells in self._rows))
            self._widths[n] = max(map(cell_len, texts))
        return self._widths[n]

    def _same(self, n: int) -> bool:
        """Say whether a column says the same in every row that it says something of, or says nothing at all."""
        texts = {cells[n].plain for _, cells in self._rows} - {""}
        return bool(self._rows) and len(texts) <= 1 and (len(self._rows) > 1 or texts <= _NOTHING)

    def _value(self, n: int) -> Text:
        """Return what a column says in every row."""
        return next((cells[n] for _, cells in self._rows if cells[n].plain), Text("-"))


def _safe(cell: str | Text) -> Text:
    if isinstance(cell, str) or not cell.plain.isprintable():
        return sentence((cell, "") if isinstance(cell, str) else (cell.plain, str(cell.style)))
    return cell


def _wrapped(text: Text, width: int, console: AnyConsole) -> list[Text]:
    if cell_len(text.plain) <= width and not text.plain.endswith(" "):
        return [text]
    lines = list(text.wrap(console, width, overflow="fold"))
    for line in lines:
        line.rstrip()
    return lines


def _filled(items: Iterable[Text], indent: int, width: int) -> Iterator[Text]:
    """Set items in lines, none of them over two of these."""
    line = Text(" " * indent)
    for item in items:
        if len(line.plain) > indent and cell_len(line.plain) + 2 + cell_len(item.plain) > width:
            yield line
            line = Text(" " * indent)
        if len(line.plain) > indent:
            line.append("  ")
        line.append_text(item)
    if len(line.plain) > indent:
        yield line
