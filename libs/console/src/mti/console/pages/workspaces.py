"""All workspaces: what each took and refused, what waits for it, and whether it can be delivered to."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mti.console.paging import Narrowing
from mti.console.rendering import render_page
from mti.console.snapshots import Snapshot
from mti.operations.status import DestinationStatus, totals_of

SHOWS = ("all", "unwell", "paused", "waiting")


def _is_shown(each: DestinationStatus, show: str) -> bool:
    return {
        "all": True,
        "unwell": each.severity > 0,
        "paused": each.pause is not None,
        "waiting": bool(each.waiting_messages),
    }[show]


async def workspaces(request: Request) -> Response:
    """Show them, the unwell first."""
    snapshot: Snapshot = await request.app.state.snapshots.fresh()
    asked = Narrowing.of(request.query_params, SHOWS)
    found = [
        each
        for each in snapshot.status.destinations
        if _is_shown(each, asked.show) and asked.takes(each.destination, *each.tenants)
    ]
    part = asked.part("/workspaces", found, len(snapshot.status.destinations), lambda each: each.severity)
    context = {"snapshot": snapshot, "part": part, "asked": asked, "shows": SHOWS, "totals": totals_of([], found)}
    return render_page(request, "workspaces.html", "workspaces", context)


ROUTES = (Route("/workspaces", workspaces),)
