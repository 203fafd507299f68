"""The workbooks that are deployed, as they are packaged with this member: `make templates` writes them here too."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from pydantic import ValidationError

from mti.console.preview.workbook_format import AskedParameter, Group, Parameter, Parameters, Tabs, Text, Tile, Workbook

METADATA: Final = "WorkbooksMetadata.json"


@dataclass(frozen=True, slots=True)
class Board:
    """One workbook."""

    key: str
    title: str
    subtitle: str
    description: str
    workbook: Workbook | None
    fault: str | None = None
    """What in it is not known here, and where; then there is no workbook to be shown."""

    @property
    def pages(self) -> list[Group]:
        """Its pages, in the order of the tabs."""
        if self.workbook is None:
            return []
        return [item for item in self.workbook.items if isinstance(item, Group)]

    @property
    def about(self) -> list[Text]:
        """What stands above the pages."""
        return [] if self.workbook is None else [item for item in self.workbook.items if isinstance(item, Text)]

    @property
    def tabs(self) -> list[tuple[str, str]]:
        """The label of each page, with the value of the parameter that shows it."""
        tabs = [] if self.workbook is None else [item for item in self.workbook.items if isinstance(item, Tabs)]
        return [(link.linkLabel, link.subTarget) for item in tabs for link in item.content.links]

    @property
    def parameters(self) -> list[Parameter | AskedParameter]:
        """All its parameters, those that one page asks for included."""
        if self.workbook is None:
            return []
        items = [*self.workbook.items, *(item for page in self.pages for item in page.content.items)]
        return [each for item in items if isinstance(item, Parameters) for each in item.content.parameters]

    def page_for(self, parameter: str) -> Group | None:
        """Return the page that has most tiles which wait for a parameter: where a click on its value leads."""
        found = max(self.pages, key=lambda page: len(_waiting(page, parameter)), default=None)
        return found if found is not None and _waiting(found, parameter) else None


def _waiting(page: Group, parameter: str) -> list[Tile]:
    return [
        tile
        for tile in page.content.items
        if isinstance(tile, Tile)
        and tile.conditionalVisibility is not None
        and tile.conditionalVisibility.parameterName == parameter
    ]


def read_boards(documents: Mapping[str, str], metadata: Iterable[Mapping[str, Any]]) -> dict[str, Board]:
    """Return the workbooks by key, in the order of their metadata.

    Args:
        documents: the text of each workbook, by the name of its file.
        metadata: what `WorkbooksMetadata.json` says of them.
    """
    boards = {}
    for entry in metadata:
        file = str(entry["templateRelativePath"])
        key = file.removesuffix(".json")
        workbook, fault = _read(file, documents.get(file))
        boards[key] = Board(key, entry["title"], entry["subtitle"], entry["description"], workbook, fault)
    return boards


def _read(file: str, text: str | None) -> tuple[Workbook | None, str | None]:
    if text is None:
        return None, f"{file} is not packaged; run `make templates`"
    try:
        return Workbook.model_validate_json(text), None
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        places = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found[:3]]
        return None, f"{file} holds what this preview does not know. {'; '.join(places)}"


@cache
def boards() -> dict[str, Board]:
    """Return the workbooks that are packaged."""
    folder = files(__package__) / "workbooks"
    documents = {
        each.name: each.read_text(encoding="utf-8") for each in folder.iterdir() if each.name.endswith(".json")
    }
    return read_boards(documents, json.loads(documents.get(METADATA, "[]")))
