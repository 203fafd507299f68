"""Tables, with what a click on a cell does, and tiles of numbers. Pure."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from mti.console.preview.answers import NOTHING, Answer, Cell, Column, display
from mti.console.preview.drawing.shapes import NotDrawn
from mti.console.preview.workbook_format import Cell as Formatter
from mti.console.preview.workbook_format import QueryContent, WorkbookContext

TEXT, BAR, LINK, BIG = 1, 4, 7, 12
"""The formatters that the format knows here."""
ROWS: Final = 50
"""Rows of a table that are shown until all are asked for."""
TEXT_LIMIT: Final = 240
"""Characters of a cell; the whole of it is in its title, as far as that goes."""
TITLE_LIMIT: Final = 1_000
LONG: Final = 60
"""From so many characters on a text runs over several lines."""
_SEEN: Final = 24
_DIGEST = re.compile(r"[0-9a-fA-F]{32,128}")
_SHORT: Final = 12
LinkTo = Callable[[str, str], str]
"""Makes the address of the same workbook with a parameter set to a value."""
Opens = Callable[[str, Mapping[str, str]], str]
"""Makes the address of another workbook, by its template's id, with parameters set to values."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One cell of a table."""

    text: str
    title: str = ""
    """What pointing at it shows, where that is more."""
    kind: str = "text"
    """`number`, `time`, `digest`, `empty`, `text` or `long`."""
    link: str = ""
    outside: bool = False
    """Whether the link leads out of this page."""
    step: int | None = None
    """How long its bar is, in twentieths."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table."""

    columns: Sequence[Column]
    rows: list[list[Shown]]
    total: int
    more: bool
    """Whether the query had more rows still."""


@dataclass(frozen=True, slots=True)
class Number:
    """A tile with a number."""

    label: str
    value: str
    cells: list[Shown] = field(default_factory=list)


def grid(
    answer: Answer,
    content: QueryContent,
    link_to: LinkTo,
    opens: Opens,
    *,
    limit: int = ROWS,
    longest: int = TEXT_LIMIT,
) -> Grid:
    """Return a table with its formatters and its links.

    Args:
        answer: with at least a row.
        content: of the tile.
        link_to: see `LinkTo`.
        opens: see `Opens`.
        limit: rows that are shown.
        longest: characters of a text; of a longer one the middle is left out, and pointing at it shows the whole.

    Raises:
        NotDrawn: a formatter is not known, or a link takes the value of another column than its own.
    """
    settings = content.gridSettings
    formatters = {each.columnMatch: each for each in (settings.formatters if settings else [])}
    exports = {each.fieldName: each.parameterName for each in content.exportedParameters or ()}
    makers = [_maker(answer, number, formatters, exports, link_to, opens) for number in range(len(answer.columns))]
    rows = [
        _clickable([_fitted(make(value), longest) for make, value in zip(makers, row, strict=True)])
        for row in answer.rows[:limit]
    ]
    return Grid(answer.columns, rows, len(answer.rows), answer.more)


def plain_grid(answer: Answer, limit: int = 500) -> Grid:
    """Return an answer as a plain table, which says what a chart shows."""
    rows = [
        [_cell(value, column) for value, column in zip(row, answer.columns, strict=True)] for row in answer.rows[:limit]
    ]
    return Grid(answer.columns, rows, len(answer.rows), answer.more)


def numbers(answer: Answer, content: QueryContent) -> list[Number]:
    """Return tiles with numbers.

    Raises:
        NotDrawn: the tile's settings name a column that is not there.
    """
    settings = content.tileSettings
    if settings is None:
        raise NotDrawn("tiles need tileSettings")
    title, left = answer.place(settings.titleContent.columnMatch), answer.place(settings.leftContent.columnMatch)
    if title is None or left is None:
        raise NotDrawn(f"there is no column {settings.titleContent.columnMatch} or {settings.leftContent.columnMatch}")
    for each in (settings.titleContent, settings.leftContent):
        if each.formatter not in {TEXT, BIG}:
            raise NotDrawn(f"the formatter {each.formatter} is not known in tiles")
    return [Number(_cut(display(row[title]), 80), display(row[left])) for row in answer.rows[:24]]


def _fitted(cell: Shown, longest: int) -> Shown:
    if len(cell.text) <= longest or cell.kind not in {"text", "long"}:
        return cell
    end = longest * 3 // 5
    text = f"{cell.text[: longest - end - 1]}…{cell.text[-end:]}"
    return replace(cell, text=text, title=cell.title or cell.text, kind="text")


def _clickable(cells: list[Shown]) -> list[Shown]:
    """Let the begin of a row lead where the value in it does: in the portal a click on any place of the row would."""
    leads = next((each.link for each in cells if each.link and not each.outside), "")
    if leads and not cells[0].link and cells[0].kind in {"text", "long", "time"}:
        return [replace(cells[0], link=leads), *cells[1:]]
    return cells


def _maker(
    answer: Answer,
    number: int,
    formatters: dict[str | None, Formatter],
    exports: dict[str, str],
    link_to: LinkTo,
    opens: Opens,
) -> Callable[[Cell], Shown]:
    column = answer.columns[number]
    formatter = formatters.get(column.name)
    kind = formatter.formatter if formatter else TEXT
    if kind not in {TEXT, BAR, LINK, BIG}:
        raise NotDrawn(f"the formatter {kind} of {column.name} is not known")
    if formatter is not None and kind == LINK:
        context = formatter.formatOptions.workbookContext if formatter.formatOptions else None
        return _opening(context, column, opens) if context else lambda value: _address(value, column)
    if kind == BAR:
        most = max((abs(float(row[number])) for row in answer.rows if _is_number(row[number])), default=0.0)  # type: ignore[arg-type]
        return lambda value: _bar(value, column, most)
    parameter = exports.get(column.name)
    if parameter is not None:
        return lambda value: _cell(value, column, link_to(parameter, str(value)) if value not in {None, ""} else "")
    return lambda value: _cell(value, column)


def _opening(context: WorkbookContext, column: Column, opens: Opens) -> Callable[[Cell], Shown]:
    """Return what makes cells that open another workbook; parameters of this one stay in the address by themselves."""
    passed = context.templateParameters
    fixed = {each.name: each.value for each in passed if each.source == "static"}
    taken = {each.name: each.value for each in passed if each.source == "column"}
    if set(taken.values()) - {column.name}:
        raise NotDrawn(f"the link of {column.name} takes the values of other columns")

    def make(value: Cell) -> Shown:
        given = {**fixed, **dict.fromkeys(taken, str(value))}
        return _cell(value, column, opens(context.templateId, given) if value not in {None, ""} else "")

    return make


def _cell(value: Cell, column: Column, link: str = "") -> Shown:
    if value is None or value == "":
        return Shown(NOTHING, kind="empty")
    if isinstance(value, datetime):
        return Shown(display(value), value.isoformat(timespec="seconds"), "time", link)
    if _is_number(value):
        return Shown(display(value), kind="number", link=link)
    text = _list(value) if isinstance(value, str) and column.type in {"dynamic", "string"} else display(value)
    if _DIGEST.fullmatch(text):
        return Shown(f"{text[:_SHORT]}…", text, "digest", link)
    kind = "long" if len(text) > LONG and " " in text else "text"
    return Shown(_cut(text, TEXT_LIMIT), _cut(text, TITLE_LIMIT) if len(text) > _SEEN else "", kind, link)


def _bar(value: Cell, column: Column, most: float) -> Shown:
    cell = _cell(value, column)
    if not _is_number(value) or not most:
        return cell
    return Shown(cell.text, kind="number", step=round(20 * abs(float(value)) / most))  # type: ignore[arg-type]


def _address(value: Cell, column: Column) -> Shown:
    cell, text = _cell(value, column), str(value or "")
    try:
        parts = urlsplit(text)
    except ValueError:
        return cell
    if parts.scheme != "https" or not parts.hostname:
        return cell
    return Shown(f"open at {_cut(parts.hostname, 60)}", _cut(text, TITLE_LIMIT), "text", text, outside=True)


def _list(text: str) -> str:
    """Return a list in JSON as people write one."""
    if not text.startswith("["):
        return text
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return ", ".join(map(str, found)) if isinstance(found, list) else text


def _is_number(value: Cell) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
