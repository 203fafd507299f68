"""The playbook that withdraws false positives: it asks the publisher's own function, with real books and a real bus."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from mti.simulators.serving import LoopbackServer
from tests.functions.test_withdrawals import FILE, Place, ask, place
from tests.normalizer.world import sha256
from tests.playbooks.azure import VAULT
from tests.playbooks.running import Json, Run
from tests.playbooks.world import FUNCTION_KEY, incident, row, world
from tests.support.worlds import FABRIKAM

NAME = "withdraw-false-positive"
CLOSED = {
    "status": "Closed",
    "classification": "FalsePositive",
    "classificationReason": "InaccurateData",
    "classificationComment": "our own\ninstaller",
}
__all__ = ["place"]


@asynccontextmanager
async def app() -> AsyncIterator[tuple[str, list[Json]]]:
    """Run what stands before a function of an app: it asks for the key. Yields its address and what it was asked."""
    heard: list[Json] = []

    async def withdrawals(request: web.Request) -> web.Response:
        if request.headers.get("x-functions-key") != FUNCTION_KEY:
            return web.Response(status=401)
        heard.append(json.loads(await request.read()))
        status, document = await ask(await request.read())
        return web.json_response(document, status=status)

    async with LoopbackServer([("POST", "/api/withdrawals", withdrawals)]) as server:
        yield f"{server.base_url}/api/withdrawals", heard


async def run(body: Json, *, dry_run: bool = False, key: str = FUNCTION_KEY) -> tuple[Run, str, list[Json]]:
    """Run the playbook against the function; return the run, the comment and what the function was asked."""
    async with app() as (address, heard), world([row(FILE)], secrets={"withdraw-key": key}) as at:
        found = await at.run(NAME, body, Withdrawals=address, DryRun=dry_run)
        text = json.dumps(found.history, default=str) + at.azure.comment
        assert [secret for secret in (key, *at.azure.tokens) if secret in text] == []
        return found, at.azure.comment, heard


async def test_closing_as_a_false_positive_withdraws_from_every_workspace(place: Place) -> None:
    updated = {"updatedBy": {"name": "Alice", "source": "User"}}
    done, comment, heard = await run({**incident(FILE, **CLOSED), "incidentUpdates": updated})
    assert heard[0]["asked_by"] == "incident 42, closed by Alice"
    assert heard[0]["reason"] == "closed as a false positive: our own installer"
    assert done.status == "Succeeded"
    assert f"{FILE}: is withdrawn from 2 workspaces; 0 had it withdrawn before." in comment
    assert FABRIKAM not in comment
    assert await place.sent() == 2
    assert "asked by incident 42, closed by Alice" in str(await place.why())


async def test_an_offer_says_what_would_be_done_and_does_nothing(place: Place) -> None:
    done, comment, _ = await run(incident(FILE, **CLOSED), dry_run=True)
    assert done.status == "Succeeded"
    assert f"{FILE}: would be withdrawn from 2 workspaces" in comment
    assert "To do it, run the playbook that withdraws false positives on this incident." in comment
    assert (await place.sent(), await place.why()) == (0, None)


@pytest.mark.parametrize(
    "properties",
    [{}, {"status": "Active"}, CLOSED | {"classification": "TruePositive"}, CLOSED | {"status": "Active"}],
)
async def test_an_incident_that_is_not_closed_so_withdraws_nothing(
    place: Place,
    properties: Json,
) -> None:
    done, comment, heard = await run(incident(FILE, **properties))
    assert done.status == "Succeeded"
    assert "Nothing was withdrawn, since the incident is not closed as a false positive." in comment
    assert (heard, await place.sent()) == ([], 0)


async def test_what_the_function_refuses_is_told_and_fails_the_run(place: Place) -> None:
    async with app() as (address, _), world([row(FILE), row(sha256("never sent"))]) as at:
        found = await at.run(NAME, incident(FILE, **CLOSED), Withdrawals=address, DryRun=False)
        assert found.status == "Failed"
        assert f"{FILE}: is withdrawn from 2 workspaces" in at.azure.comment
        assert "not withdrawn (status 404): the workspace" in at.azure.comment
        assert f"was never sent {sha256('never sent')}" in at.azure.comment
    assert await place.sent() == 2


async def test_a_wrong_key_is_told_and_fails_the_run(place: Place) -> None:
    done, comment, heard = await run(incident(FILE, **CLOSED), key="another-key")
    assert done.status == "Failed"
    assert "not withdrawn (status 401): it gave no reason" in comment
    assert (heard, await place.sent()) == ([], 0)


async def test_a_vault_that_says_no_is_told_and_fails_the_run() -> None:
    async with world([row(FILE)]) as at:
        at.azure.granted.resources -= {VAULT}
        found = await at.run(NAME, incident(FILE, **CLOSED), Withdrawals="http://127.0.0.1:9/api", DryRun=False)
        assert found.status == "Failed"
        assert "The key vault did not give the function's key" in at.azure.comment
        assert "broke off" not in at.azure.comment


async def test_without_a_function_the_comment_has_the_command() -> None:
    """As on container apps, which answer nobody over HTTP."""
    gone = sha256("gone")
    async with world([row(FILE), row(gone, "Withdrawn")]) as at:
        found = await at.run(NAME, incident(FILE, gone, **CLOSED))
        assert found.status == "Succeeded"
        command = f'mti revoke --observable {FILE} --reason "false positive, incident 42"'
        assert command in at.azure.comment
        assert f"{gone}: was withdrawn before." in at.azure.comment
        assert found.of("Secret") == []


async def test_who_closed_it_is_known_by_the_owner_where_nothing_else_says_so(tmp_path: Path) -> None:
    async def withdrawals(request: web.Request) -> web.Response:
        asked.append(json.loads(await request.read()))
        return web.json_response({"revoked": 1, "already": 0})

    asked: list[Json] = []
    owner = {"userPrincipalName": "bob@contoso.example", "assignedTo": "Bob"}
    async with LoopbackServer([("POST", "/w", withdrawals)]) as server, world([row(FILE)]) as at:
        for found in (owner, {"userPrincipalName": None, "assignedTo": None}):
            await at.run(NAME, incident(FILE, **CLOSED, owner=found), Withdrawals=f"{server.base_url}/w", DryRun=False)
    assert [each["asked_by"] for each in asked] == [
        "incident 42, closed by bob@contoso.example", "incident 42, closed by somebody",
    ]  # fmt: skip
