"""What the preview is made of: filling parameters in, choosing columns, letting nothing but shapes through."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from urllib.parse import urlencode

import duckdb
import duckdb_kql
import pytest

from mti.console.preview.answers import Answer, Column, display
from mti.console.preview.asked import Asked
from mti.console.preview.asking import Chosen, Unsupported, chosen, filled, tables_of, written
from mti.console.preview.catalogue import METADATA, boards, read_boards
from mti.console.preview.drawing import charts, grids
from mti.console.preview.drawing.shapes import OTHERS, NotDrawn, shape_of
from mti.console.preview.drawing.svg import UnsafeDrawing, inlined
from mti.console.preview.drawing.text import rendered
from mti.console.preview.workbook_format import Cell, Parameter, QueryContent, TimeContext
from mti.console.preview.worlds.model import Kind

pytestmark = pytest.mark.pure

NAME = "http://www.w3.org/2000/svg"


def answer(*rows: tuple[Any, ...], **columns: str) -> Answer:
    return Answer([Column(name, kind) for name, kind in columns.items()], rows)


def test_every_visualization_of_the_format_is_drawn() -> None:
    known = set(get_args(QueryContent.model_fields["visualization"].annotation))
    assert known == {*charts.DRAWN, "table", "tiles"}


def test_every_formatter_of_the_format_is_known() -> None:
    known = set(get_args(Cell.model_fields["formatter"].annotation))
    assert known == {grids.TEXT, grids.BAR, grids.LINK, grids.BIG}


def test_every_kind_of_parameter_of_the_format_is_known() -> None:
    assert set(get_args(Parameter.model_fields["type"].annotation)) == {1, 4, 5}


def test_every_workbook_that_is_packaged_is_understood() -> None:
    assert len(boards()) == 5
    assert {board.fault for board in boards().values()} == {None}


def test_what_is_not_known_in_a_workbook_is_named() -> None:
    document = next(board.workbook for board in boards().values() if board.workbook is not None).to_json()
    tile = next(each for each in document["items"][3]["content"]["items"] if each["type"] == 3)
    tile["content"]["visualization"] = "map"
    entry = {"templateRelativePath": "Odd.json", "title": "Odd", "subtitle": "-", "description": "-"}
    missing = {**entry, "templateRelativePath": "Gone.json"}
    found = read_boards({"Odd.json": json.dumps(document), METADATA: "[]"}, [entry, missing])
    assert found["Odd"].workbook is None
    assert re.search(r"Odd\.json .*visualization", found["Odd"].fault or "")
    assert "Gone.json is not packaged" in (found["Gone"].fault or "")


def test_a_value_can_not_end_the_string_that_it_stands_in() -> None:
    values = Chosen({"Hash": "a' or 'b' == 'b\\"}, {"TimeRange": timedelta(days=7)})
    query = filled("T | where H == '{Hash}' and At {TimeRange:query} and ingestion_time() > ago(1h)", values)
    assert query == "T | where H == 'a\\' or \\'b\\' == \\'b\\\\' and At > ago(7d) and _IngestionTime > ago(1h)"


@pytest.mark.parametrize("query", ["T | take {Number}", "T | where a == {Hash}", "T | where At {Hash:query}"])
def test_a_place_that_is_not_understood_is_an_error(query: str) -> None:
    with pytest.raises(Unsupported, match="the parameter"):
        filled(query, Chosen({"Hash": "1"}))


def test_the_names_of_workspaces_are_literals_that_nobody_can_leave() -> None:
    parameters = boards()["MimecastMSSP"].parameters
    given = {"id-1": "Contoso", "id-2": "x', 'y'] | take 0 //\\", "id-3": "a\nb" + "c" * 300}
    values = chosen(parameters, {"Names": "'mine','typed'"}, given)
    query = filled("let N = datatable(W:string, C:string) [{Names}];\nN", values)
    assert "typed" not in query
    found = duckdb_kql.execute(duckdb.connect(), query, allow_write=False, query_now=datetime(2026, 11, 24, tzinfo=UTC))
    assert dict(found.fetchall()) == {**given, "id-3": "ab" + "c" * 198}
    assert filled("datatable(W:string) [{Names}]", chosen(parameters, {})) == "datatable(W:string) []"


def test_only_what_is_offered_can_be_chosen() -> None:
    parameters = next(board.parameters for board in boards().values() if board.key == "MimecastThreats")
    assert chosen(parameters, {"TimeRange": "7d"}).times["TimeRange"] == timedelta(days=7)
    assert chosen(parameters, {"TimeRange": "9000d) or (1d"}).times["TimeRange"] == timedelta(days=14)
    assert chosen(parameters, {"Source": "a\x00\nb" + "c" * 9_000}).texts["Source"].startswith("abc")
    assert len(chosen(parameters, {"Source": "c" * 9_000}).texts["Source"]) == 2_048


@pytest.mark.parametrize(("span", "text"), [(timedelta(days=14), "14d"), (timedelta(hours=36), "36h")])
def test_spans_are_written_as_kusto_reads_them(span: timedelta, text: str) -> None:
    assert written(span) == text


def test_the_tables_of_a_query_are_those_that_it_names_outside_strings() -> None:
    query = "let A = EmailEvents; // DeviceFileEvents\nA | where x == 'AppMetrics' | join SecurityAlert on y"
    assert set(tables_of(query)) >= {"EmailEvents", "SecurityAlert"}
    assert "AppMetrics" not in tables_of(query)


def test_time_goes_across_and_a_text_is_the_series() -> None:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    found = shape_of(answer(("mail", at, 3), ("disk", at, 4), What="string", Day="datetime", N="long"))
    assert (found.across.name, found.up.name) == ("Day", "N")
    assert [(point["s"], point["y"]) for point in found.values] == [("mail", 3), ("disk", 4)]


def test_series_beyond_the_colours_are_summed_up_and_nothing_is_lost() -> None:
    rows = [(f"name {number % 2}", f"series {number:02}", number) for number in range(30)]
    found = shape_of(answer(*rows, Name="string", Of="string", N="long"))
    series = {point["s"] for point in found.values}
    assert len(series) == 8
    assert OTHERS in series
    assert sum(point["y"] for point in found.values) == sum(range(30))


@pytest.mark.parametrize("columns", [{"A": "string"}, {"N": "long"}])
def test_what_no_chart_can_show_is_named(columns: dict[str, str]) -> None:
    with pytest.raises(NotDrawn, match="a chart needs"):
        shape_of(answer(("x",), **columns))


@pytest.mark.parametrize("visual", charts.DRAWN)
def test_a_chart_takes_any_value(visual: str) -> None:
    odd = answer(("", 0), (None, -1), ("</svg><script>", None), ("x" * 5_000, 1.5), Name="string", N="real")
    spec = json.dumps(charts.chart(odd, visual, "Which?", 250))
    assert len(spec) < 8_000


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        "<foreignObject/>",
        "<image href='http://example/x'/>",
        "<a href='javascript:x'><text>x</text></a>",
        "<style>*{}</style>",
        "<path d='M0 0' fill='url(http://example/x)'/>",
    ],
)
def test_nothing_but_shapes_and_text_comes_through(inside: str) -> None:
    with pytest.raises(UnsafeDrawing, match=r"the (drawing|attribute)"):
        inlined(f"<svg xmlns='{NAME}'><g>{inside}</g></svg>", name="n", description="d", id="i")


def test_a_declared_entity_is_refused() -> None:
    with pytest.raises(UnsafeDrawing):
        inlined(f"<!DOCTYPE x [<!ENTITY a 'b'>]><svg xmlns='{NAME}'/>", name="n", description="d", id="i")


def test_text_and_names_are_escaped_and_handlers_left_out() -> None:
    svg = f"<svg xmlns='{NAME}' onload='x()' style='y'><text x='1'>&lt;b&gt; &amp;</text></svg>"
    drawn = inlined(svg, name='"><script>', description="<i>", id="t")
    assert '<text x="1">&lt;b&gt; &amp;</text>' in drawn
    assert "onload" not in drawn
    assert "style" not in drawn
    assert "<script>" not in drawn


def test_markdown_brings_neither_html_nor_scripts_nor_pictures() -> None:
    text = rendered(
        "## A *b*\n<script>x</script> [l](javascript:alert(1)) ![p](http://example/x.png) [ok](https://example/)"
    )
    assert "<h2>A <em>b</em></h2>" in text
    assert "<script>" not in text
    assert 'javascript:alert(1)"' not in text
    assert "<img" not in text
    assert '<a href="https://example/">' in text


def content(**fields: Any) -> QueryContent:
    empty = "There is nothing to be seen here."
    given = {
        "query": "T",
        "title": "Which?",
        "noDataMessage": empty,
        "timeContext": TimeContext(durationMs=1),
        **fields,
    }
    return QueryContent.model_validate({"visualization": "table", **given})


def leading(template: str, given: Mapping[str, str]) -> str:
    return f"{template}?{urlencode(given)}"


def linked(column: str) -> dict[str, Any]:
    """The settings of a table whose column `Hash` opens another workbook with a column's value."""
    passed = [
        {"name": "Hash", "source": "column", "value": column},
        {"name": "Page", "source": "static", "value": "one-file"},
        {"name": "Source", "source": "parameter", "value": "Source"},
    ]
    context = {"templateId": "sentinel-MimecastOther", "templateParameters": passed}
    options = {"linkTarget": "WorkbookTemplate", "workbookContext": context}
    return {"gridSettings": {"formatters": [{"columnMatch": "Hash", "formatter": 7, "formatOptions": options}]}}


def test_a_link_opens_another_workbook_at_its_page_with_the_value_of_its_column() -> None:
    rows = answer(("Ann", "a&b"), ("Bob", ""), Who="string", Hash="string")
    found = grids.grid(rows, content(**linked("Hash")), lambda name, value: "", leading)
    address = "sentinel-MimecastOther?Page=one-file&Hash=a%26b"
    assert [[cell.link for cell in row] for row in found.rows] == [[address] * 2, ["", ""]]
    assert not found.rows[0][1].outside
    with pytest.raises(NotDrawn, match="the values of other columns"):
        grids.grid(rows, content(**linked("Who")), lambda name, value: "", leading)


def test_a_click_takes_the_value_and_a_row_leads_where_its_value_does() -> None:
    settings = {"exportedParameters": [{"fieldName": "Hash", "parameterName": "Hash"}]}
    rows = answer(("Ann", "ab" * 32), ("Bob", ""), Who="string", Hash="string")
    found = grids.grid(rows, content(**settings), lambda name, value: f"?{name}={value}", leading)
    assert [[cell.link for cell in row] for row in found.rows] == [[f"?Hash={'ab' * 32}"] * 2, ["", ""]]


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "http://example/", "https://", "data:text/html,x", "https://[x"]
)
def test_a_link_leads_to_the_web_by_https_alone(address: str) -> None:
    formatters = {"gridSettings": {"formatters": [{"columnMatch": "Url", "formatter": 7}]}}
    found = grids.grid(answer((address,), Url="string"), content(**formatters), lambda name, value: "", leading)
    assert found.rows[0][0].link == ""


def test_a_bar_is_as_long_as_its_number() -> None:
    formatters = {"gridSettings": {"formatters": [{"columnMatch": "N", "formatter": 4}]}}
    found = grids.grid(answer((10,), (5,), (None,), N="long"), content(**formatters), lambda name, value: "", leading)
    assert [row[0].step for row in found.rows] == [20, 10, None]


def test_values_are_shown_as_people_write_them() -> None:
    at = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
    values = (None, "", True, 1_234, 0.5, 0.0029, 1_234.56, at, at.replace(hour=0, minute=0))
    assert [display(each) for each in values] == ["\N{EN DASH}"] * 2 + [
        "yes",
        "1,234",
        "0.5",
        "0.0029",
        "1,235",
        "4 Mar, 05:06",
        "4 Mar",
    ]


def test_an_address_keeps_what_is_chosen() -> None:
    asked = Asked.of("/d/x", [("data", "mixed"), ("workspace", "a"), ("workspace", "b"), ("Hash", "1")])
    assert asked.address(Hash=None) == "/d/x?data=mixed&workspace=a&workspace=b"
    assert asked.address(Hash="2&3", Page="p") == "/d/x?data=mixed&workspace=a&workspace=b&Hash=2%263&Page=p"
    assert asked.kind([Kind.FOLDER, Kind.MIXED]) is Kind.MIXED
    assert asked.kind([Kind.SAMPLE]) is Kind.SAMPLE
