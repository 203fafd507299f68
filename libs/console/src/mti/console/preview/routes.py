"""The dashboards of the console: `/dashboards/`, and one address a workbook, its parameters in the query."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from mti.console.preview.asked import Asked
from mti.console.preview.asking import Unsupported
from mti.console.preview.catalogue import Board, boards
from mti.console.preview.pages import BADGES, dashboard, data_choices
from mti.console.preview.state import Preview, open_preview
from mti.console.preview.workers import Unanswered
from mti.console.rendering import render_page

SECTION: Final = "dashboards"
_STATIC: Final = Path(__file__).parent / "static"


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Keep a preview for as long as the application runs, on the folder of its workplace."""
    async with open_preview(app.state.workplace.data) as preview:
        app.state.preview = preview
        app.state.boards = boards()
        yield


async def _index(request: Request) -> Response:
    preview: Preview = request.app.state.preview
    asked = Asked.of(request.url.path, request.query_params.multi_items())
    kind = asked.kind(preview.worlds.kinds)
    context = {
        "boards": [(board, asked.address(f"/dashboards/{board.key}")) for board in request.app.state.boards.values()],
        "data": data_choices(asked, preview.worlds.kinds, kind),
        "kind": kind,
    }
    return render_page(request, "dashboards.html", SECTION, context)


async def _dashboard(request: Request) -> Response:
    preview: Preview = request.app.state.preview
    found: dict[str, Board] = request.app.state.boards
    board = found.get(request.path_params["key"])
    asked = Asked.of(request.url.path, request.query_params.multi_items())
    if board is None:
        return _problem(request, "There is no such dashboard", "Choose one of the list.", 404)
    if board.workbook is None or not board.pages:
        return _problem(request, f"{board.title} can't be drawn", board.fault or "It has no page.", 501)
    try:
        world = await preview.worlds.get(asked.kind(preview.worlds.kinds))
        page = await dashboard(board, asked, world, preview)
    except Unsupported as error:
        return _problem(request, f"{board.title} can't be drawn", f"{board.key}: {error}", 501)
    except Unanswered as error:
        return _problem(request, "The data can't be read", str(error), 503)
    return render_page(
        request, "dashboard.html", SECTION, {"page": page, "origins": BADGES, "back": asked.address("/dashboards/")}
    )


def _problem(request: Request, title: str, text: str, status: int) -> Response:
    return render_page(request, "dashboard-problem.html", SECTION, {"title": title, "text": text}, status=status)


ROUTES: Final[list[BaseRoute]] = [
    Route("/", _index),
    Mount("/static", StaticFiles(directory=_STATIC)),
    Route("/{key}", _dashboard),
]
