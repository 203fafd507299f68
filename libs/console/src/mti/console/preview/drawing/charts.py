"""Charts in Vega-Lite, with axes as the portal chooses them: time or a text across, numbers up, a text as the series.

Colours are custom properties of the page's style sheet, so that one drawing serves dark and light. Pure.
https://learn.microsoft.com/azure/azure-monitor/visualize/workbooks-chart-visualizations
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from mti.console.preview.answers import Answer, display
from mti.console.preview.drawing.shapes import OTHERS, SERIES_LIMIT, TIME, NotDrawn, Shape, described, shape_of

SERIES: Final = tuple(f"var(--series-{number})" for number in range(1, SERIES_LIMIT + 1))
BARS_LIMIT: Final = 20
DAYS_LIMIT: Final = 400
INK, MUTED, LINES, SURFACE = "var(--chart-ink)", "var(--chart-muted)", "var(--chart-line)", "var(--chart-surface)"
HEIGHT: Final = 236
BAR: Final = 19
"""How thick a bar across is."""


Draw = Callable[[Shape, int], dict[str, Any]]


def chart(answer: Answer, visual: str, title: str, width: int) -> dict[str, Any]:
    """Return a chart.

    Args:
        answer: with at least a row.
        visual: as the workbook names it.
        title: the question of the tile.
        width: in pixels.

    Raises:
        NotDrawn: no column fits, or the visual is not known.
    """
    draw = DRAWN.get(visual)
    if draw is None:
        raise NotDrawn(f"the visualization {visual} is not known")
    shape = shape_of(answer)
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "description": described(shape, title),
        "width": width,
        "height": HEIGHT,
        "padding": 4,
        "background": None,
        "autosize": {"type": "fit", "contains": "padding"},
        "data": {"values": shape.values},
        "config": _CONFIG,
    }
    return {**spec, **draw(shape, width)}


def _columns(shape: Shape, width: int) -> dict[str, Any]:
    return {
        "mark": {"type": "bar", "cornerRadiusEnd": 2, "width": {"band": 0.72}, "stroke": SURFACE, "strokeWidth": 1},
        "encoding": {
            "x": _across(shape, width),
            "y": {"field": "y", "type": "quantitative", "title": None, "stack": "zero", "axis": _AMOUNTS},
            "color": _colour(shape, width),
            "order": {"field": "s", "type": "nominal"},
            "description": {"field": "text"},
        },
    }


def _lines(shape: Shape, width: int) -> dict[str, Any]:
    colour = _colour(shape, width)
    if "scale" in colour:
        line = {"symbolType": "stroke", "symbolStrokeWidth": 3, "symbolSize": 160}
        colour = {**colour, "legend": {**colour["legend"], **line}}
    return {
        "mark": {"type": "line", "strokeWidth": 1.75, "interpolate": "monotone", "strokeCap": "round"},
        "encoding": {
            "x": _across(shape, width, discrete=False),
            "y": {"field": "y", "type": "quantitative", "title": None, "stack": None, "axis": _AMOUNTS},
            "color": colour,
            "description": {"field": "s"},
        },
    }


def _bars(shape: Shape, width: int) -> dict[str, Any]:
    totals: dict[Any, float] = {}
    for point in shape.values:
        totals[point["x"]] = totals.get(point["x"], 0) + point["y"]
    order = sorted(totals, key=lambda name: (-totals[name], str(name)))[:BARS_LIMIT]
    bars = {
        "mark": {"type": "bar", "cornerRadiusEnd": 2, "height": BAR, "stroke": SURFACE, "strokeWidth": 1},
        "encoding": {
            "color": _colour(shape, width),
            "order": {"field": "s", "type": "nominal"},
            "description": {"field": "text"},
        },
    }
    sums = {
        "transform": [{"aggregate": [{"op": "sum", "field": "y", "as": "total"}], "groupby": ["x"]}],
        "mark": {"type": "text", "align": "left", "dx": 5, "fontSize": 11, "color": MUTED, "aria": False},
        "encoding": {
            "x": {"field": "total", "type": "quantitative"},
            "text": {"field": "total", "type": "quantitative", "format": ",.10~g"},
        },
    }
    limit = max(90, width // 3)
    axis = {**_NAMES, "labelLimit": limit, "minExtent": min(limit, _extent(order)) + 8}
    most = max(totals.values(), default=0)
    room = {"domain": [0, (most or 1) * (1 + 9 * len(display(most)) / width)], "nice": False}
    return {
        "height": max(HEIGHT, min(480, 27 * len(order) + 40)),
        "transform": [{"filter": {"field": "x", "oneOf": order}}],
        "encoding": {
            "x": {"field": "y", "type": "quantitative", "title": None, "stack": "zero", "axis": None, "scale": room},
            "y": {"field": "x", "type": "nominal", "sort": order, "title": None, "axis": axis},
        },
        "layer": [bars, sums],
    }


def _pie(shape: Shape, width: int) -> dict[str, Any]:
    total = sum(point["y"] for point in shape.values)
    radius = min(width, HEIGHT) / 2 - 26
    by_size = sorted(shape.values, key=lambda point: (-point["y"], str(point["x"])))
    parts = [{**point, "x": f"{point['x']} · {display(point['y'])}"} for point in by_size]
    names = [point["x"] for point in parts]
    columns = 1 if width < 330 else 2
    colour = {
        "field": "x",
        "type": "nominal",
        "title": None,
        "sort": names,
        "scale": {"domain": names, "range": list(SERIES)},
        "legend": {"orient": "bottom", "columns": columns, "labelLimit": width - 40},
    }
    ring = {
        "mark": {
            "type": "arc",
            "innerRadius": radius * 0.62,
            "outerRadius": radius,
            "stroke": SURFACE,
            "strokeWidth": 2,
        },
        "encoding": {
            "theta": {"field": "y", "type": "quantitative", "stack": True},
            "order": {"field": "y", "type": "quantitative", "sort": "descending"},
            "color": colour,
            "description": {"field": "text"},
        },
    }
    middle = {
        "data": {"values": [{"text": display(total)}]},
        "mark": {"type": "text", "fontSize": 22, "fontWeight": 600, "color": INK, "aria": False},
        "encoding": {"text": {"field": "text"}},
    }
    return {"data": {"values": parts}, "layer": [ring, middle], "height": HEIGHT - 30 + 18 * -(-len(parts) // columns)}


DRAWN: Final[Mapping[str, Draw]] = {
    "barchart": _bars,
    "columnchart": _columns,
    "linechart": _lines,
    "piechart": _pie,
}
"""How each visualization of the format that is a chart is drawn."""

_AMOUNTS: Final = {"tickCount": 4, "format": ",.10~g", "domain": False, "ticks": False, "grid": True, "labelPadding": 6}
_NAMES: Final = {"domain": False, "ticks": False, "labelPadding": 8, "labelColor": INK, "labelFontSize": 12}
_CONFIG: Final = {
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED, "labelFontSize": 11, "gridColor": LINES, "domainColor": LINES, "tickColor": LINES,
        "titleColor": MUTED,
    },
    "legend": {
        "labelColor": INK, "labelFontSize": 12, "symbolType": "circle", "symbolSize": 90, "symbolStrokeWidth": 0,
        "orient": "top", "direction": "horizontal", "columnPadding": 26, "rowPadding": 4, "offset": 10, "title": None,
    },
    "text": {"font": "sans-serif"},
    "font": "sans-serif",
}  # fmt: skip


def _across(shape: Shape, width: int, *, discrete: bool = True) -> dict[str, Any]:
    if shape.across.type != "datetime":
        axis = {**_NAMES, "labelAngle": 0, "labelLimit": max(60, width // 6)}
        return {"field": "x", "type": "nominal", "title": None, "axis": axis}
    axis = {"format": "%-d %b", "domain": True, "ticks": False, "grid": False, "labelPadding": 8, "title": None}
    if not discrete:
        ticks = max(3, width // 110)
        return {
            "field": "x",
            "type": "temporal",
            "title": None,
            "scale": {"type": "utc"},
            "axis": {**axis, "tickCount": ticks},
        }
    days = _days(sorted({point["x"] for point in shape.values}))
    every = -(-len(days) // max(3, width // 64))
    labelled = {
        "labelExpr": f"indexof({days[::every]!r}, datum.value) >= 0 ? utcFormat(toDate(datum.value), '%-d %b') : ''"
    }
    return {
        "field": "x", "type": "ordinal", "sort": days, "title": None,
        "axis": {"domain": True, "ticks": False, "labelPadding": 8, "labelAngle": 0, "labelOverlap": True, **labelled},
    }  # fmt: skip


def _days(times: list[str]) -> list[str]:
    """Return times with the days between them on which there is nothing, where each is the begin of a day."""
    first, last = datetime.fromisoformat(times[0]), datetime.fromisoformat(times[-1])
    if (last - first).days > DAYS_LIMIT or not all(each.endswith("T00:00:00Z") for each in times):
        return times
    return [(first + timedelta(days=day)).strftime(TIME) for day in range((last - first).days + 1)]


def _extent(names: list[str]) -> int:
    """Return the pixels that names take in any usual font: what draws here measures by one of its own."""
    return round(7.4 * max((len(str(name)) for name in names), default=0))


def _colour(shape: Shape, width: int) -> dict[str, Any]:
    if shape.series is None:
        return {"value": SERIES[0]}
    names = sorted({point["s"] for point in shape.values} - {OTHERS})
    domain = [*names, *([OTHERS] if any(point["s"] == OTHERS for point in shape.values) else [])]
    legend = {"columns": max(1, (width - 30) // (round(0.86 * _extent(domain)) + 36)), "labelLimit": width - 40}
    return {
        "field": "s", "type": "nominal", "title": None, "legend": legend,
        "scale": {"domain": domain, "range": [*SERIES[: len(names)], "var(--series-rest)"][: len(domain)]},
    }  # fmt: skip
