"""Tenants: all of them, one with everything that is its own, and a person's word that one pauses or goes on."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mti.common.registry import TenantStatus
from mti.console.forms import read_form
from mti.console.outcomes import Outcome
from mti.console.paging import Narrowing
from mti.console.rendering import done, render_page
from mti.console.snapshots import Snapshot
from mti.console.tenancy import Tenancy, tenancies
from mti.operations.tenants import known_among, set_state, whoever

SHOWS = ("all", "unwell", "paused", "stopped")
_STATES = {"pause": TenantStatus.PAUSED, "resume": TenantStatus.ACTIVE}


def _is_shown(each: Tenancy, show: str) -> bool:
    return {
        "all": True,
        "unwell": each.severity > 0,
        "paused": each.paused > 0,
        "stopped": not each.is_active,
    }[show]


async def tenants(request: Request) -> Response:
    """Show all, the unwell first."""
    snapshot: Snapshot = await request.app.state.snapshots.fresh()
    asked = Narrowing.of(request.query_params, SHOWS)
    every = tenancies(snapshot).values()
    found = [
        each
        for each in every
        if _is_shown(each, asked.show)
        and asked.takes(each.tenant, *(workspace.destination for workspace in each.workspaces))
    ]
    part = asked.part("/tenants", found, len(every), lambda each: each.severity)
    return render_page(
        request, "tenants.html", "tenants", {"snapshot": snapshot, "part": part, "asked": asked, "shows": SHOWS}
    )


async def tenant(request: Request) -> Response:
    """Show one."""
    snapshot: Snapshot = await request.app.state.snapshots.fresh()
    name = request.path_params["tenant"]
    found = tenancies(snapshot).get(name)
    if found is None:
        raise HTTPException(404, f"There is no tenant {name[:63]}.")
    held = [each for each in snapshot.held if name in each.tenants]
    return render_page(request, "tenant.html", "tenants", {"snapshot": snapshot, "each": found, "held": held})


async def state(request: Request) -> Response:
    """Pause a tenant, or let it go on."""
    form, name = await read_form(request), request.path_params["tenant"]
    status = _STATES.get(form.get("do", ""))
    if status is None:
        raise HTTPException(400, "Say whether the tenant is to pause or to go on.")
    async with request.app.state.workplace.open() as deployment:
        states = await deployment.tenant_states()
        known_among([name], states.known, states.name)
        by, why = whoever(), form.get("why", "").strip()[:500]
        change = await set_state(states.container, name, status, by=by, why=why, clock=deployment.clock)
    been = "" if change.changed else " already"
    outcome = Outcome((f"{change.tenant} is {change.after.status.value}{been}.",))
    return done(request, f"/tenants/{name}", outcome)


ROUTES = (
    Route("/tenants", tenants),
    Route("/tenants/{tenant}", tenant),
    Route("/tenants/{tenant}/state", state, methods=["POST"]),
)
