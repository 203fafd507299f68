"""The books: the exact reconciliation, made when a person asks for it."""

from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mti.console.forms import read_form
from mti.console.outcomes import Outcome
from mti.console.paging import Narrowing
from mti.console.rendering import done, render_page
from mti.operations.books import Reconciliation
from mti.operations.reconcile import reconcile

SHOWS = ("all", "unwell")


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The latest reconciliation."""

    at: datetime
    books: Reconciliation


async def books(request: Request) -> Response:
    """Show the latest one, the workspaces and the sources that do not close first."""
    latest: Reconciled | None = request.app.state.reconciled
    if latest is None:
        return render_page(request, "books.html", "books", {"latest": None})
    asked = Narrowing.of(request.query_params, SHOWS)
    found = latest.books
    destinations = [
        each
        for each in found.destinations
        if (asked.show == "all" or each.severity) and asked.takes(each.destination, *each.tenants)
    ]
    sources = [
        each for each in found.sources if (asked.show == "all" or each.severity) and asked.takes(each.source, each.feed)
    ]
    context = {
        "latest": latest,
        "totals": found.totals(),
        "faults": found.faults(),
        "asked": asked,
        "shows": SHOWS,
        "part": asked.part("/books", destinations, len(found.destinations), lambda each: each.severity),
        "sources": asked.part("/books", sources, len(found.sources), lambda each: each.severity),
    }
    return render_page(request, "books.html", "books", context)


async def reconcile_(request: Request) -> Response:
    """Reconcile: read every id that the sources have made and compare it with what each workspace holds."""
    await read_form(request)
    async with request.app.state.workplace.open() as deployment:
        registry, view = await deployment.registry(), await deployment.view()
        found = await reconcile(registry, await deployment.stores(), view, deployment.topology)
        request.app.state.reconciled = Reconciled(deployment.clock.now(), found)
    closed = Outcome(("The books close.",)) if found.closed else Outcome(("The books do NOT close.",), "bad")
    return done(request, "/books", closed)


ROUTES = (Route("/books", books), Route("/books/reconcile", reconcile_, methods=["POST"]))
