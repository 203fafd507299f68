"""One tile: its query is answered and drawn, or it says why not."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from markupsafe import Markup

from mti.console.preview.answers import Answer
from mti.console.preview.asked import PAGE, ROWS, Asked, Scope
from mti.console.preview.asking import Unsupported, filled, tables_of
from mti.console.preview.drawing.charts import DRAWN, chart
from mti.console.preview.drawing.grids import ROWS as GRID_ROWS
from mti.console.preview.drawing.grids import TEXT_LIMIT, Grid, Number, grid, numbers, plain_grid
from mti.console.preview.drawing.shapes import NotDrawn, described, shape_of
from mti.console.preview.drawing.svg import UnsafeDrawing, inlined
from mti.console.preview.state import ROWS_LIMIT, Preview
from mti.console.preview.workbook_format import Tile
from mti.console.preview.workers import Unanswered
from mti.console.preview.worlds.loaded import Loaded
from mti.console.preview.worlds.model import Origin

log = logging.getLogger(__name__)

NARROW: Final = 330
WIDTHS: Final = {None: 1126, "50": 538, "25": 246}
"""Of drawings, in pixels, by how much of the row the tile takes."""
LONGEST: Final = 30
"""Characters of a text in a table that does not have the whole row."""
CHART_ROWS: Final = 5_000
ALL: Final = "all"


@dataclass(slots=True)
class View:
    """What a page shows of a tile."""

    id: str
    title: str
    width: str
    """`full`, `half` or `quarter`."""
    query: str
    badge: str = ""
    """`sample`, `partly` or `own`: where the rows come from."""
    kind: str = "fault"
    """`chart`, `table`, `tiles`, `empty` or `fault`."""
    message: str = ""
    """Of an empty tile, or of a fault."""
    good: bool = False
    """Whether it is good that it is empty."""
    chart: Markup | None = None
    narrow: Markup | None = None
    """The same for a narrow screen."""
    grid: Grid | None = None
    numbers: list[Number] = field(default_factory=list)
    waits: bool = False
    """Whether it is shown since a click set what it waits for."""
    all_rows: str = ""
    """Where all rows of the table are to be had."""


async def viewed(tile: Tile, number: int, scope: Scope, asked: Asked, world: Loaded, preview: Preview) -> View:
    """Return what is shown of a tile. It never fails: a fault is shown in its place.

    Args:
        tile: which.
        number: its place on the page.
        scope: what is looked at.
        asked: by whom.
        world: the data.
        preview: answers and draws.
    """
    content = tile.content
    width = {None: "full", "50": "half", "25": "quarter"}[tile.customWidth]
    view = View(f"tile-{number}", content.title, width, content.query, waits=tile.conditionalVisibility is not None)
    try:
        query = filled(content.query, scope.values)
        view.query, view.badge = query, badge_of(tables_of(query), world)
        most = content.gridSettings.rowLimit if content.gridSettings else CHART_ROWS
        answer = await preview.answer(world, [each.id for each in scope.workspaces], query, min(most, ROWS_LIMIT))
        led = {each.fieldName for each in content.exportedParameters or ()}
        answer = _called(answer, {each.id: each.label for each in world.workspaces}, led)
        if not answer.rows:
            view.kind, view.message, view.good = "empty", content.noDataMessage, content.noDataMessageStyle == 4
        else:
            await _fill(view, tile, answer, scope, asked, preview)
    except (Unsupported, Unanswered, NotDrawn, UnsafeDrawing) as error:
        log.warning("the tile %r of %s can't be shown: %s", content.title, scope.board.key, error)
        view.kind, view.message = "fault", str(error)
    return view


def badge_of(tables: Sequence[str], world: Loaded) -> str:
    """Return where the rows of some tables come from: `sample`, `own`, or `partly` a sample."""
    origins = {world.origins[name] for name in tables if world.rows.get(name)}
    if Origin.SAMPLE not in origins:
        return "own"
    return "sample" if len(origins) == 1 else "partly"


async def _fill(view: View, tile: Tile, answer: Answer, scope: Scope, asked: Asked, preview: Preview) -> None:
    content = tile.content
    if content.visualization == "tiles":
        view.numbers, view.kind = numbers(answer, content), "tiles"
    elif content.visualization in DRAWN:
        told = described(shape_of(answer), content.title)
        for name, width in (("chart", WIDTHS[tile.customWidth]), ("narrow", NARROW)):
            spec = chart(answer, content.visualization, content.title, width)
            drawn = inlined(await preview.drawn(spec), name=content.title, description=told, id=f"{view.id}-{name}")
            setattr(view, name, drawn)
        view.grid, view.kind = plain_grid(answer), "chart"
    elif content.visualization == "table":
        limit = len(answer.rows) if asked.one(ROWS) == ALL else GRID_ROWS
        longest = TEXT_LIMIT if tile.customWidth is None else LONGEST
        led, leads = partial(_led, scope, asked), partial(_led_out, asked)
        view.grid = grid(answer, content, led, leads, limit=limit, longest=longest)
        view.kind = "table"
        if len(view.grid.rows) < view.grid.total:
            view.all_rows = f"{asked.address(**{ROWS: ALL})}#{view.id}"
    else:
        raise NotDrawn(f"the visualization {content.visualization} is not known")


def _called(answer: Answer, labels: Mapping[str, str], led: Collection[str]) -> Answer:
    """Return an answer with workspaces as people call them; the portal shows their ids.

    Columns that a click takes a value from (`led`) keep it: the queries compare it with ids.
    """
    kept = [column.name in led for column in answer.columns]
    rows = [
        [
            value if keep or not isinstance(value, str) else labels.get(value, value)
            for keep, value in zip(kept, row, strict=True)
        ]
        for row in answer.rows
    ]
    return replace(answer, rows=rows)


def _led(scope: Scope, asked: Asked, parameter: str, value: str) -> str:
    """Return where a click on a value leads: to the page whose tiles wait for it."""
    page = scope.board.page_for(parameter)
    condition = page.conditionalVisibility if page is not None else None
    tab = condition.value if condition is not None and condition.parameterName == PAGE else scope.values.texts.get(PAGE)
    anchor = "#waiting" if page is scope.page else ""
    return f"{asked.address(**{parameter: value, PAGE: tab, ROWS: None})}{anchor}"


def _led_out(asked: Asked, template: str, given: Mapping[str, str]) -> str:
    """Return where a click on a value leads that opens another workbook."""
    return asked.address(f"/dashboards/{template.removeprefix('sentinel-')}", **{ROWS: None, **given})
