"""What is left alone and why, and its end by a person's word."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mti.console.forms import read_form
from mti.console.outcomes import Outcome
from mti.console.paging import Narrowing
from mti.console.rendering import done, render_page
from mti.console.snapshots import Snapshot
from mti.operations.pauses import Selection, lift, paused_by_people

SHOWS = ("all", "sources", "workspaces")
_KINDS = {"sources": "source", "workspaces": "destination"}


async def pauses(request: Request) -> Response:
    """Show what is left alone."""
    snapshot: Snapshot = await request.app.state.snapshots.fresh()
    asked = Narrowing.of(request.query_params, SHOWS)
    found = [
        each
        for each in snapshot.held
        if each.kind == _KINDS.get(asked.show, each.kind)
        and asked.takes(each.id, each.reason, each.description, *each.tenants)
    ]
    part = asked.part("/pauses", found, len(snapshot.held), lambda _: 0)
    notes = paused_by_people(snapshot.registry)
    context = {"snapshot": snapshot, "part": part, "asked": asked, "shows": SHOWS, "notes": notes}
    return render_page(request, "pauses.html", "pauses", context)


async def lift_(request: Request) -> Response:
    """End the pause of a source, of a workspace, or of all that is a tenant's."""
    form = await read_form(request)
    source, destination, tenant = (form.get(kind) or None for kind in ("source", "destination", "tenant"))
    if sum(name is not None for name in (source, destination, tenant)) != 1:
        raise HTTPException(400, "Say whose pause is to end: of one source, one workspace or one tenant.")
    async with request.app.state.workplace.open() as deployment:
        stores, registry = await deployment.stores(), await deployment.registry()
        meant = Selection(source=source, destination=destination, tenant=tenant)
        lifted = await lift(stores, registry, meant, deployment.clock.now())
        released = await deployment.release(lifted)
    lines = [f"The pause of {each.kind} {each.id} ended; it was {each.reason}." for each in lifted]
    outcome = Outcome((*(lines or ["Nothing of these is paused any more."]), *released.notes))
    return done(request, "/pauses", outcome)


ROUTES = (Route("/pauses", pauses), Route("/pauses/lift", lift_, methods=["POST"]))
