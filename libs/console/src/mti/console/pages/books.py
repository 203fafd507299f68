"""The books: the exact reconciliation, made when a person asks for it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mti.console.columns import Column, shown_of
from mti.console.forms import read_form
from mti.console.outcomes import Outcome
from mti.console.paging import Narrowing
from mti.console.rendering import done, render_page
from mti.operations.books import DestinationBooks, Reconciliation, SourceBooks
from mti.operations.reconcile import reconcile

SHOWS = ("all", "unwell")
WORKSPACES: Final[tuple[Column[DestinationBooks], ...]] = (
    Column("Expected", lambda books: books.expected),
    Column("Accepted", lambda books: books.accepted),
    Column("Refused", lambda books: sum(books.refused.values()), "warn"),
    Column("Waiting", lambda books: books.waiting, optional=True),
    Column("Dead", lambda books: books.dead, "warn", optional=True),
    Column("Withdrawn", lambda books: books.withdrawn, optional=True),
    Column("Revoking", lambda books: books.revoking, optional=True),
    Column("Expired", lambda books: books.expired, optional=True),
    Column("Left behind", lambda books: books.left_behind, optional=True),
    Column("Lost", lambda books: books.lost, "bad"),
    Column("Doubled", lambda books: books.doubled, "bad"),
    Column("Unexpected", lambda books: books.unexpected, "bad", optional=True),
    Column("Unrevoked", lambda books: books.unrevoked, "bad", optional=True),
)
SOURCES: Final[tuple[Column[SourceBooks], ...]] = (
    Column("In", lambda books: books.detections),
    Column("New", lambda books: books.new),
    Column("Refreshed", lambda books: books.refreshed),
    Column("Suppressed", lambda books: books.suppressed),
    Column("Rejected", lambda books: sum(books.rejected.values())),
    Column("Waiting", lambda books: books.waiting, optional=True),
    Column("Dead", lambda books: books.dead, "warn", optional=True),
    Column("Lost", lambda books: books.lost, "bad"),
)


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
        "columns": shown_of(WORKSPACES, destinations),
        "source_columns": shown_of(SOURCES, sources),
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
