"""The console as an application: its pages, what stands in front of them, and what a failure looks like."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from mti.console.access import Access
from mti.console.failures import HANDLERS
from mti.console.guard import Guard
from mti.console.navigation import DASHBOARDS, SECTIONS
from mti.console.outcomes import Outcomes
from mti.console.pages import books, dead_letters, entry, overview, pauses, sources, tenants, withdrawals, workspaces
from mti.console.rendering import environment
from mti.console.snapshots import Snapshots
from mti.console.workplace import Workplace

_STATIC: Final = Path(__file__).parent / "static"
_PAGES: Final = (entry, overview, tenants, sources, workspaces, pauses, dead_letters, withdrawals, books)
PREVIEW: Final = "mti.console.preview.routes"
"""The dashboards: a module with `ROUTES`, which are mounted below `/dashboards`, and the `lifespan` that they need."""


def create_app(workplace: Workplace, access: Access) -> ASGIApp:
    """Return the console.

    Args:
        workplace: what it shows and works on.
        access: who may enter.
    """
    dashboards = _dashboards()
    routes: list[BaseRoute] = [route for page in _PAGES for route in page.ROUTES]
    if dashboards:
        routes.append(Mount("/dashboards", routes=dashboards))
    routes.append(Mount("/static", StaticFiles(directory=_STATIC)))
    lifespan = import_module(PREVIEW).lifespan if dashboards else None
    app = Starlette(routes=routes, exception_handlers=dict(HANDLERS), lifespan=lifespan)
    app.state.workplace = workplace
    app.state.access = access
    app.state.snapshots = Snapshots(workplace)
    app.state.outcomes = Outcomes()
    app.state.templates = environment()
    app.state.sections = (*SECTIONS, DASHBOARDS) if dashboards else SECTIONS
    app.state.reconciled = None
    return Guard(app, access)


def _dashboards() -> Sequence[BaseRoute]:
    if find_spec("mti.console.preview") is None or find_spec(PREVIEW) is None:
        return ()
    routes: Sequence[BaseRoute] = import_module(PREVIEW).ROUTES
    return routes
