"""Workbooks: pages of questions (`workbooks/*.yaml`), laid out in the portal's format."""

import re
from functools import cache
from typing import Annotated, Any, Final, Literal
from uuid import UUID, uuid5

import yaml
from pydantic import BaseModel, ConfigDict, Field

from infra.sentinel.content import FOLDER
from infra.sentinel.kql import compile_query
from mti.console.preview import workbook_format as portal

_SPACE: Final = UUID("c504ebfa-ff39-476c-ab1c-fb8784845d50")
_DAY: Final = 86_400_000
LOOK_BACK: Final = "30d"
"""What a page reads at most of rows; the chosen time narrows events, never indicators."""

Text = Annotated[str, Field(min_length=1)]


class Question(BaseModel):
    """A tile: its title is the question that it answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(pattern=r"^[A-Z].*\?$", max_length=100)
    query: Text
    empty: Text
    """What an empty answer means, and what to do."""
    visual: Literal["table", "tiles", "barchart", "columnchart", "linechart", "piechart"] = "table"
    width: Literal[25, 50] | None = None
    when: str | None = None
    """The parameter without which it is not shown."""

    @property
    def columns(self) -> set[str]:
        """The names that the last projection or aggregation gives."""
        begins = max(self.query.rfind("| project "), self.query.rfind("| summarize "), 0)
        last = self.query[begins:].partition("\n")[0]
        return set(re.findall(r"\w+", re.sub(r"\w+\([^()]*(\([^()]*\))?[^()]*\)", "", last)))

    @property
    def compiled(self) -> str:
        """The query that is deployed; the portal fills in what is in braces."""
        return compile_query(
            self.query,
            {
                "LookBack": LOOK_BACK,
                "OurSource": "'{Source}'",
                "ChosenHash": "'{Hash}'",
                "CustomerNames": "datatable(Workspace:string, Customer:string) [{Names}]",
            },
        )


class Asked(BaseModel):
    """A parameter that can be typed in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: Text
    value: str = ""


class Page(BaseModel):
    """One tab."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: Text
    tiles: tuple[Question, ...]
    when: str | None = None
    ask: dict[str, Asked] = {}
    """Parameters that can be typed in on this page."""
    about: str = ""
    """What is said above its tiles."""


class Leads(BaseModel):
    """Columns whose value a click opens in another workbook."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: str = Field(pattern=r"^[A-Za-z]+$")
    """The key of the other one."""
    columns: dict[str, str]
    """The other one's parameter, by the column here."""


class Book(BaseModel):
    """A workbook, as it is written down here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field(pattern=r"^[A-Za-z]+$")
    name: Text
    subtitle: Text
    description: Text
    cross_workspace: bool = False
    exports: dict[str, str] = {}
    """Columns whose value a click on a row puts into a parameter."""
    leads: Leads | None = None
    pages: tuple[Page, ...]

    def laid_out(self) -> portal.Workbook:
        """Return it in the portal's format."""
        return portal.Workbook(
            items=[
                portal.Text(content=portal.TextContent(json_=f"## {self.name}\n{self.description}"), name="about"),
                portal.Parameters(content=portal.ParametersContent(parameters=self._parameters()), name="parameters"),
                portal.Tabs(content=portal.LinksContent(links=[self._tab(page) for page in self.pages]), name="tabs"),
                *(self._page(page) for page in self.pages),
            ],
            fromTemplateId=f"sentinel-{self.key}",
        )

    def _parameters(self) -> list[portal.Parameter | portal.AskedParameter]:
        found: list[portal.Parameter | portal.AskedParameter] = []
        if self.cross_workspace:
            found += [
                self._parameter(
                    "Workspaces",
                    "Workspaces",
                    5,
                    isRequired=True,
                    multiSelect=True,
                    quote="'",
                    delimiter=",",
                    value=[],
                    typeSettings=portal.ResourceQuery(
                        resourceTypeFilter={portal.WORKSPACES: True}, additionalResourceOptions=["value::all"]
                    ),
                ),
                portal.AskedParameter(id=self._id("parameter/Names"), name="Names", label="Names", query=_NAMES),
            ]
        if any("{TimeRange" in tile.query for page in self.pages for tile in page.tiles):
            days = (1, 7, 14, 30)
            offered = [portal.SelectableTime(durationMs=each * _DAY) for each in days]
            times, usual = portal.TimeSettings(selectableValues=offered), {"durationMs": 14 * _DAY}
            found.append(self._parameter("TimeRange", "Time", 4, isRequired=True, value=usual, typeSettings=times))
        asked = {name for page in self.pages for name in page.ask}
        return [
            *found,
            self._parameter("Source", "Source system", 1, isRequired=True, value="Mimecast"),
            *(
                self._parameter(name, name, 1, value="")
                for name in dict.fromkeys(self.exports.values())
                if name not in asked
            ),
        ]

    def _parameter(self, name: str, label: str, kind: Literal[1, 4, 5], **rest: Any) -> portal.Parameter:  # noqa: ANN401
        return portal.Parameter(id=self._id(f"parameter/{name}"), name=name, label=label, type=kind, **rest)

    def _tab(self, page: Page) -> portal.Link:
        return portal.Link(
            id=self._id(f"tab/{page.label}"), cellValue="Page", linkLabel=page.label, subTarget=_slug(page.label)
        )

    def _page(self, page: Page) -> portal.Group:
        items: list[portal.Text | portal.Parameters | portal.Tile] = []
        if page.about:
            items.append(portal.Text(content=portal.TextContent(json_=page.about), name="about this page"))
        if page.ask:
            asked = [self._parameter(name, each.label, 1, value=each.value) for name, each in page.ask.items()]
            items.append(portal.Parameters(content=portal.ParametersContent(parameters=asked), name="asked"))
        if page.when:
            unset = portal.Visibility(parameterName=page.when, comparison="isEqualTo", value="")
            hint = f"Type {page.when.lower()} in above, or click a row that has one on another page."
            items.append(
                portal.Text(content=portal.TextContent(json_=hint), conditionalVisibility=unset, name="nothing chosen")
            )
        items += [self._tile(tile, tile.when or page.when) for tile in page.tiles]
        return portal.Group(
            content=portal.GroupContent(items=items),
            conditionalVisibility=portal.Visibility(
                parameterName="Page", comparison="isEqualTo", value=_slug(page.label)
            ),
            name=page.label,
        )

    def _tile(self, tile: Question, when: str | None) -> portal.Tile:
        exports = [
            portal.Export(fieldName=column, parameterName=name)
            for column, name in self.exports.items()
            if tile.visual == "table" and column in tile.columns
        ]
        return portal.Tile(
            content=portal.QueryContent(
                query=tile.compiled,
                title=tile.title,
                noDataMessage=tile.empty,
                timeContext=portal.TimeContext(durationMs=90 * _DAY),
                exportedParameters=exports or None,
                crossComponentResources=["{Workspaces}"] if self.cross_workspace else None,
                visualization=tile.visual,
                tileSettings=_TILES if tile.visual == "tiles" else None,
                gridSettings=self._grid(tile) if tile.visual == "table" else None,
            ),
            conditionalVisibility=None
            if when is None
            else portal.Visibility(parameterName=when, comparison="isNotEqualTo", value=""),
            customWidth=None if tile.width is None else "25" if tile.width == 25 else "50",
            name=tile.title,
        )

    def _grid(self, tile: Question) -> portal.GridSettings:
        leads = self.leads
        links = [_link(leads.to, *each) for each in leads.columns.items() if each[0] in tile.columns] if leads else []
        return portal.GridSettings(formatters=[_INCIDENT, *links])

    def _id(self, name: str) -> UUID:
        return uuid5(_SPACE, f"workbook/{self.key}/{name}")


_NAMES: Final = """resources
| where type =~ 'microsoft.operationalinsights/workspaces'
| project Pair = strcat("'", tostring(properties.customerId), "','", name, "'")
| summarize Pairs = make_list(Pair)
| project Names = strcat_array(Pairs, ',')
"""
"""Workspaces' ids and names, in the form of a table's literal: a name there is letters, digits and dashes."""

_TILES: Final = portal.TileSettings(
    titleContent=portal.Cell(columnMatch="What", formatter=1),
    leftContent=portal.Cell(columnMatch="Number", formatter=12),
)
_INCIDENT: Final = portal.Cell(
    columnMatch="IncidentUrl", formatter=7, formatOptions=portal.FormatOptions(linkTarget="Url")
)


@cache
def books() -> dict[str, Book]:
    """Return the workbooks by the names of their files.

    Raises:
        ValueError: one is not in the form.
    """
    return {
        path.stem: Book.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        for path in sorted((FOLDER / "workbooks").glob("*.yaml"))
    }


def _link(key: str, column: str, parameter: str) -> portal.Cell:
    """Return the link of a column: it opens the workbook of that key, at the page for such a value."""
    book = next(book for book in books().values() if book.key == key)
    page = next(page for page in book.pages if page.when == parameter)
    passed = [
        portal.Passed(name=parameter, source="column", value=column),
        portal.Passed(name="Page", source="static", value=_slug(page.label)),
        portal.Passed(name="Source", source="parameter", value="Source"),
    ]
    context = portal.WorkbookContext(templateId=f"sentinel-{key}", templateParameters=passed)
    options = portal.FormatOptions(linkTarget="WorkbookTemplate", workbookContext=context)
    return portal.Cell(columnMatch=column, formatter=7, formatOptions=options)


def _slug(label: str) -> str:
    return label.lower().replace(" ", "-")
