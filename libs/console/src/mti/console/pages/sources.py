"""All sources: what came in, what became of it, and how far behind each is."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mti.console.paging import Narrowing
from mti.console.rendering import render_page
from mti.console.snapshots import Snapshot
from mti.operations.status import SourceStatus, totals_of

SHOWS = ("all", "unwell", "paused", "late")


def _is_shown(each: SourceStatus, show: str) -> bool:
    return {
        "all": True,
        "unwell": each.severity > 0,
        "paused": each.books.pause is not None,
        "late": each.is_late,
    }[show]


async def sources(request: Request) -> Response:
    """Show them, the unwell first."""
    snapshot: Snapshot = await request.app.state.snapshots.fresh()
    asked = Narrowing.of(request.query_params, SHOWS)
    found = [
        each
        for each in snapshot.status.sources
        if _is_shown(each, asked.show) and asked.takes(each.books.source, each.books.region, each.books.feed)
    ]
    part = asked.part("/sources", found, len(snapshot.status.sources), lambda each: each.severity)
    context = {"snapshot": snapshot, "part": part, "asked": asked, "shows": SHOWS, "totals": totals_of(found, [])}
    return render_page(request, "sources.html", "sources", context)


ROUTES = (Route("/sources", sources),)
