"""The part of the workbook format that is used, strictly: https://github.com/microsoft/Application-Insights-Workbooks.

The published schema (`schema/workbook.json` there) lets nearly every value through. Here a name that is misspelt or a
value that the portal does not know is an error.
"""
# ruff: noqa: N815  the names are the portal's own

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

WORKSPACES = "microsoft.operationalinsights/workspaces"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Visibility(_Part):
    """When an item is shown."""

    parameterName: str
    comparison: Literal["isEqualTo", "isNotEqualTo"]
    value: str | None = None


class TimeContext(_Part):
    """The time that a query may read at most."""

    durationMs: int = Field(ge=0)


class TextContent(_Part):
    """Markdown."""

    json_: str = Field(alias="json")


class ResourceQuery(_Part):
    """What a picker offers."""

    resourceTypeFilter: dict[str, bool] | None = None
    additionalResourceOptions: list[str] = []
    showDefault: bool = False


class SelectableTime(_Part):
    """One choice of a time range."""

    durationMs: int


class TimeSettings(_Part):
    """What a time range offers."""

    selectableValues: list[SelectableTime]
    allowCustom: bool = True


class Parameter(_Part):
    """One parameter: 1 is a text, 4 a time range, 5 resources."""

    id: UUID
    version: Literal["KqlParameterItem/1.0"] = "KqlParameterItem/1.0"
    name: str = Field(pattern=r"^[A-Za-z]+$")
    label: str
    type: Literal[1, 4, 5]
    isRequired: bool = False
    isGlobal: bool = True
    multiSelect: bool | None = None
    quote: str | None = None
    delimiter: str | None = None
    value: str | dict[str, int] | list[str] | None = None
    typeSettings: TimeSettings | ResourceQuery | None = None
    description: str | None = None


class AskedParameter(_Part):
    """A hidden text: the answer of Azure Resource Graph (`queryType` 1) over all that the reader may see."""

    id: UUID
    version: Literal["KqlParameterItem/1.0"] = "KqlParameterItem/1.0"
    name: str = Field(pattern=r"^[A-Za-z]+$")
    label: str
    type: Literal[1] = 1
    isGlobal: bool = True
    isHiddenWhenLocked: Literal[True] = True
    query: str
    queryType: Literal[1] = 1
    resourceType: Literal["microsoft.resourcegraph/resources"] = "microsoft.resourcegraph/resources"
    crossComponentResources: list[Literal["value::all"]] = ["value::all"]


class ParametersContent(_Part):
    """A row of parameters."""

    version: Literal["KqlParameterItem/1.0"] = "KqlParameterItem/1.0"
    parameters: list[Parameter | AskedParameter]
    style: Literal["pills"] = "pills"
    queryType: Literal[0] = 0
    resourceType: Literal["microsoft.operationalinsights/workspaces"] = "microsoft.operationalinsights/workspaces"


class Link(_Part):
    """A tab: it sets a parameter."""

    id: UUID
    cellValue: str
    linkTarget: Literal["parameter"] = "parameter"
    linkLabel: str
    subTarget: str
    style: Literal["link"] = "link"


class LinksContent(_Part):
    """The tabs of a workbook."""

    version: Literal["LinkItem/1.0"] = "LinkItem/1.0"
    style: Literal["tabs"] = "tabs"
    links: list[Link]


class Export(_Part):
    """What a click on a row sets: a column's value becomes a parameter's (1 is a text)."""

    fieldName: str
    parameterName: str
    parameterType: Literal[1] = 1
    defaultValue: str = ""


class Passed(_Part):
    """A parameter of the workbook that a link opens: the value of a column or of a parameter here, or a fixed one."""

    name: str
    source: Literal["column", "parameter", "static"]
    value: str = Field(min_length=1)


class WorkbookContext(_Part):
    """Which workbook a link opens, and with what.

    A template is named by its id in the gallery, a saved workbook by its resource id:
    https://learn.microsoft.com/azure/azure-monitor/visualize/workbooks-link-actions
    """

    componentIdSource: Literal["workbook"] = "workbook"
    resourceIdsSource: Literal["workbook"] = "workbook"
    templateIdSource: Literal["static"] = "static"
    templateId: str = Field(pattern=r"^sentinel-Mimecast[A-Za-z]+$")
    typeSource: Literal["workbook"] = "workbook"
    gallerySource: Literal["workbook"] = "workbook"
    locationSource: Literal["default"] = "default"
    passSpecificParams: Literal[True] = True
    templateParameters: list[Passed]


class FormatOptions(_Part):
    """How a cell is drawn, and what a click on it opens."""

    linkTarget: Literal["Url", "WorkbookTemplate"] | None = None
    workbookContext: WorkbookContext | None = None
    palette: Literal["blue", "auto"] | None = None


class Cell(_Part):
    """How a tile or a column is drawn: 1 text, 4 bar, 7 link, 12 big number."""

    columnMatch: str | None = None
    formatter: Literal[1, 4, 7, 12]
    formatOptions: FormatOptions | None = None


class TileSettings(_Part):
    """How tiles are drawn."""

    titleContent: Cell
    leftContent: Cell
    showBorder: bool = True
    size: Literal["auto"] = "auto"


class GridSettings(_Part):
    """How a table is drawn; without a limit the portal shows 250 rows."""

    rowLimit: int = Field(default=1000, ge=1, le=10_000)
    filter: bool = True
    formatters: list[Cell] = []


class QueryContent(_Part):
    """A query and how its answer is drawn. 3 and 4 for an empty answer: information, and success."""

    version: Literal["KqlItem/1.0"] = "KqlItem/1.0"
    query: str
    size: Literal[0, 1, 3, 4] = 0
    title: str = Field(pattern=r"\?$")
    noDataMessage: str = Field(min_length=20)
    noDataMessageStyle: Literal[3, 4] = 3
    timeContext: TimeContext
    exportedParameters: list[Export] | None = None
    showExportToExcel: bool = True
    queryType: Literal[0] = 0
    resourceType: Literal["microsoft.operationalinsights/workspaces"] = "microsoft.operationalinsights/workspaces"
    crossComponentResources: list[str] | None = None
    visualization: Literal["table", "tiles", "barchart", "columnchart", "linechart", "piechart"]
    tileSettings: TileSettings | None = None
    gridSettings: GridSettings | None = None


class Text(_Part):
    """An item of text."""

    type: Literal[1] = 1
    content: TextContent
    conditionalVisibility: Visibility | None = None
    name: str


class Parameters(_Part):
    """An item of parameters."""

    type: Literal[9] = 9
    content: ParametersContent
    conditionalVisibility: Visibility | None = None
    name: str


class Tabs(_Part):
    """An item of tabs."""

    type: Literal[11] = 11
    content: LinksContent
    name: str


class Tile(_Part):
    """An item with a query."""

    type: Literal[3] = 3
    content: QueryContent
    conditionalVisibility: Visibility | None = None
    customWidth: Literal["25", "50"] | None = None
    name: str


class GroupContent(_Part):
    """What is in a group."""

    version: Literal["NotebookGroup/1.0"] = "NotebookGroup/1.0"
    groupType: Literal["editable"] = "editable"
    items: list[Annotated[Text | Parameters | Tile, Field(discriminator="type")]] = Field(max_length=100)


class Group(_Part):
    """A page: shown when its tab is chosen."""

    type: Literal[12] = 12
    content: GroupContent
    conditionalVisibility: Visibility
    name: str


class Workbook(_Part):
    """A workbook as it is deployed (`serializedData`)."""

    version: Literal["Notebook/1.0"] = "Notebook/1.0"
    items: list[Annotated[Text | Parameters | Tabs | Group, Field(discriminator="type")]]
    fallbackResourceIds: list[str] = []
    fromTemplateId: str = Field(pattern=r"^sentinel-Mimecast[A-Za-z]+$")
    schema_: Literal["https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json"] = (
        Field(
            default="https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json",
            alias="$schema",
        )
    )

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data, under the portal's names."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def tiles(self) -> list[Tile]:
        """Return every tile, in order."""
        groups = [item for item in self.items if isinstance(item, Group)]
        return [tile for group in groups for tile in group.content.items if isinstance(tile, Tile)]
