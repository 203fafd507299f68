"""The first page: whether all is well, and what is not."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mti.console.rendering import render_page
from mti.operations.status import take_status, totals_of


async def overview(request: Request) -> Response:
    """Show the sums of everything."""
    async with request.app.state.workplace.open() as deployment:
        registry, view = await deployment.registry(), await deployment.view()
        status = await take_status(registry, await deployment.stores(), view, deployment.clock, deployment.topology)
    totals = totals_of(status.sources, status.destinations)
    return render_page(request, "overview.html", "overview", {"status": status, "totals": totals})


ROUTES = (Route("/", overview, name="overview"),)
