"""One upload on the wire."""

import asyncio
import gzip
import ssl
import tracemalloc
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import orjson
import pytest
from aiohttp import web

from mti.common.contracts import Carried
from mti.publisher.sentinel import Accepted, Answer, SentinelClient, Unavailable
from mti.publisher.sentinel.client import WHOLE
from mti.simulators.serving import LoopbackServer
from tests.publisher.certificates import self_signed
from tests.publisher.world import CONTOSO, TurnedClock, destination, indicator


class OneToken:
    async def token(self) -> str:
        return "the-token"


class Listener(LoopbackServer):
    """Notes requests and answers as told."""

    def __init__(self) -> None:
        super().__init__([("POST", "/{path:.*}", self._on_post)])
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.redirect = False
        self.trickle = False
        self.packed: tuple[str, bytes] | None = None

    async def _on_post(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((str(request.rel_url), dict(request.headers), await request.read()))
        if self.redirect:
            return web.Response(status=307, headers={"Location": f"{self.base_url}/elsewhere"})
        if self.trickle:
            answer = web.StreamResponse()
            await answer.prepare(request)
            while not self._closing.is_set() and request.transport is not None:
                await answer.write(b" ")
                await asyncio.sleep(0.05)
        if self.packed:
            return web.Response(body=self.packed[1], headers={"Content-Encoding": self.packed[0]})
        return web.Response()


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async with Listener() as found:
        yield found


async def upload(base_url: str, whole: timedelta = WHOLE) -> Answer:
    async with SentinelClient(destination(CONTOSO, base_url), OneToken(), TurnedClock(), whole=whole) as client:
        return await client.upload([Carried.of(indicator("a")), Carried.of(indicator("b", description=None))])


async def test_a_request_is_what_the_documentation_says(listener: Listener) -> None:
    assert await upload(listener.base_url) == Accepted({})
    [(path, headers, body)] = listener.requests
    assert path == f"/workspaces/{CONTOSO}/threat-intelligence-stix-objects:upload?api-version=2024-02-01-preview"
    assert headers["Authorization"] == "Bearer the-token"
    assert headers["Content-Type"] == "application/json"
    sent = orjson.loads(body)
    assert set(sent) == {"sourcesystem", "stixobjects"}
    assert sent["sourcesystem"] == "Mimecast"
    assert [found["id"] for found in sent["stixobjects"]] == [indicator("a").id, indicator("b").id]
    assert sent["stixobjects"][0]["modified"] == "2026-11-24T12:00:00.000Z"
    assert "description" not in sent["stixobjects"][1]
    assert "revoked" not in sent["stixobjects"][0]


async def test_a_redirect_is_not_followed_with_the_token(listener: Listener) -> None:
    listener.redirect = True
    assert isinstance(await upload(listener.base_url), Unavailable)
    assert len(listener.requests) == 1


async def test_an_answer_that_trickles_for_ever_is_given_up(listener: Listener) -> None:
    listener.trickle = True
    answer = await upload(listener.base_url, whole=timedelta(seconds=0.4))
    assert answer == Unavailable("no whole answer: TimeoutError")


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip", "br"])
async def test_an_answer_that_swells_is_no_answer_and_is_never_held(listener: Listener, encoding: str) -> None:
    swollen = gzip.compress(b" " * 48 * 1024 * 1024)
    listener.packed = (encoding, gzip.compress(swollen) if encoding == "gzip, gzip" else swollen)
    tracemalloc.start()
    answer = await upload(listener.base_url)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(answer, Unavailable)
    assert "more than 1048576 bytes" in answer.text or f"Content-Encoding {encoding!r}" in answer.text
    assert peak < 8 * 1024 * 1024


async def test_an_answer_under_gzip_is_read(listener: Listener) -> None:
    listener.packed = ("gzip", gzip.compress(b'{"errors":[{"recordIndex":1,"errorMessages":["no"]}]}'))
    assert await upload(listener.base_url) == Accepted({1: ("no",)})


async def test_nobody_there_is_no_answer() -> None:
    answer = await upload("http://127.0.0.1:1")
    assert isinstance(answer, Unavailable)
    assert "ConnectError" in answer.text


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "server.pem"
    file.write_text(self_signed("localhost"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    read: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        read.append(await reader.read(1))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        answer = await upload(f"https://localhost:{server.sockets[0].getsockname()[1]}")
    assert isinstance(answer, Unavailable)
    assert "CERTIFICATE_VERIFY_FAILED" in answer.text
    assert read in ([], [b""])


async def test_a_transport_of_ones_own_carries_the_request() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    where = destination(CONTOSO, "https://api.ti.sentinel.azure.com")
    async with SentinelClient(where, OneToken(), TurnedClock(), transport=httpx.MockTransport(answer)) as client:
        assert await client.upload([Carried.of(indicator("a"))]) == Accepted({})
    assert seen[0].url.host == "api.ti.sentinel.azure.com"
