"""`mti revoke`: withdraws indicators from the workspaces, and lets an observable come back."""

import asyncio
from typing import Annotated

import typer

from mti.cli.console import ask, say, write_json
from mti.cli.options import AsJson, Data, TenantsFile, Yes
from mti.common.errors import ConfigurationError
from mti.deployment import open_deployment
from mti.operations.revoking import (
    Lifting,
    RevokeObservable,
    RevokeResult,
    RevokeSources,
    Scope,
    observable_of,
)
from mti.operations.wording import about_to_revoke, lifted, revoked


def command(
    data: Data = None,
    tenants: TenantsFile = None,
    observable: Annotated[
        str | None, typer.Option(help="One hash, URL, address or domain, in every workspace.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="All that a tenant's sources brought to its workspaces.")] = None,
    source: Annotated[str | None, typer.Option(help="All that one source brought.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why; it is kept with the withdrawal.")] = None,
    lifting: Annotated[
        bool,
        typer.Option("--lift", help="Let it come back, when it is seen again, in what was withdrawn under a new id."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Send `revoked: true` to every workspace that holds it, and send it no more, until the withdrawal is lifted."""
    _check(observable, tenant, source, lifting=lifting, dry_run=dry_run)
    meant = None if observable is None else observable_of(observable)

    async def lift_it() -> None:
        async with open_deployment(data, tenants) as deployment:
            work = Lifting(await deployment.registry(), await deployment.stores(), deployment.clock)
            done = await work.sources(Scope(tenant, source)) if meant is None else await work.observable(meant)
        if as_json:
            write_json(done.document())
        else:
            say(lifted(done))

    async def revoke_it() -> None:
        async with open_deployment(data, tenants) as deployment:
            registry, stores, clock = await deployment.registry(), await deployment.stores(), deployment.clock
            sender = await deployment.indicators()

            async def work(*, dry: bool) -> RevokeResult:
                if meant is not None:
                    revoking = RevokeObservable(registry, stores, sender, clock)
                    return await revoking.run(meant, reason, dry_run=dry)
                scope = Scope(tenant, source)
                return await RevokeSources(registry, stores, sender, clock).run(scope, reason, dry_run=dry)

            result = await work(dry=True)
            if not dry_run:
                if not yes and not ask(about_to_revoke(result, registry)):
                    return
                result = await work(dry=False)
        if as_json:
            write_json(result.document())
        else:
            for line in revoked(result):
                say(line)

    asyncio.run(lift_it() if lifting else revoke_it())


def _check(observable: str | None, tenant: str | None, source: str | None, *, lifting: bool, dry_run: bool) -> None:
    if sum(given is not None for given in (observable, tenant, source)) != 1:
        raise ConfigurationError("say what is meant: exactly one of --observable, --tenant and --source")
    if lifting and dry_run:
        raise ConfigurationError("--lift takes no --dry-run: it sends nothing, and `mti revoke` undoes it")
