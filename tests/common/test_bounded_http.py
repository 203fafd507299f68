"""Bodies over a real socket: what a server sends is measured before it is held, however it is packed."""

import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
import pytest
from aiohttp import web
from azure.core.rest import HttpRequest

from mti.common.bounded_http import BodyBroken, BodyRefused, BodyTooLarge, EncodingRefused, Unpacker
from mti.common.bounded_http.azure_refusal import AnswerRefused as AzureRefused
from mti.common.bounded_http.azure_transport import BoundedAzureTransport
from mti.common.bounded_http.httpx_bodies import AnswerRefused, BoundedTransport, read_body
from mti.simulators.serving import LoopbackServer
from mti.stack.own_http import own_client

LIMIT = 64 * 1024
SWOLLEN = b"0" * (48 * 1024 * 1024)
ONCE = gzip.compress(SWOLLEN)
"""47 KB that grow to 48 MB: within the limit as it travels."""
TWICE = gzip.compress(ONCE)
ROOM = 4 * 1024 * 1024
"""Bytes that refusing may take: nothing against what a body would grow to."""


@asynccontextmanager
async def serving(body: bytes, encoding: str | None = None) -> AsyncIterator[str]:
    """Run a server that answers everything with that body, and give its address."""

    async def answer(request: web.Request) -> web.StreamResponse:
        headers = {"Content-Encoding": encoding} if encoding else {}
        response = web.StreamResponse(headers=headers)
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            for start in range(0, len(body), 64 * 1024):
                await response.write(body[start : start + 64 * 1024])
            await response.write_eof()
        except ConnectionError:
            pass  # refused on the other side
        return response

    async with LoopbackServer([("GET", "/{path:.*}", answer)]) as server:
        yield server.base_url


@contextmanager
def held(most: int = ROOM) -> Iterator[None]:
    """Fail when more than so many bytes are held at once meanwhile."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < most, f"{peak} bytes were held"


async def by_httpx(url: str) -> bytes:
    async with httpx.AsyncClient(trust_env=False) as client, client.stream("GET", url) as response:
        return await read_body(response, LIMIT)


async def by_azure(url: str) -> bytes:
    async with BoundedAzureTransport(LIMIT, use_env_settings=False) as transport:
        response = await transport.send(HttpRequest("GET", url))
        await response.read()
        return bytes(response.content)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (None, b"hello"),
        ("identity", b"hello"),
        ("gzip", gzip.compress(b"hello")),
        ("X-GZIP", gzip.compress(b"hello")),
        ("gzip, identity", gzip.compress(b"hello")),
        ("gzip", gzip.compress(b"hel") + gzip.compress(b"lo")),
        ("deflate", zlib.compress(b"hello")),
    ],
    ids=["plain", "identity", "gzip", "x-gzip", "gzip and identity", "two members", "deflate"],
)
@pytest.mark.parametrize("read", [by_httpx, by_azure])
async def test_a_body_arrives_as_it_was_before_it_was_packed(read, encoding: str | None, body: bytes) -> None:  # type: ignore[no-untyped-def]
    async with serving(body, encoding) as url:
        assert await read(url) == b"hello"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (None, SWOLLEN),
        ("gzip", ONCE),
        ("deflate", zlib.compress(SWOLLEN)),
        ("gzip, gzip", TWICE),
        ("gzip,gzip", TWICE),
        ("br", b"whatever"),
        ("zstd", b"whatever"),
        ("gzip", gzip.compress(b"hello")[:-4]),
        ("gzip", b"hello"),
    ],
    ids=["plain", "gzip", "deflate", "twice", "twice without a blank", "br", "zstd", "cut short", "no gzip"],
)
async def test_what_is_too_large_or_packed_otherwise_is_refused_and_never_held(
    encoding: str | None, body: bytes
) -> None:
    async with serving(body, encoding) as url:
        with held(), pytest.raises(BodyRefused):
            await by_httpx(url)
        with held(), pytest.raises(AzureRefused):
            await by_azure(url)


async def test_two_lines_of_content_encoding_are_two_codings() -> None:
    response = httpx.Response(
        200, headers=[("Content-Encoding", "gzip"), ("Content-Encoding", "gzip")], stream=httpx.ByteStream(TWICE)
    )
    with held(), pytest.raises(EncodingRefused, match="'gzip, gzip'"):
        await read_body(response, LIMIT)


async def test_a_length_beyond_the_bound_is_refused_before_a_byte_is_read() -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    class Untouched(httpx.AsyncByteStream):
        def __aiter__(self) -> AsyncIterator[bytes]:
            return never()

    for length in (str(LIMIT + 1), "9" * 5000):
        response = httpx.Response(200, headers={"Content-Length": length}, stream=Untouched())
        with pytest.raises(BodyTooLarge):
            await read_body(response, LIMIT)


def test_a_body_of_exactly_the_bound_is_taken_packed_or_not() -> None:
    plain = bytes(range(256)) * (LIMIT // 256)
    for encoding, body in (("", plain), ("gzip", gzip.compress(plain))):
        unpacker = Unpacker(encoding, LIMIT)
        for start in range(0, len(body), 1000):
            unpacker.feed(body[start : start + 1000])
        assert unpacker.finish() == plain


def test_a_body_of_countless_members_is_given_up() -> None:
    unpacker = Unpacker("gzip", LIMIT)
    with pytest.raises(BodyBroken, match="64 gzip members"):
        unpacker.feed(gzip.compress(b"") * 1000)


async def test_a_client_over_a_bounded_transport_sees_plain_answers_and_an_httpx_error_for_the_rest() -> None:
    async with httpx.AsyncClient(transport=BoundedTransport(httpx.AsyncHTTPTransport(), LIMIT)) as client:
        async with serving(gzip.compress(b'{"a": 1}'), "gzip") as url:
            assert (await client.get(url)).json() == {"a": 1}
        async with serving(ONCE, "gzip") as url:
            with held(), pytest.raises(httpx.HTTPError, match="more than 65536 bytes") as caught:
                await client.get(url)
    assert isinstance(caught.value, AnswerRefused)


async def test_calls_to_our_own_processes_are_bounded_and_pass_by_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with serving(b"hello") as url, own_client(url, seconds=10) as client:
        assert (await client.get("/health")).text == "hello"
    async with serving(TWICE, "gzip, gzip") as url, own_client(url, seconds=10) as client:
        with held(), pytest.raises(httpx.HTTPError, match="gzip, gzip"):
            await client.get("/stats")
