"""`mti tenants`: what the tenants file or the store says, whether it is right, and what becomes of a tenant."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from mti.cli import tenants_tables as tables
from mti.cli.console import ask, output, say, write_file, write_json
from mti.cli.options import All, AsJson, Yes
from mti.cli.tenants_add import add
from mti.common.errors import ConfigurationError
from mti.common.registry import Registry, TenantStatus
from mti.common.registry.document import read_document
from mti.common.registry.records import read_records
from mti.common.settings import TenantsSettings
from mti.deployment import Deployment, open_deployment
from mti.deployment.tenants import require_secrets
from mti.operations.revoking import RevokeResult, RevokeSources, Scope
from mti.operations.tenants import apply_import, export_text, known_among, plan_import, set_state, whoever

app = typer.Typer(
    help="Check, list, import and export the tenants; add, pause, resume and remove one.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)

TenantsFile = Annotated[Path | None, typer.Option("--tenants", help="The tenants file.")]
Store = Annotated[
    str | None, typer.Option("--store", help="The store of the tenants, cosmos:… or sqlite:…; MTI_TENANTS_STORE else.")
]
Data = Annotated[Path | None, typer.Option("--data", help="The folder of an embedded stack, which has their states.")]
Loopback = Annotated[bool, typer.Option("--allow-loopback", help="Accept endpoints on this machine.")]
app.command()(add)

Names = Annotated[list[str], typer.Argument(metavar="TENANT...", help="The tenants' ids.")]
By = Annotated[str | None, typer.Option("--by", help="Who does it; by default who is logged in.")]
Why = Annotated[str, typer.Option("--why", help="Why, for those who come after.")]


@app.command()
def validate(
    tenants: TenantsFile = None,
    store: Store = None,
    allow_loopback: Loopback = False,
    secrets: Annotated[bool, typer.Option("--secrets", help="Read every secret as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check the file or the store; all that is wrong is said at once, with tenant, field and cure."""

    async def work() -> tuple[TenantsSettings, Registry]:
        async with open_deployment(None, tenants, store=store, allow_loopback=allow_loopback) as deployment:
            return deployment.tenants_settings(), await deployment.registry()

    settings, registry = asyncio.run(work())
    if secrets:
        asyncio.run(require_secrets(registry, tenants or Path()))
    counted = tables.counts(registry)
    if as_json:
        write_json({"valid": True, **counted})
    else:
        counts = ", ".join(f"{count} {what}" for what, count in counted.items())
        say(f"{settings.tenants_file or settings.tenants_store} is valid: {counts}")


@app.command("list")
def list_(
    tenants: TenantsFile = None,
    store: Store = None,
    data: Data = None,
    allow_loopback: Loopback = False,
    everything: All = False,
    as_json: AsJson = False,
) -> None:
    """Show each source with its accounts and the workspaces that it is routed to, and who is paused or removed."""
    loopback = allow_loopback or data is not None

    async def work() -> Registry:
        async with open_deployment(data, tenants, store=store, allow_loopback=loopback) as deployment:
            deployment.tenants_settings()
            return await deployment.registry()

    registry = asyncio.run(work())
    if as_json:
        write_json(
            {"sources": list[JsonValue](tables.sources(registry)), "states": list[JsonValue](tables.states(registry))}
        )
        return
    tables.print_registry(registry, output(), everything=everything)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The tenants file.")],
    store: Store = None,
    allow_loopback: Loopback = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and do nothing.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Remove the tenants that the file does not have.")] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Bring the tenants of a file into the store. All of it is checked before anything is written."""

    async def work() -> None:
        async with open_deployment(None, store=store) as deployment:
            settings = _store_settings(deployment)
            document, container = read_document(file), deployment.tenants_container()
            plan = plan_import(
                document.data,
                await read_records(container),
                name=str(file),
                lines=document.line,
                allow_loopback=allow_loopback or settings.allow_loopback,
                prune=prune,
                by=by or whoever(),
                now=deployment.clock.now(),
            )
            if plan.changed and not dry_run:
                await apply_import(container, plan)
        if as_json:
            rows: list[JsonValue] = [tables.import_change(change) for change in plan.changes]
            write_json({"dry_run": dry_run, "changed": plan.changed, "changes": rows, **tables.counts(plan.registry)})
        else:
            say("\n".join(tables.import_lines(plan.changes)) + (" (nothing was written)" if dry_run else ""))

    asyncio.run(work())


@app.command()
def export(
    store: Store = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it here instead of stdout.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the store's tenants as a tenants file; what is imported from it is exported as the same bytes."""

    async def work() -> None:
        async with open_deployment(None, store=store) as deployment:
            settings = _store_settings(deployment)
            records = await read_records(deployment.tenants_container())
        if not records.has_tenants:
            raise ConfigurationError(
                f"{settings.tenants_store} holds no tenant; `mti tenants import FILE` brings some in"
            )
        if as_json:
            write_json(records.file())
        elif output is not None:
            output.write_text(export_text(records.file()), encoding="utf-8")
        else:
            write_file(export_text(records.file()))

    asyncio.run(work())


@app.command()
def pause(
    names: Names,
    data: Data = None,
    tenants: TenantsFile = None,
    store: Store = None,
    why: Why = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Fetch nothing for a tenant alone, and let what is for its workspaces wait. Nothing is lost."""
    _set(names, TenantStatus.PAUSED, data, tenants, store, why=why, by=by, as_json=as_json)


@app.command()
def resume(
    names: Names,
    data: Data = None,
    tenants: TenantsFile = None,
    store: Store = None,
    why: Why = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a paused tenant where it stopped, or put a removed one back."""
    _set(names, TenantStatus.ACTIVE, data, tenants, store, why=why, by=by, as_json=as_json)


@app.command()
def remove(
    names: Names,
    data: Data = None,
    tenants: TenantsFile = None,
    store: Store = None,
    why: Why = "",
    by: By = None,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Withdraw what it brought to the workspaces as well; see `mti revoke`.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Stop a tenant's traffic at once: nothing more of it is fetched, and nothing more reaches its workspaces.

    What is on its way is dead-lettered as TenantRemoved, to be purged, or to be replayed after a resume. What the
    workspaces hold stays there, unless it is to be withdrawn.
    """
    also = " and withdraw what it brought" if withdraw else ""
    if not yes and not ask(f"Stop all traffic of {', '.join(names)}{also}?"):
        say("nothing was done")
        return
    if not withdraw:
        _set(names, TenantStatus.REMOVED, data, tenants, store, why=why, by=by, as_json=as_json)
        return
    # Paused first, so that nothing new overtakes the withdrawal; and withdrawn once more when it is removed: that finds
    # what was delivered in between, and what tenants who leave together share. Dying on the way, this can be run again.
    _set(names, TenantStatus.PAUSED, data, tenants, store, why=why, by=by, as_json=None)
    first = _withdraw(names, data, tenants, store, why)
    _set(names, TenantStatus.REMOVED, data, tenants, store, why=why, by=by, as_json=as_json)
    second = _withdraw(names, data, tenants, store, why)
    for name in names:
        revoked = sum(results[name].revoked.total() for results in (first, second))
        backed = second[name].backed
        stay = f", {backed:,} stay, since others have them too" if backed else ""
        say(f"{name}: {revoked:,} indicators are sent as revoked{stay}")


def _withdraw(
    names: list[str], data: Path | None, tenants: Path | None, store: str | None, why: str
) -> dict[str, RevokeResult]:
    if store is not None:
        raise ConfigurationError("--withdraw works with the store that MTI_TENANTS_STORE names; set that, not --store")

    async def work() -> dict[str, RevokeResult]:
        async with open_deployment(data, tenants) as deployment:
            registry, stores = await deployment.registry(), await deployment.stores()
            revoking = RevokeSources(registry, stores, await deployment.indicators(), deployment.clock)
            return {name: await revoking.run(Scope(tenant=name), why or None) for name in names}

    return asyncio.run(work())


def _set(
    names: list[str],
    status: TenantStatus,
    data: Path | None,
    tenants: Path | None,
    store: str | None,
    *,
    why: str,
    by: str | None,
    as_json: bool | None,
) -> None:
    """Set the status of all of them, and say so: as JSON, in sentences, or (`None`) not at all."""

    async def work() -> None:
        async with open_deployment(data, tenants, store=store) as deployment:
            states = await deployment.tenant_states()
            known_among(names, states.known, states.name)
            changes = [
                await set_state(states.container, name, status, by=by or whoever(), why=why, clock=deployment.clock)
                for name in dict.fromkeys(names)
            ]
        if as_json:
            write_json({"tenants": [tables.state_change(change) for change in changes]})
            return
        for change in changes if as_json is not None else ():
            been = "" if change.changed else " already"
            say(f"{change.tenant} is {change.after.status.value}{been}")

    asyncio.run(work())


def _store_settings(deployment: Deployment) -> TenantsSettings:
    """Return the settings of a store.

    Raises:
        ConfigurationError: the tenants are in a file.
    """
    settings = deployment.tenants_settings()
    if settings.tenants_store is None:
        raise ConfigurationError("the tenants are in a file; name their store with --store, or set MTI_TENANTS_STORE")
    return settings
