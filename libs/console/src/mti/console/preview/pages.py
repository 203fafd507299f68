"""What the pages of the preview show, ready for their templates."""

import asyncio
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from mti.console.preview.asked import DATA, PAGE, WORKSPACE, Asked, Scope, crosses, scope_of
from mti.console.preview.asking import TEXT, TIME, spans_of, written
from mti.console.preview.catalogue import Board
from mti.console.preview.drawing.text import rendered
from mti.console.preview.state import Preview
from mti.console.preview.tiles import View, viewed
from mti.console.preview.workbook_format import Parameter, Parameters, Text
from mti.console.preview.worlds.loaded import Loaded
from mti.console.preview.worlds.model import Kind

LABELS: Final = {
    Kind.FOLDER: "What this folder holds",
    Kind.MIXED: "This folder's indicators, sample events",
    Kind.SAMPLE: "A sample of three customers",
}
BADGES: Final = {"sample": "Sample data", "partly": "Partly sample data", "own": "From this folder"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several: its value, its label, whether it is chosen, and where choosing it leads."""

    value: str
    label: str
    chosen: bool
    address: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form of parameters."""

    name: str
    label: str
    kind: str
    """`text`, `choice` or `choices`."""
    value: str = ""
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Chip:
    """A value that a click set."""

    label: str
    value: str
    without: str
    """The address without it."""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A page of a workbook."""

    board: Board
    world: Loaded
    about: list[Markup]
    tabs: list[Choice]
    data: list[Choice]
    fields: list[Field]
    hidden: list[tuple[str, str]]
    chips: list[Chip]
    texts: list[Markup]
    """What stands above the tiles of this page."""
    tiles: list[View]


def data_choices(asked: Asked, kinds: list[Kind], chosen: Kind) -> list[Choice]:
    """Return which data may be looked at."""
    return [
        Choice(kind, LABELS[kind], kind is chosen, asked.address(**{DATA: kind, WORKSPACE: None})) for kind in kinds
    ]


async def dashboard(board: Board, asked: Asked, world: Loaded, preview: Preview) -> Dashboard:
    """Return a page of a workbook, its tiles answered.

    Args:
        board: a workbook that is known.
        asked: what of it.
        world: the data.
        preview: answers and draws.

    Raises:
        Unsupported: a parameter is of an unknown kind.
    """
    scope = scope_of(board, asked, world)
    views = [viewed(tile, number, scope, asked, world, preview) for number, tile in enumerate(scope.tiles, start=1)]
    fields = _fields(board, scope, world)
    named = {each.name for each in fields}
    return Dashboard(
        board=board,
        world=world,
        about=[rendered(each.content.json_, raised=True) for each in board.about],
        tabs=[
            Choice(value, label, value == scope.values.texts.get(PAGE), asked.address(**{PAGE: value}))
            for label, value in board.tabs
        ],
        data=data_choices(asked, preview.worlds.kinds, world.kind),
        fields=fields,
        hidden=[(name, value) for name, value in asked.fields if name not in named],
        chips=_chips(board, scope, asked),
        texts=[
            rendered(each.content.json_)
            for each in scope.page.content.items
            if isinstance(each, Text) and scope.values.shows(each.conditionalVisibility)
        ],
        tiles=list(await asyncio.gather(*views)),
    )


def _fields(board: Board, scope: Scope, world: Loaded) -> list[Field]:
    """Return the fields: our choice of workspaces, then the workbook's parameters that this page asks for."""
    chosen = {each.id for each in scope.workspaces}
    workspaces = tuple(Choice(each.id, each.label, each.id in chosen) for each in world.workspaces)
    several = crosses(board)
    found = [
        Field(WORKSPACE, "Workspaces" if several else "Workspace", "choices" if several else "choice", "", workspaces)
    ]
    asks = [
        each for item in scope.page.content.items if isinstance(item, Parameters) for each in item.content.parameters
    ]
    settable = [each for each in board.parameters if isinstance(each, Parameter)]
    shared = [each for each in settable if each.type == TIME or each.value]
    asked = [each for each in asks if isinstance(each, Parameter) and each not in shared]
    return found + [_field(each, scope) for each in (*shared, *asked)]


def _field(parameter: Parameter, scope: Scope) -> Field:
    if parameter.type == TEXT:
        return Field(parameter.name, parameter.label, "text", scope.values.texts.get(parameter.name, ""))
    chosen = scope.values.times[parameter.name]
    choices = tuple(
        Choice(written(span), f"Last {_spoken(written(span))}", span == chosen) for span in spans_of(parameter)
    )
    return Field(parameter.name, parameter.label, "choice", written(chosen), choices)


def _chips(board: Board, scope: Scope, asked: Asked) -> list[Chip]:
    """Return what clicks have set: parameters without a default of their own."""
    return [
        Chip(each.label, scope.values.texts[each.name], asked.address(**{each.name: None}))
        for each in board.parameters
        if isinstance(each, Parameter) and each.type == TEXT and not each.value and scope.values.texts.get(each.name)
    ]


def _spoken(span: str) -> str:
    number, unit = int(span[:-1]), {"d": "day", "h": "hour", "m": "minute", "s": "second"}[span[-1]]
    return f"{number} {unit}s" if number != 1 else {"day": "24 hours", "hour": "hour"}.get(unit, unit)
