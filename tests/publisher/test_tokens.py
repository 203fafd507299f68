"""Credentials: every kind works, is renewed when it must be, and shows up nowhere."""

import gzip
import logging
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from mti.common.adapters.secrets import ReferenceResolver
from mti.common.errors import Pause
from mti.common.registry import SentinelAuth
from mti.common.registry.references import parse_reference
from mti.publisher.sentinel import Tokens, TokenUnavailable
from mti.publisher.sentinel.loopback import LoopbackTransport, is_plain_loopback
from mti.simulators.sentinel import SentinelEndpoint, SentinelFault, SentinelFaultKind
from mti.simulators.serving import LoopbackServer
from tests.publisher.certificates import self_signed
from tests.publisher.world import (
    APP_ID,
    CONTOSO,
    SECRET,
    TurnedClock,
    World,
    completed,
    destination,
    indicator,
    message,
    reasons,
    world,
)


@pytest.fixture(scope="session")
def pem() -> str:
    return self_signed("publisher")


@asynccontextmanager
async def tokens(base_url: str, environ: dict[str, str], **fields: object) -> AsyncIterator[Tokens]:
    resolver = ReferenceResolver(environ=environ, clock=TurnedClock())
    found = Tokens(destination(CONTOSO, base_url, **fields), resolver)
    try:
        yield found
    finally:
        await found.close()


async def test_a_token_is_kept_while_it_is_good(there: World) -> None:
    async with tokens(there.sentinel.base_url, there.environ) as found:
        assert await found.token() == await found.token()
    assert there.sentinel.tokens.issued == 1


async def test_a_renewed_token_is_another_one(there: World) -> None:
    async with tokens(there.sentinel.base_url, there.environ) as found:
        first = await found.token()
        await found.renew()
        assert await found.token() != first


async def test_a_certificate_is_as_good_as_a_secret(there: World, pem: str) -> None:
    fields = {"auth": SentinelAuth.CERTIFICATE, "client_secret": None, "certificate": parse_reference("env:PEM")}
    async with tokens(there.sentinel.base_url, {"PEM": pem}, **fields) as found:
        assert await found.token()


async def test_a_certificate_that_is_none_is_named_and_not_shown(there: World) -> None:
    fields = {"auth": SentinelAuth.CERTIFICATE, "client_secret": None, "certificate": parse_reference("env:PEM")}
    async with tokens(there.sentinel.base_url, {"PEM": "-----BEGIN something-private"}, **fields) as found:
        with pytest.raises(Pause) as caught:
            await found.token()
    assert caught.value.reason == "CredentialsRefused"
    assert "is not a PEM" in caught.value.description
    assert "something-private" not in repr(caught.value)


async def test_a_workload_identity_exchanges_the_platforms_token(
    there: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text("eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.c2lnbmVk")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(file))
    fields = {"auth": SentinelAuth.WORKLOAD_IDENTITY, "client_secret": None}
    async with tokens(there.sentinel.base_url, {}, **fields) as found:
        assert await found.token()


async def test_a_workload_identity_without_a_platform_says_what_is_missing(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_FEDERATED_TOKEN_FILE", raising=False)
    fields = {"auth": SentinelAuth.WORKLOAD_IDENTITY, "client_secret": None}
    async with tokens(there.sentinel.base_url, {}, **fields) as found:
        with pytest.raises(Pause, match="AZURE_FEDERATED_TOKEN_FILE"):
            await found.token()


async def test_a_managed_identity_asks_the_endpoint_of_its_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str | None, str | None]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.headers.get("X-IDENTITY-HEADER"), request.query.get("resource")))
        return web.json_response(
            {"access_token": "given", "expires_on": "4102444800", "resource": "x", "token_type": "Bearer"}
        )

    async with LoopbackServer([("GET", "/msi/token", answer)]) as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.base_url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "header")
        fields = {"auth": SentinelAuth.MANAGED_IDENTITY, "client_id": None, "client_secret": None}
        async with tokens("http://127.0.0.1:9", {}, **fields) as found:
            assert await found.token() == "given"
    assert asked == [("header", "https://management.azure.com")]


@pytest.mark.parametrize(
    ("fields", "environ", "code"),
    [
        ({}, {"APP_SECRET": "wrong"}, "AADSTS7000215"),
        ({"client_id": "33333333-3333-3333-3333-333333333333"}, {"APP_SECRET": SECRET}, "AADSTS700016"),
        ({"azure_tenant_id": "44444444-4444-4444-4444-444444444444"}, {"APP_SECRET": SECRET}, "AADSTS90002"),
    ],
)
async def test_what_the_authority_refuses_is_named_by_its_code(
    there: World, fields: dict[str, object], environ: dict[str, str], code: str
) -> None:
    async with tokens(there.sentinel.base_url, environ, **fields) as found:
        with pytest.raises(Pause) as caught:
            await found.token()
    assert caught.value.reason == "CredentialsRefused"
    assert code in caught.value.description
    assert CONTOSO in caught.value.description


async def test_a_missing_secret_is_a_pause_that_names_the_reference(there: World) -> None:
    there.environ.clear()
    assert reasons(await there.publisher()([message(indicator("a"))])) == ["Park"]
    pause = (await there.checkpoint()).pause
    assert pause is not None
    assert pause.reason == "SecretUnavailable"
    assert "APP_SECRET" in pause.description


@pytest.mark.parametrize(
    "fault",
    [
        SentinelFault(endpoint=SentinelEndpoint.TOKEN, kind=SentinelFaultKind.STATUS, status=500),
        SentinelFault(endpoint=SentinelEndpoint.TOKEN, kind=SentinelFaultKind.STATUS, status=429),
        SentinelFault(endpoint=SentinelEndpoint.TOKEN, kind=SentinelFaultKind.DROPPED),
        SentinelFault(endpoint=SentinelEndpoint.TOKEN, kind=SentinelFaultKind.HTML, status=502),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
async def test_an_authority_that_does_not_answer_is_tried_again(there: World, fault: SentinelFault) -> None:
    there.faults(fault.model_copy(update={"times": 3}))
    async with tokens(there.sentinel.base_url, there.environ) as found:
        with pytest.raises(TokenUnavailable):
            await found.token()
    assert completed(await there.publisher()([message(indicator("a"))]))


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip"])
async def test_a_token_answer_that_swells_is_never_held_and_is_asked_for_again(encoding: str) -> None:
    swollen = gzip.compress(b" " * 48 * 1024 * 1024)
    body = gzip.compress(swollen) if encoding == "gzip, gzip" else swollen

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Encoding": encoding}, content_type="application/json")

    async with (
        LoopbackServer([("POST", "/{path:.*}", answer)]) as authority,
        tokens(authority.base_url, {"APP_SECRET": SECRET}) as found,
    ):
        tracemalloc.start()
        with pytest.raises(TokenUnavailable) as caught:
            await found.token()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert "more than 1048576 bytes" in str(caught.value) or "'gzip, gzip'" in str(caught.value)
    assert peak < 8 * 1024 * 1024


async def test_a_token_that_is_refused_once_is_renewed_without_a_pause(there: World) -> None:
    publisher = there.publisher()
    await publisher([message(indicator("a"))])
    there.sentinel.tokens.revoke_all()
    assert completed(await publisher([message(indicator("b"))]))
    assert (await there.checkpoint()).pause is None


async def test_a_rotated_secret_needs_no_restart(there: World) -> None:
    publisher = there.publisher()
    await publisher([message(indicator("a"))])
    there.sentinel.tokens.rotate(APP_ID, "the-rotated-secret")
    there.environ["APP_SECRET"] = "the-rotated-secret"
    assert completed(await publisher([message(indicator("b"))]))


async def test_a_secret_that_another_destination_has_read_before_its_rotation_is_read_again(there: World) -> None:
    url, resolver = there.sentinel.base_url, ReferenceResolver(environ=there.environ, clock=TurnedClock())
    first, second = Tokens(destination(CONTOSO, url), resolver), Tokens(destination(CONTOSO, url), resolver)
    try:
        await first.token()
        there.sentinel.tokens.rotate(APP_ID, "the-rotated-secret")
        there.environ["APP_SECRET"] = "the-rotated-secret"
        assert await second.token()
    finally:
        await first.close()
        await second.close()


async def test_a_secret_that_is_mended_during_a_pause_ends_it(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        there.environ["APP_SECRET"] = "an-expired-secret"
        publisher = there.publisher()
        assert reasons(await publisher([message(indicator("a"))])) == ["Park"]
        there.environ["APP_SECRET"] = SECRET
        there.clock.turn(minutes=1)
        assert completed(await publisher([message(indicator("a"))]))


async def test_no_secret_is_in_any_log_or_pause(there: World, caplog: pytest.LogCaptureFixture) -> None:
    wrong = "a-wrong-secret-that-is-private-too"
    with caplog.at_level(logging.DEBUG):
        await there.publisher()([message(indicator("a"))])
        there.environ["APP_SECRET"] = wrong
        publisher = there.publisher()
        await publisher([message(indicator("b"))])
        pause = (await there.checkpoint()).pause
        there.clock.turn(hours=1)
        there.environ["APP_SECRET"] = SECRET
        there.faults(SentinelFault(kind=SentinelFaultKind.STATUS, status=401, times=None))
        await publisher([message(indicator("c"))])
    said = caplog.text + "".join(str(record.__dict__) for record in caplog.records if record.name.startswith("mti"))
    issued = list(there.sentinel.tokens._live)
    assert len(issued) >= 2
    for private in (SECRET, wrong, *issued):
        assert private not in said
        assert private not in repr(pause)
        assert private not in repr(await there.checkpoint())


def test_only_plain_loopback_is_spoken_to_in_plain() -> None:
    assert is_plain_loopback("http://127.0.0.1:8080")
    assert is_plain_loopback("http://[::1]:8080")
    assert not is_plain_loopback("https://127.0.0.1:8080")
    assert not is_plain_loopback("http://login.microsoftonline.com")
    with pytest.raises(ValueError, match="not plain HTTP on this machine"):
        LoopbackTransport("http://login.microsoftonline.com")
