"""`mti tenants add`: one more customer, asked for or given by options, and tried before it is saved."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from mti.cli.console import inquire, say, write_file, write_json
from mti.cli.exit import FAILED
from mti.cli.options import AsJson, DryRun
from mti.common.errors import ConfigurationError
from mti.common.registry import Registry, registry_from
from mti.common.registry.document import read_document
from mti.common.registry.records import read_records
from mti.deployment import Deployment, open_deployment
from mti.deployment.reach import Finding, try_tenant
from mti.operations.tenants import (
    Entry,
    ImportPlan,
    apply_import,
    entry_of,
    export_text,
    plan_import,
    read_fields,
    with_entry,
)

Id = Annotated[str | None, typer.Argument(metavar="[TENANT]", help="The tenant's id.")]
Region = Annotated[str | None, typer.Option("--region", help="The region of its Mimecast account: eu, us, ….")]
Workspace = Annotated[str | None, typer.Option("--workspace", help="The GUID of its Log Analytics workspace.")]
Directory = Annotated[str | None, typer.Option("--directory", help="Its Microsoft Entra tenant: a GUID or a domain.")]
App = Annotated[str | None, typer.Option("--app", help="The app registration that the customer consented to.")]
Feeds = Annotated[list[str] | None, typer.Option("--feed", help="A feed that it wants; all when none is named.")]
MimecastFields = Annotated[
    list[str] | None, typer.Option("--mimecast", metavar="FIELD=VALUE", help="Another field of the account.")
]
DestinationFields = Annotated[
    list[str] | None, typer.Option("--destination", metavar="FIELD=VALUE", help="Another field of the workspace.")
]
TenantsFile = Annotated[Path | None, typer.Option("--tenants", help="The tenants file; the entry is printed for it.")]
Store = Annotated[str | None, typer.Option("--store", help="The store of the tenants; MTI_TENANTS_STORE else.")]
Loopback = Annotated[bool, typer.Option("--allow-loopback", help="Accept endpoints on this machine.")]
Unchecked = Annotated[bool, typer.Option("--unchecked", help="Save it without asking Mimecast and Sentinel.")]


def add(
    id: Id = None,
    region: Region = None,
    workspace: Workspace = None,
    directory: Directory = None,
    app: App = None,
    feeds: Feeds = None,
    mimecast: MimecastFields = None,
    destination: DestinationFields = None,
    tenants: TenantsFile = None,
    store: Store = None,
    allow_loopback: Loopback = False,
    unchecked: Unchecked = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Add one tenant: ask for what is missing, try its credentials and its workspace, and save it when all is well.

    Into the store it is written; for a tenants file, which belongs to who edits it, the entry is printed.
    """
    account = _given({"region": region}, read_fields(mimecast or [], "--mimecast"))
    where = {"workspace_id": workspace, "azure_tenant_id": directory, "client_id": app}
    place = _given(where, read_fields(destination or [], "--destination"))
    if sys.stdin.isatty():
        id = id or inquire("Id of the tenant (lower-case letters, digits, dashes)")
        _ask_for(account, {"region": "Region of its Mimecast account"})
        _ask_for(place, {"workspace_id": "Id of its workspace", "azure_tenant_id": "Its Microsoft Entra tenant"})
        _ask_for(place, {"client_id": "App registration that it consented to (empty: the managed identity)"})
    if not id:
        raise ConfigurationError("it is not said who is to be added; give the tenant's id")
    entry = entry_of(id, account, place, feeds or [])
    asyncio.run(_add(entry, tenants, store, loopback=allow_loopback, check=not unchecked, dry=dry_run, as_json=as_json))


async def _add(
    entry: Entry, tenants: Path | None, store: str | None, *, loopback: bool, check: bool, dry: bool, as_json: bool
) -> None:
    async with open_deployment(None, tenants, store=store, allow_loopback=loopback) as deployment:
        registry, plan = await _planned(entry, deployment)
        settings = deployment.tenants_settings()
        findings = (
            await try_tenant(
                registry,
                str(entry["id"]),
                keyvault_url=settings.keyvault_url,
                folder=settings.tenants_folder,
                clock=deployment.clock,
            )
            if check
            else []
        )
        good = all(finding.good for finding in findings)
        saved = good and not dry and plan is not None
        if saved and plan is not None:
            await apply_import(deployment.tenants_container(), plan)
    _say(entry, findings, saved=saved, printed=good and plan is None, as_json=as_json)
    if not good:
        raise typer.Exit(FAILED)


async def _planned(entry: Entry, deployment: Deployment) -> tuple[Registry, ImportPlan | None]:
    """Return what the services would see, and what is to be written into the store; nothing for a file."""
    settings = deployment.tenants_settings()
    if settings.tenants_file is not None:
        document = with_entry(read_document(settings.tenants_file).data, entry, str(settings.tenants_file))
        name = f"{settings.tenants_file} with {entry['id']}"
        return registry_from(document, allow_loopback=settings.allow_loopback, name=name), None
    if settings.tenants_store is None:
        raise ConfigurationError("MTI_TENANTS_TEXT is written by a deployment; add the tenant there")
    records = await read_records(deployment.tenants_container())
    document = with_entry(records.file(), entry, str(settings.tenants_store))
    plan = plan_import(
        document,
        records,
        name=f"{settings.tenants_store} with {entry['id']}",
        allow_loopback=settings.allow_loopback,
        now=deployment.clock.now(),
    )
    return plan.registry, plan


def _say(entry: Entry, findings: list[Finding], *, saved: bool, printed: bool, as_json: bool) -> None:
    if as_json:
        rows: list[JsonValue] = [{"what": each.what, "good": each.good, "says": each.says} for each in findings]
        write_json({"tenant": entry["id"], "saved": saved, "checks": rows, "entry": entry})
        return
    for finding in findings:
        say(f"{'good' if finding.good else 'WRONG'}: {finding.what}: {finding.says}")
    if printed:
        write_file(export_text({"tenants": [entry]}))
        say("add this to the tenants file; nothing was written")
    elif saved:
        say(f"{entry['id']} is saved; the services see it within a minute")
    else:
        say("nothing was saved" + ("" if all(each.good for each in findings) else "; mend it, or give --unchecked"))


def _given(options: dict[str, str | None], fields: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in options.items() if value} | fields


def _ask_for(fields: dict[str, str], questions: dict[str, str]) -> None:
    for field, question in questions.items():
        if field not in fields and (answer := inquire(question)):
            fields[field] = answer
