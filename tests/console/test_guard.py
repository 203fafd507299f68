"""What stands in front of every page."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from mti.console.access import access_to
from mti.console.forms import FORM_BYTES
from mti.console.snapshots import Snapshots
from tests.support.console import OWN, PORT, app_on, asking

POLICY = {
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """On a folder that no stack ran on: what is refused here is refused before anything is looked at."""
    async with asking(app_on(tmp_path)) as client:
        yield client


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8642", "127.0.0.1", "127.0.0.1:80", "", "localhost.evil:8642"]
)
async def test_a_foreign_host_gets_400(client: httpx.AsyncClient, host: str) -> None:
    for path in ("/static/console.css", "/tenants", "/nowhere"):
        answer = await client.get(path, headers={"Host": host})
        assert (answer.status_code, "console does not answer" in answer.text) == (400, True)


async def test_two_hosts_get_400(client: httpx.AsyncClient) -> None:
    request = client.build_request("GET", "/static/console.css")
    request.headers = httpx.Headers([("Host", f"127.0.0.1:{PORT}"), ("Host", "evil.example")])
    assert (await client.send(request)).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:8642", "localhost:8642", "LOCALHOST:8642", "[::1]:8642"])
async def test_its_own_names_are_answered(client: httpx.AsyncClient, host: str) -> None:
    assert (await client.get("/static/console.css", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("path", ["/static/console.css", "/static/nothing", "/nowhere", "/tenants", "/dead-letters/x"])
async def test_every_answer_says_what_a_browser_may_do_with_it(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert set(answer.headers["content-security-policy"].split("; ")) == POLICY
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", "http://127.0.0.1:80", "https://evil.example:8642"]
)
async def test_a_form_of_another_origin_is_refused(client: httpx.AsyncClient, origin: str) -> None:
    answer = await client.post("/pauses/lift", data={"source": "grid:eu"}, headers={"Origin": origin})
    assert answer.status_code == 403


async def test_a_form_that_says_no_origin_is_refused(client: httpx.AsyncClient) -> None:
    request = client.build_request("POST", "/pauses/lift", data={"source": "grid:eu"})
    del request.headers["Origin"]
    assert (await client.send(request)).status_code == 403


@pytest.mark.parametrize("token", [None, "", "0" * 64, "ä"])
async def test_a_form_without_what_our_pages_hold_is_refused(client: httpx.AsyncClient, token: str | None) -> None:
    fields = {"source": "grid:eu"} | ({} if token is None else {"form_token": token})
    answer = await client.post("/pauses/lift", data=fields)
    assert (answer.status_code, "open it anew" in answer.text) == (403, True)


async def test_a_form_that_is_too_large_is_not_read(client: httpx.AsyncClient) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1024
            yield b"x" * 1024

    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await client.post("/pauses/lift", content=endless(), headers=kind)).status_code == 413
    assert read <= FORM_BYTES + 2048
    declared = {**kind, "Content-Length": str(10**12)}
    assert (await client.post("/pauses/lift", content=b"", headers=declared)).status_code == 413


async def test_only_a_form_is_taken(client: httpx.AsyncClient) -> None:
    assert (await client.post("/pauses/lift", json={"source": "grid:eu"})).status_code == 415
    many = "&".join("a=b" for _ in range(1000))
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await client.post("/pauses/lift", content=many, headers=kind)).status_code == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_other_methods_are_not_understood(client: httpx.AsyncClient, method: str) -> None:
    assert (await client.request(method, "/pauses")).status_code == 405


async def test_what_is_not_there_is_said_by_a_page_that_escapes_what_was_asked(client: httpx.AsyncClient) -> None:
    answer = await client.get("/dead-letters?older_than=<script>alert(1)</script>")
    assert "<script" not in answer.text


async def test_a_folder_without_a_stack_says_what_to_do(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    assert answer.status_code == 409
    assert "no tenants file is known" in answer.text


async def test_a_fault_of_ours_is_a_page_without_a_trace(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def failing(self: Snapshots) -> None:
        raise RuntimeError("the cause, <b>with a tag</b>")

    monkeypatch.setattr(Snapshots, "fresh", failing)
    answer = await client.get("/")
    assert (answer.status_code, "This page failed" in answer.text) == (500, True)
    assert "the cause" not in answer.text
    assert set(answer.headers["content-security-policy"].split("; ")) == POLICY
    assert "the cause" in caplog.text


async def test_beyond_this_machine_nothing_is_answered_without_the_link(tmp_path: Path) -> None:
    access = access_to("192.0.2.7", PORT)
    async with asking(app_on(tmp_path, access), f"http://192.0.2.7:{PORT}") as client:
        for path in ("/", "/static/console.css", "/enter", "/enter?token=wrong", "/nowhere"):
            assert (await client.get(path)).status_code == 401
        entered = await client.get(f"/enter?token={access.token}")
        assert entered.status_code == 200
        cookie = entered.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        assert str(access.token) not in cookie
        assert str(access.token) not in entered.text
        assert (await client.get("/static/console.css")).status_code == 200


async def test_a_cookie_of_another_run_is_no_way_in(tmp_path: Path) -> None:
    access = access_to("127.0.0.1", PORT, with_token=True)
    async with asking(app_on(tmp_path, access)) as client:
        await client.get(f"/enter?token={access.token}")
    async with asking(app_on(tmp_path, access_to("127.0.0.1", PORT, with_token=True))) as other:
        other.cookies = client.cookies
        assert (await other.get("/static/console.css")).status_code == 401
    assert OWN.endswith(str(PORT))
