"""A console whose dashboards are asked over HTTP, and its pages as a reader finds them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import httpx
from starlette.applications import Starlette

from mti.console.access import access_to
from mti.console.application import create_app
from mti.console.guard import Guard
from mti.console.workplace import Workplace

VOID = {"meta", "link", "input", "img", "br", "hr"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    children: list["Element | str"] = field(default_factory=list)

    @property
    def classes(self) -> set[str]:
        return set(self.attributes.get("class", "").split())

    @property
    def text(self) -> str:
        return "".join(each if isinstance(each, str) else each.text for each in self.children).strip()

    def all(self, tag: str = "", **attributes: str) -> Iterator["Element"]:
        """Yield what is below it, by its tag, a class (`of`) and attributes."""
        wanted = attributes.pop("of", None)
        for child in self.children:
            if isinstance(child, str):
                continue
            fits = child.tag == (tag or child.tag) and (wanted is None or wanted in child.classes)
            if fits and all(child.attributes.get(name) == value for name, value in attributes.items()):
                yield child
            yield from child.all(tag, **attributes, **({} if wanted is None else {"of": wanted}))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("document", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].tag == tag, f"{tag} closes {self._open[-1].tag}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def read(html: str) -> Element:
    """Return a page; every element of it that is opened is closed in its place."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.root


@dataclass
class Tile:
    element: Element

    @property
    def title(self) -> str:
        return next(self.element.all("h2")).text

    @property
    def kind(self) -> str:
        return next(each.removeprefix("tile-of-") for each in self.element.classes if each.startswith("tile-of-"))

    @property
    def badge(self) -> str:
        return next((each.text for each in self.element.all("p", of="origin")), "")

    @property
    def message(self) -> str:
        return " ".join(each.text for name in ("tile-empty", "board-fault") for each in self.element.all("p", of=name))

    @property
    def rows(self) -> list[list[str]]:
        """The table: of the tile, or beside its chart."""
        bodies = list(self.element.all("tbody"))
        return [[cell.text for cell in row.all("td")] for row in bodies[0].all("tr")] if bodies else []

    @property
    def numbers(self) -> dict[str, int]:
        """The figures of a tile of numbers."""
        groups = [each for stats in self.element.all("dl", of="stats") for each in stats.all("div")]
        return {next(each.all("dt")).text: int(next(each.all("dd")).text.replace(",", "")) for each in groups}

    @property
    def marks(self) -> list[str]:
        """What pointing at the marks of its chart shows."""
        charts = list(self.element.all("div", of="chart-wide"))
        return [mark.text for chart in charts for each in chart.all("path") for mark in each.all("title")]


@dataclass
class Board:
    html: str
    root: Element

    @property
    def tiles(self) -> dict[str, Tile]:
        return {tile.title: tile for tile in map(Tile, self.root.all("section", of="tile"))}

    @property
    def tabs(self) -> dict[str, str]:
        """The addresses of its pages, by their labels."""
        links = [each for tabs in self.root.all("nav", of="tabs") for each in tabs.all("a")]
        return {each.text: each.attributes["href"] for each in links}


@dataclass
class Console:
    app: Starlette
    client: httpx.AsyncClient

    async def get(self, path: str, status: int = 200, **fields: str) -> Board:
        answer = await self.client.get(path, params=fields or None)
        assert answer.status_code == status, answer.text[-2000:]
        return Board(answer.text, read(answer.text))


@asynccontextmanager
async def console(data: Path | None) -> AsyncIterator[Console]:
    """Open a console on a folder, or on none."""
    guarded = create_app(Workplace(data), access_to("127.0.0.1", 8000))
    assert isinstance(guarded, Guard)
    app = guarded._app
    assert isinstance(app, Starlette)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(guarded), base_url="http://127.0.0.1:8000") as client,
    ):
        yield Console(app, client)
