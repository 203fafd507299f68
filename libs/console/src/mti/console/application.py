"""The console as an application: its pages, what stands in front of them, and what a failure looks like."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from mti.console.access import Access
from mti.console.entry import ROUTES as ENTRY
from mti.console.guard import Guard
from mti.console.navigation import DASHBOARDS, SECTIONS
from mti.console.overview import ROUTES as OVERVIEW
from mti.console.rendering import environment
from mti.console.workplace import Workplace

_STATIC: Final = Path(__file__).parent / "static"
PREVIEW: Final = "mti.console.preview.routes"
"""The dashboards: a module with `ROUTES`, which are mounted below `/dashboards`, and the `lifespan` that they need."""


def create_app(workplace: Workplace, access: Access) -> Starlette:
    """Return the console.

    Args:
        workplace: what it shows and works on.
        access: who may enter.
    """
    dashboards = _dashboards()
    routes: list[BaseRoute] = [
        *ENTRY,
        *OVERVIEW,
        *([Mount("/dashboards", routes=dashboards)] if dashboards else []),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]
    lifespan = import_module(PREVIEW).lifespan if dashboards else None
    app = Starlette(routes=routes, middleware=[Middleware(Guard, access=access)], lifespan=lifespan)
    app.state.workplace = workplace
    app.state.access = access
    app.state.templates = environment()
    app.state.sections = (*SECTIONS, DASHBOARDS) if dashboards else SECTIONS
    return app


def _dashboards() -> Sequence[BaseRoute]:
    if find_spec("mti.console.preview") is None or find_spec(PREVIEW) is None:
        return ()
    routes: Sequence[BaseRoute] = import_module(PREVIEW).ROUTES
    return routes
