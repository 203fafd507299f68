"""Withdrawals: what is withdrawn, to withdraw something (shown before it is done), and to let it come back."""

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mti.console.forms import read_form
from mti.console.outcomes import Outcome
from mti.console.paging import Narrowing
from mti.console.rendering import done, render_page
from mti.deployment import Deployment
from mti.normalizer.indicators import Observable
from mti.operations.revoking import (
    Lifting,
    RevokeObservable,
    RevokeResult,
    RevokeSources,
    Scope,
    list_withdrawn,
    observable_of,
)
from mti.operations.wording import about_to_revoke, lifted, revoked

SHOWS = ("all", "everywhere", "one source")
_KINDS = ("observable", "source", "tenant")


@dataclass(frozen=True, slots=True)
class Meant:
    """What is to be withdrawn, or to come back."""

    kind: str
    value: str

    @classmethod
    def of(cls, form: dict[str, str]) -> "Meant":
        """Read a form.

        Raises:
            HTTPException: nothing is meant.
        """
        kind, value = form.get("kind", ""), form.get("value", "").strip()
        if kind not in _KINDS or not value:
            raise HTTPException(400, "Say what is meant: one observable, one source or one tenant.")
        return cls(kind, value)

    @property
    def observable(self) -> Observable | None:
        """The observable, where one is meant.

        Raises:
            ConfigurationError: it is none.
        """
        return observable_of(self.value) if self.kind == "observable" else None

    @property
    def scope(self) -> Scope:
        """The source or the tenant."""
        return Scope(tenant=self.value) if self.kind == "tenant" else Scope(source=self.value)


async def withdrawals(request: Request) -> Response:
    """Show what is withdrawn."""
    asked = Narrowing.of(request.query_params, SHOWS)
    async with request.app.state.workplace.open() as deployment:
        listed = await list_withdrawn(await deployment.stores())
    found = [
        each
        for each in listed.withdrawn
        if (asked.show == "all" or (each.source is None) is (asked.show == "everywhere"))
        and asked.takes(each.observable, each.source or "", each.reason or "")
    ]
    part = asked.part("/withdrawals", found, len(listed.withdrawn), lambda _: 0)
    context = {"part": part, "asked": asked, "shows": SHOWS, "whole": listed.whole}
    return render_page(request, "withdrawals.html", "withdrawals", context)


async def revoke(request: Request) -> Response:
    """Say what a withdrawal would do, and do it when that was confirmed."""
    form = await read_form(request)
    meant, reason = Meant.of(form), form.get("reason", "").strip()[:500] or None
    confirmed = form.get("confirmed") == "yes"
    async with request.app.state.workplace.open() as deployment:
        registry = await deployment.registry()
        result = await _revoke(deployment, meant, reason, dry_run=not confirmed)
    if confirmed:
        return done(request, "/withdrawals", Outcome(tuple(revoked(result))))
    context = {
        "meant": meant,
        "reason": reason,
        "question": about_to_revoke(result, registry),
        "lines": list(revoked(result)),
    }
    return render_page(request, "withdraw.html", "withdrawals", context)


async def lift(request: Request) -> Response:
    """Let something come back that was withdrawn."""
    meant = Meant.of(await read_form(request))
    observable = meant.observable
    async with request.app.state.workplace.open() as deployment:
        work = Lifting(await deployment.registry(), await deployment.stores(), deployment.clock)
        result = await work.sources(meant.scope) if observable is None else await work.observable(observable)
    return done(request, "/withdrawals", Outcome(tuple(lifted(result).splitlines())))


async def _revoke(deployment: Deployment, meant: Meant, reason: str | None, *, dry_run: bool) -> RevokeResult:
    registry, stores, clock = await deployment.registry(), await deployment.stores(), deployment.clock
    observable = meant.observable
    sender = await deployment.indicators()
    if observable is not None:
        return await RevokeObservable(registry, stores, sender, clock).run(observable, reason, dry_run=dry_run)
    return await RevokeSources(registry, stores, sender, clock).run(meant.scope, reason, dry_run=dry_run)


ROUTES = (
    Route("/withdrawals", withdrawals),
    Route("/withdrawals/revoke", revoke, methods=["POST"]),
    Route("/withdrawals/lift", lift, methods=["POST"]),
)
