"""What an operator reads on the pages and does by them, against what the stores hold."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from mti.common.registry import TenantStatus
from mti.deployment import Deployment, open_deployment
from mti.operations.pauses import Selection, held
from mti.operations.status import Status, take_status, totals_of
from tests.support.cli import mti
from tests.support.estates import WORDS, Estate, name, workspace

LISTS = ("/tenants", "/sources", "/workspaces", "/pauses", "/dead-letters", "/withdrawals", "/books")


@asynccontextmanager
async def deployment_of(estate: Estate) -> AsyncIterator[Deployment]:
    async with open_deployment(estate.data) as deployment:
        yield deployment


async def status_of(estate: Estate) -> Status:
    async with deployment_of(estate) as deployment:
        registry, view = await deployment.registry(), await deployment.view()
        return await take_status(registry, await deployment.stores(), view, deployment.clock, deployment.topology)


async def send(client: httpx.AsyncClient, page: str, action: str, **fields: str) -> httpx.Response:
    """Send a form of a page, as a browser does, and follow where it leads."""
    shown = await client.get(page)
    (token, *_) = re.findall(r'name="form_token" value="([0-9a-f]+)"', shown.text)
    return await client.post(action, data={"form_token": token, **fields}, follow_redirects=True)


def text_of(answer: httpx.Response) -> str:
    """Return what is written on a page, without its elements."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


async def test_the_overview_shows_what_the_stores_have_and_the_gravest_first(
    client: httpx.AsyncClient, estate: Estate
) -> None:
    status = await status_of(estate)
    answer = await client.get("/")
    page = text_of(answer)
    totals = totals_of(status.sources, status.destinations)
    for key in ("detections", "new", "accepted", "refused", "lost", "dead_letters", "paused"):
        assert f" {totals[key]:,} " in page, key
    assert "Detections are missing" in page
    assert "12,345 detections lost" in page
    assert page.index(f"{name(estate.lossy)}/malware_customer") < page.index(f"{name(estate.paused)}/malware_customer")


@pytest.mark.parametrize("path", LISTS)
async def test_every_page_has_a_title_a_heading_and_one_place_in_the_navigation(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(path)
    assert answer.status_code == 200
    assert len(re.findall("<h1>", answer.text)) == 1
    assert len(re.findall('aria-current="page"', answer.text)) == 1
    assert "<script" not in answer.text
    assert " style=" not in answer.text
    assert " on" not in re.findall(r"<[a-z]+( on\w+=)", answer.text)


async def test_sources_show_every_figure_of_the_status(client: httpx.AsyncClient, estate: Estate) -> None:
    status = await status_of(estate)
    page = text_of(await client.get("/sources"))
    for each in status.sources:
        for figure in (each.books.detections, each.books.new, each.books.suppressed, each.books.lost):
            assert f" {figure:,} " in page
    filtered = text_of(await client.get("/sources?q=0003"))
    assert name(3) in filtered
    assert name(4) not in filtered
    unwell = text_of(await client.get("/sources?show=unwell"))
    assert name(estate.lossy) in unwell
    assert name(4) not in unwell


async def test_workspaces_show_every_figure_of_the_status(client: httpx.AsyncClient, estate: Estate) -> None:
    status = await status_of(estate)
    page = text_of(await client.get("/workspaces"))
    for each in status.destinations:
        for figure in (each.counts.accepted, each.counts.refused, each.counts.requests, each.counts.throttled):
            assert f" {figure:,} " in page
        assert each.destination in page


async def test_a_tenant_is_shown_with_its_sources_workspaces_and_pauses(
    client: httpx.AsyncClient, estate: Estate
) -> None:
    page = text_of(await client.get(f"/tenants/{name(estate.paused)}"))
    assert workspace(estate.paused) in page
    assert "CredentialsRefused" in page
    assert (await client.get("/tenants/nobody")).status_code == 404


async def test_a_pause_is_lifted_by_its_form(client: httpx.AsyncClient, estate: Estate) -> None:
    source = f"{name(estate.paused)}/malware_customer"
    assert source in text_of(await client.get("/pauses"))
    answer = await send(client, "/pauses", "/pauses/lift", source=source)
    assert f"The pause of source {source} ended" in text_of(answer)
    assert "no stack runs on the folder" in text_of(answer)
    assert "Nothing is paused" in text_of(answer)
    async with deployment_of(estate) as deployment:
        stores, registry = await deployment.stores(), await deployment.registry()
        assert await held(stores, registry, Selection(), deployment.clock.now()) == []


async def test_a_tenant_is_paused_and_goes_on(client: httpx.AsyncClient, estate: Estate) -> None:
    page = f"/tenants/{name(3)}"
    answer = await send(client, page, f"{page}/state", do="pause", why="<b>maintenance</b>")
    assert f"{name(3)} is paused." in text_of(answer)
    assert "&lt;b&gt;maintenance&lt;/b&gt;" in answer.text
    async with deployment_of(estate) as deployment:
        registry = await deployment.registry()
        assert registry.states[name(3)].status is TenantStatus.PAUSED
    assert name(3) in text_of(await client.get("/tenants?show=stopped"))
    assert f"tenant {name(3)} was paused by" in text_of(await client.get("/pauses"))
    assert f"{name(3)} is active." in text_of(await send(client, page, f"{page}/state", do="resume"))
    unknown = await send(client, page, "/tenants/nobody/state", do="pause")
    assert (unknown.status_code, "is not a tenant" in text_of(unknown)) == (409, True)


async def test_dead_letters_are_filtered_looked_at_and_replayed(client: httpx.AsyncClient, estate: Estate) -> None:
    listed = await client.get("/dead-letters")
    assert "ObjectRefused" in text_of(listed)
    assert WORDS[:60] in text_of(listed).replace("&#39;", "'")
    for query, there in (
        (f"destination={workspace(1)}", True),
        (f"destination={workspace(2)}", False),
        (f"tenant={name(1)}", True),
        ("reason=Bug", False),
        ("older_than=2h", False),
        ("newer_than=2h", True),
        ("entity=normalizer", False),
        ("text=401", True),
    ):
        assert ("One by one" in text_of(await client.get(f"/dead-letters?{query}"))) is there, query
    assert (await client.get("/dead-letters?older_than=soon")).status_code == 400
    (address,) = set(re.findall(r'href="(/dead-letters/\d+\?entity=[^"]+)"', listed.text))
    one = await client.get(address)
    assert f"{name(1)}/malware_customer" in text_of(one)
    assert "file:hashes" in one.text
    asked = await send(client, "/dead-letters", "/dead-letters/replay", destination=workspace(1))
    assert "Replay 1 dead letters?" in text_of(asked)
    assert "One by one" in text_of(await client.get("/dead-letters"))
    done = await send(client, "/dead-letters", "/dead-letters/replay", destination=workspace(1), confirmed="yes")
    assert "1 of 1 replayed." in text_of(done)
    assert "No dead letters" in text_of(done)
    status = await status_of(estate)
    assert {each.destination: each.waiting_messages for each in status.destinations}[workspace(1)] == 1
    assert (await client.get(address)).status_code == 404


async def test_a_dead_letter_is_mended_where_its_new_body_keeps_the_contract(
    client: httpx.AsyncClient, estate: Estate
) -> None:
    (address,) = set(re.findall(r'href="(/dead-letters/\d+\?entity=[^"]+)"', (await client.get("/dead-letters")).text))
    path, _, query = address.partition("?")
    page = f"{path}/mend?{query}"
    shown = await client.get(page)
    found = re.search(r"<textarea[^>]*>(.*?)</textarea>", shown.text, re.DOTALL)
    assert found is not None
    body = json.loads(found[1].replace("&#34;", '"').replace("&#39;", "'"))
    entity = "indicators/subscriptions/publisher"
    wrong = await send(client, page, f"{path}/mend", entity=entity, body='{"objects": 5}')
    assert wrong.status_code == 409
    assert "the mended body is not a" in text_of(wrong)
    body["objects"][0]["name"] = "mended"
    mended = await send(
        client, page, f"{path}/mend", entity=entity, body=json.dumps(body, indent=2).replace("\n", "\r\n")
    )
    assert "Sent as" in text_of(mended)
    assert "No dead letters" in text_of(await client.get("/dead-letters"))
    assert (await mti("dlq", "list", "--data", estate.data, "--json")).document["total"] == 0


async def test_an_observable_is_withdrawn_after_it_was_shown_and_comes_back(
    client: httpx.AsyncClient, estate: Estate
) -> None:
    value = "evil.example"
    shown = await send(
        client, "/withdrawals", "/withdrawals/revoke", kind="observable", value=value, reason="<i>false</i> positive"
    )
    assert "Withdraw 1 observables from no workspace, and keep them out?" in text_of(shown)
    assert "Nothing is withdrawn" in text_of(await client.get("/withdrawals"))
    done = await send(
        client,
        "/withdrawals",
        "/withdrawals/revoke",
        kind="observable",
        value=value,
        reason="<i>false</i> positive",
        confirmed="yes",
    )
    assert value in text_of(done)
    assert "&lt;i&gt;false&lt;/i&gt; positive" in done.text
    back = await send(client, "/withdrawals", "/withdrawals/lift", kind="observable", value=value)
    assert "may come back" in text_of(back)
    assert "Nothing is withdrawn" in text_of(back)
    wrong = await send(client, "/withdrawals", "/withdrawals/revoke", kind="observable", value="<u>x")
    assert (wrong.status_code, "is no observable" in text_of(wrong)) == (409, True)
    assert "<u>" not in wrong.text


async def test_the_books_are_reconciled_when_somebody_asks(client: httpx.AsyncClient, estate: Estate) -> None:
    assert "Not reconciled yet" in text_of(await client.get("/books"))
    answer = await send(client, "/books", "/books/reconcile")
    page = text_of(answer)
    said = await mti("reconcile", "--data", estate.data, "--json")
    assert said.document["closed"] is False
    assert "The books do not close" in page
    for fault in said.document["faults"][:10]:
        assert fault in page.replace("&#39;", "'")
    assert name(estate.lossy) in text_of(await client.get("/books?show=unwell"))


async def test_who_runs_a_command_meanwhile_is_not_in_the_way(client: httpx.AsyncClient, estate: Estate) -> None:
    assert (await client.get("/")).status_code == 200
    assert (await mti("status", "--data", estate.data, "--json")).status == 0
    assert (await client.get("/dead-letters")).status_code == 200
