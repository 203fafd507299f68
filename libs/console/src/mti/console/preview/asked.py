"""What a page was asked for, and the addresses of its neighbours. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from mti.console.preview.asking import VALUE_LIMIT, Chosen, chosen
from mti.console.preview.catalogue import Board
from mti.console.preview.workbook_format import Group, Tile
from mti.console.preview.worlds.loaded import Loaded
from mti.console.preview.worlds.model import NOWHERE, Kind, Workspace

DATA, WORKSPACE, PAGE, ROWS = "data", "workspace", "Page", "rows"
"""Our own fields beside the workbook's parameters; which page is shown is the workbook's, set by its tabs."""
WORKSPACES_LIMIT: Final = 100
"""Workspaces that one query may read in Azure: https://learn.microsoft.com/azure/azure-monitor/logs/cross-workspace-query"""
FIELDS_LIMIT: Final = 300


@dataclass(frozen=True, slots=True)
class Asked:
    """The fields of the address, each value within bounds; what nobody set is missing."""

    path: str
    fields: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, path: str, fields: Sequence[tuple[str, str]]) -> "Asked":
        """Read them."""
        return cls(path, tuple((name[:64], value[:VALUE_LIMIT]) for name, value in fields[:FIELDS_LIMIT]))

    def one(self, name: str) -> str | None:
        """Return a field's value; the last one, where there are several."""
        return next((value for each, value in reversed(self.fields) if each == name), None)

    def many(self, name: str) -> list[str]:
        """Return all values of a field."""
        return [value for each, value in self.fields if each == name]

    def address(self, path: str | None = None, **changed: str | None) -> str:
        """Return the address with some fields set, and those left out that are `None`."""
        kept = [(name, value) for name, value in self.fields if name not in changed]
        kept += [(name, value) for name, value in changed.items() if value is not None]
        return f"{path or self.path}?{urlencode(kept)}" if kept else path or self.path

    def kind(self, kinds: Sequence[Kind]) -> Kind:
        """Return which data are looked at: those that were asked for, else the first."""
        return next((kind for kind in kinds if kind == self.one(DATA)), kinds[0])


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a workbook is looked at."""

    board: Board
    page: Group
    values: Chosen
    workspaces: tuple[Workspace, ...]

    @property
    def tiles(self) -> list[Tile]:
        """The tiles of the page that are shown."""
        return [
            each
            for each in self.page.content.items
            if isinstance(each, Tile) and self.values.shows(each.conditionalVisibility)
        ]


def scope_of(board: Board, asked: Asked, world: Loaded) -> Scope:
    """Return what is looked at.

    Args:
        board: a workbook that is known, with a page at least.
        asked: by whom.
        world: the data.

    Raises:
        Unsupported: a parameter is of an unknown kind.
    """
    workspaces = _workspaces(board, asked, world)
    values: Mapping[str, str] = dict(asked.fields)
    if values.get("Source") is None:
        values = {**values, "Source": workspaces[0].source_system}
    names = {each.id: each.label for each in workspaces if each != NOWHERE}
    found = chosen(board.parameters, values, names)
    shown = next((tab for _, tab in board.tabs if tab == asked.one(PAGE)), board.tabs[0][1] if board.tabs else "")
    texts = {**found.texts, PAGE: shown}
    found = replace(found, texts=texts)
    page = next((each for each in board.pages if found.shows(each.conditionalVisibility)), board.pages[0])
    return Scope(board, page, found, workspaces)


def crosses(board: Board) -> bool:
    """Say whether a workbook reads several workspaces at once."""
    return any(
        tile.content.crossComponentResources
        for page in board.pages
        for tile in page.content.items
        if isinstance(tile, Tile)
    )


def _workspaces(board: Board, asked: Asked, world: Loaded) -> tuple[Workspace, ...]:
    named = set(asked.many(WORKSPACE))
    found = [each for each in world.workspaces if each.id in named] or list(world.workspaces)
    return tuple(found[:WORKSPACES_LIMIT] if crosses(board) else found[:1])
