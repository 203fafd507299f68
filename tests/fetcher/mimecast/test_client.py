"""The client against a server of its own, over a socket: what no simulator of a well-meant API does."""

import asyncio
import contextlib
import gzip
import random
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from aiohttp import web

from mti.common.adapters.secrets import ReferenceResolver
from mti.common.errors import Pause, Retry
from mti.common.registry import Feed, FeedFormat, MimecastAccount
from mti.fetcher.mimecast import FeedPage, FeedRequest, HttpLimits, MimecastClients
from mti.fetcher.mimecast.auth_v1 import Keys, api_date, signature
from mti.simulators.serving import LoopbackServer
from tests.fetcher.world import CUSTOMER, NOW, OLD_CUSTOMER, TurnedClock, account

ENVIRON = {
    "CONTOSO_ID": "contoso-id",
    "CONTOSO_SECRET": "contoso-secret",
    "FABRIKAM_APP_ID": "app",
    "FABRIKAM_APP_KEY": "app-key",
    "FABRIKAM_ACCESS_KEY": "first",
    "FABRIKAM_SECRET_KEY": "Zmlyc3Q=",
    "FABRIKAM_EMAIL": "admin@fabrikam.example",
    "FABRIKAM_PASSWORD": "pass:word",
}
EMPTY = b'{"type":"bundle","id":"bundle--1","objects":[]}'
FEED = "/api/ttp/threat-intel/get-feed"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Script:
    """A server that answers as it is told and remembers what it was asked."""

    feed: Answer
    token: Answer
    requests: list[web.Request] = field(default_factory=list)

    async def on(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.requests.append(request)
        return await (self.token if request.path != FEED else self.feed)(request)

    def asked(self, path: str) -> int:
        return sum(request.path == path for request in self.requests)


@dataclass
class Side:
    """Our side of the socket."""

    clients: MimecastClients
    clock: TurnedClock
    base_url: str
    environ: dict[str, str]

    async def page(self, tenant: str = "contoso") -> FeedPage:
        return (await self.clients.of(self.account(tenant)).get_feed(self.request(tenant))).page()

    def account(self, tenant: str) -> MimecastAccount:
        return account(self.base_url, tenant)

    @staticmethod
    def request(tenant: str) -> FeedRequest:
        return FeedRequest(
            source=CUSTOMER if tenant == "contoso" else OLD_CUSTOMER,
            feed=Feed.MALWARE_CUSTOMER,
            format=FeedFormat.STIX,
            start=NOW - timedelta(days=1),
            end=NOW,
        )


@asynccontextmanager
async def talking(script: Script, limits: HttpLimits | None = None) -> AsyncIterator[Side]:
    clock, environ = TurnedClock(), dict(ENVIRON)
    secrets = ReferenceResolver(clock=clock, environ=environ, on_value=lambda _: None)
    clients = MimecastClients(secrets, clock, random.Random(1), limits or HttpLimits(read_seconds=2))
    paths = (FEED, "/oauth/token", "/api/login/login")
    async with LoopbackServer([("POST", path, script.on) for path in paths], now=clock.now) as server:
        try:
            yield Side(clients, clock, server.base_url, environ)
        finally:
            await clients.close()


def answers(*bodies: object, **fields: object) -> Answer:
    """Answer with these bodies, one after the other, and with the last one from then on."""
    waiting = list(bodies)

    async def answer(_request: web.Request) -> web.StreamResponse:
        body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(body, int):
            return web.Response(status=body)
        if isinstance(body, bytes):
            return web.Response(body=body, **fields)  # type: ignore[arg-type]
        return web.json_response(body)

    return answer


def bearer(value: str = "token-1", **fields: object) -> dict[str, object]:
    return {"access_token": value, "token_type": "Bearer", "expires_in": 1800, **fields}


class TestTransport:
    async def test_a_redirect_is_never_followed_and_is_named(self) -> None:
        elsewhere = answers(b"", status=302, headers={"Location": "https://evil.example/steal?token=x"})
        script = Script(elsewhere, answers(bearer()))
        async with talking(script) as side:
            with pytest.raises(Pause) as caught:
                await side.page()
        assert caught.value.reason == "RedirectRefused"
        assert "https://evil.example/steal" in caught.value.description
        assert "token=x" not in caught.value.description
        assert script.asked(FEED) == 1

    async def test_a_redirect_of_the_token_request_is_never_followed(self) -> None:
        elsewhere = answers(b"", status=307, headers={"Location": "/oauth/token"})
        script = Script(answers(EMPTY), elsewhere)
        async with talking(script) as side:
            with pytest.raises(Pause, match="RedirectRefused"):
                await side.page()
        assert script.asked("/oauth/token") == 1

    async def test_a_server_that_does_not_answer_is_tried_again_later(self) -> None:
        async with talking(Script(answers(EMPTY), answers(bearer()))) as side:
            dead = account("http://127.0.0.1:9")
            with pytest.raises(Retry) as caught:
                await side.clients.of(dead).get_feed(side.request("contoso"))
        assert caught.value.reason == "MimecastUnavailable"
        assert "127.0.0.1:9" in caught.value.description

    async def test_an_answer_that_never_ends_is_cut_off_in_time(self) -> None:
        async def drip(request: web.Request) -> web.StreamResponse:
            answer = web.StreamResponse()
            await answer.prepare(request)
            while not server.done:
                await answer.write(b" ")
                await clock.sleep(0)
            return answer

        class Done:
            done = False

        server, clock = Done(), TurnedClock()
        async with talking(Script(drip, answers(bearer())), HttpLimits(whole_seconds=0.2)) as side:
            with pytest.raises(Retry) as caught:
                await side.page()
            server.done = True
        assert caught.value.reason == "MimecastUnavailable"
        assert "within" in caught.value.description

    async def test_cookies_of_one_account_are_not_sent_for_another(self) -> None:
        script = Script(answers(EMPTY, headers={"Set-Cookie": "session=contoso"}), answers(bearer()))
        async with talking(script) as side:
            await side.page()
            await side.page("fabrikam")
        assert "Cookie" not in script.requests[-1].headers

    async def test_a_compressed_body_is_bounded_by_what_it_unpacks_to(self) -> None:
        async def bomb(_request: web.Request) -> web.StreamResponse:
            answer = web.Response(body=b" " * 8_000_000)
            answer.enable_compression(web.ContentCoding.gzip)
            return answer

        limits = HttpLimits(read_seconds=5, response_bytes=100_000)
        async with talking(Script(bomb, answers(bearer())), limits) as side:
            with pytest.raises(Pause, match="PageTooLarge"):
                await side.page()


class TestBearer:
    async def test_a_token_is_kept_and_renewed_a_minute_early(self) -> None:
        script = Script(answers(EMPTY), answers(bearer("one"), bearer("two")))
        async with talking(script) as side:
            await side.page()
            side.clock.turn(seconds=1739)
            await side.page()
            assert script.asked("/oauth/token") == 1
            side.clock.turn(seconds=1)
            await side.page()
            assert script.asked("/oauth/token") == 2
            assert script.requests[-1].headers["Authorization"] == "Bearer two"

    async def test_after_a_401_there_is_one_new_token_and_one_new_try(self) -> None:
        script = Script(answers(401), answers(bearer()))
        async with talking(script) as side:
            with pytest.raises(Pause, match="CredentialsRefused"):
                await side.page()
        assert (script.asked("/oauth/token"), script.asked(FEED)) == (2, 2)

    async def test_a_token_that_lives_shorter_than_a_minute_is_used_all_the_same(self) -> None:
        script = Script(answers(EMPTY), answers(bearer(expires_in=20)))
        async with talking(script) as side:
            await side.page()
            side.clock.turn(seconds=9)
            await side.page()
        assert script.asked("/oauth/token") == 1

    @pytest.mark.parametrize("lives", [None, "soon", -1])
    async def test_a_token_of_unknown_life_is_used_for_a_while(self, lives: object) -> None:
        script = Script(answers(EMPTY), answers(bearer(expires_in=lives)))
        async with talking(script) as side:
            await side.page()
            await side.page()
        assert script.asked("/oauth/token") == 1

    @pytest.mark.parametrize(
        ("answer", "kind", "reason"),
        [
            (b"<html>", Retry, "MimecastUnavailable"),
            ({}, Retry, "MimecastUnavailable"),
            (bearer("two words\n"), Retry, "MimecastUnavailable"),
            (500, Retry, "MimecastUnavailable"),
            (429, Retry, "MimecastRateLimited"),
            (401, Pause, "CredentialsRefused"),
            (400, Pause, "CredentialsRefused"),
        ],
    )
    async def test_a_token_service_that_gives_no_token(
        self, answer: object, kind: type[Exception], reason: str
    ) -> None:
        async with talking(Script(answers(EMPTY), answers(answer))) as side:
            with pytest.raises(kind) as caught:
                await side.page()
        assert isinstance(caught.value, (Retry, Pause))
        assert caught.value.reason == reason
        assert CUSTOMER in caught.value.description
        assert "contoso-secret" not in str(caught.value)

    async def test_a_rotated_secret_is_read_again_before_it_is_given_up(self) -> None:
        script = Script(answers(EMPTY), answers(401, bearer()))
        async with talking(script) as side:
            side.environ["CONTOSO_SECRET"] = "old"
            original = script.token

            async def rotate(request: web.Request) -> web.StreamResponse:
                side.environ["CONTOSO_SECRET"] = "new"
                return await original(request)

            script.token = rotate
            await side.page()
        assert script.asked("/oauth/token") == 2


class TestSigned:
    async def test_a_configured_key_that_changes_replaces_the_renewed_one(self) -> None:
        renewed = {"meta": {"status": 200}, "data": [{"accessKey": "renewed", "secretKey": "cmVuZXdlZA=="}]}
        script = Script(answers(418, EMPTY), answers(renewed))
        async with talking(script) as side:
            await side.page("fabrikam")
            assert script.requests[-1].headers["Authorization"].startswith("MC renewed:")
            side.environ["FABRIKAM_ACCESS_KEY"] = "rotated"
            side.clock.turn(minutes=6)
            await side.page("fabrikam")
            assert script.requests[-1].headers["Authorization"].startswith("MC rotated:")

    async def test_a_binding_that_stays_expired_pauses_after_one_login(self) -> None:
        script = Script(answers(418), answers({"data": [{"accessKey": "renewed"}]}))
        async with talking(script) as side:
            with pytest.raises(Pause, match="BindingExpired"):
                await side.page("fabrikam")
        assert (script.asked("/api/login/login"), script.asked(FEED)) == (1, 2)

    @pytest.mark.parametrize(
        ("answer", "kind", "reason"),
        [
            (502, Retry, "MimecastUnavailable"),
            (b"<html>", Retry, "MimecastUnavailable"),
            (429, Retry, "MimecastRateLimited"),
            ({"fail": [{"code": "err_login", "message": "no"}]}, Pause, "BindingExpired"),
        ],
    )
    async def test_a_login_that_fails(self, answer: object, kind: type[Exception], reason: str) -> None:
        async with talking(Script(answers(418), answers(answer))) as side:
            with pytest.raises(kind) as caught:
                await side.page("fabrikam")
        assert isinstance(caught.value, (Retry, Pause))
        assert caught.value.reason == reason

    async def test_a_401_has_the_keys_read_again_once(self) -> None:
        script = Script(answers(401), answers({}))
        async with talking(script) as side:
            with pytest.raises(Pause, match="CredentialsRefused"):
                await side.page("fabrikam")
        assert script.asked(FEED) == 2

    @pytest.mark.parametrize("value", ["two\nlines", "schlüssel"])
    async def test_a_key_that_no_header_can_carry_is_named_and_not_shown(self, value: str) -> None:
        async with talking(Script(answers(EMPTY), answers({}))) as side:
            side.environ["FABRIKAM_ACCESS_KEY"] = value
            with pytest.raises(Pause) as caught:
                await side.page("fabrikam")
        assert caught.value.reason == "CredentialsMalformed"
        assert "access_key" in caught.value.description
        assert value not in caught.value.description

    def test_a_signature_is_the_one_of_mimecast_s_scheme(self) -> None:
        text = f"{api_date(NOW)}:00000000-0000-4000-8000-000000000000:{FEED}:app-key"
        assert text.startswith("Tue, 24 Nov 2026 12:00:00 UTC:")
        assert signature(Keys("access", "c2VjcmV0"), text) == "vD0EfShn8Kfsd4Tk8h86+ppuxVA="

    def test_keys_are_not_shown(self) -> None:
        assert "c2VjcmV0" not in repr(Keys("access", "c2VjcmV0"))


class TestBodies:
    """What grows beyond its bound is refused while it streams, wherever it stands in the exchange."""

    @pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "gzip, br", "bogus"])
    async def test_a_page_under_codings_that_are_not_read_is_no_page_and_is_named(self, encoding: str) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Encoding": encoding})
            await response.prepare(request)
            await response.write(gzip.compress(gzip.compress(EMPTY)))
            return response

        async with talking(Script(answer, answers(bearer()))) as side:
            with pytest.raises(Retry) as caught:
                await side.page()
        assert caught.value.reason == "UnreadablePage"
        assert repr(encoding) in caught.value.description
        assert "contoso" in caught.value.description

    async def test_a_page_that_is_unpacked_whole_is_taken(self) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Encoding": "gzip"})
            await response.prepare(request)
            await response.write(gzip.compress(EMPTY))
            return response

        async with talking(Script(answer, answers(bearer()))) as side:
            assert (await side.page()).detections == 0

    async def test_a_token_answer_that_swells_is_refused_at_its_own_small_bound(self) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Encoding": "gzip"})
            await response.prepare(request)
            await response.write(gzip.compress(b" " * 8 * 1024 * 1024))
            return response

        async with talking(Script(answers(EMPTY), answer)) as side:
            with pytest.raises(Pause, match="more than 262144 bytes"):
                await side.page()

    async def test_headers_without_end_are_no_answer_and_are_not_held(self) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nx-mc-threat-feed-next-token: ")
            with contextlib.suppress(ConnectionError):
                while True:
                    writer.write(b"x" * 65536)
                    await writer.drain()
            writer.close()

        async with talking(Script(answers(EMPTY), answers(bearer()))) as side:
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            async with server:
                endless = account(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
                tracemalloc.start()
                with pytest.raises(Retry, match="gave no whole answer"):
                    await side.clients.of(endless).get_feed(side.request("contoso"))
                _, peak = tracemalloc.get_traced_memory()
                tracemalloc.stop()
        assert peak < 8 * 1024 * 1024
