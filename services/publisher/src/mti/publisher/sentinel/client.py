"""One upload: one HTTP request, and what its answer means. What to do about it is not decided here."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Protocol, Self

import httpx
import msgspec

from mti.common.bounded_http import BodyRefused
from mti.common.bounded_http.httpx_bodies import IDENTITY, read_body
from mti.common.clock_check import ClockCheck
from mti.common.contracts import Carried
from mti.common.foreign_words import words_of_others
from mti.common.logs import redaction
from mti.common.network.proxies import proxy_clause
from mti.common.network.transport import Outbound
from mti.common.network.trust import NOT_TRUSTED
from mti.common.ports.clock import Clock
from mti.common.registry import Destination
from mti.common.telemetry import calling
from mti.common.telemetry.attributes import SENTINEL
from mti.publisher.sentinel.answers import Answer, Unavailable, read_answer

TIMEOUT: Final = httpx.Timeout(connect=10.0, read=30.0, write=30.0, pool=30.0)
WHOLE: Final = timedelta(seconds=90)
"""The longest that a request may take in all, for an answer that trickles."""

ANSWER_LIMIT: Final = 1024 * 1024
"""Bytes of an answer: one that refuses each of 100 objects in many words has a tenth of that."""

UPLOAD: Final = "/workspaces/{workspace_id}/threat-intelligence-stix-objects:upload"
"""https://learn.microsoft.com/azure/sentinel/stix-objects-api"""


class TokenSource(Protocol):
    """Gives access tokens out."""

    async def token(self) -> str:
        """Return a token that is good now.

        Raises:
            Pause: the credentials are refused or incomplete.
            TokenUnavailable: whoever gives tokens out does not answer.
        """
        ...


class SentinelClient:
    """Uploads to one workspace.

    Args:
        destination: the workspace.
        tokens: where access tokens come from.
        clock: the time, for answers that name a date.
        transport: what carries the requests; by default one that heeds the proxy of the environment.
        tls: the trust that several clients share, since making it takes time and memory; one of its own when not given.
        timeout: of connecting, and of each read and write.
        whole: the longest that a request may take in all.
        check: compares the clock with every answer; `None` compares nothing.
        in_flight: requests that are under way at once; each has a connection, and one more may be about to end.
    """

    def __init__(
        self,
        destination: Destination,
        tokens: TokenSource,
        clock: Clock,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        tls: ssl.SSLContext | None = None,
        timeout: httpx.Timeout = TIMEOUT,
        whole: timedelta = WHOLE,
        check: ClockCheck | None = None,
        in_flight: int = 1,
    ) -> None:
        limits = httpx.Limits(max_connections=in_flight + 1, max_keepalive_connections=in_flight)
        self._destination = destination
        self._tokens = tokens
        self._clock = clock
        self._check = check
        self._whole = whole / timedelta(seconds=1)
        self._path = UPLOAD.format(workspace_id=destination.id)
        self._url = f"{destination.endpoint}{self._path}"
        self._client = httpx.AsyncClient(
            transport=transport or Outbound(tls, limits=limits),
            timeout=timeout,
            follow_redirects=False,
            headers=IDENTITY,
            params={"api-version": destination.api_version},
        )

    async def upload(self, objects: Sequence[Carried]) -> Answer:
        """Send the objects, at most 100, in one request.

        Raises:
            Pause: the credentials are refused or incomplete.
            TokenUnavailable: whoever gives tokens out does not answer; nothing was sent.
        """
        token = await self._tokens.token()
        redaction.add_passing(token)
        content = request_body(self._destination.source_system, objects)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        began = self._clock.monotonic()
        try:
            with calling(SENTINEL, "POST", self._destination.endpoint, self._path, UPLOAD) as call:
                async with asyncio.timeout(self._whole):
                    async with self._client.stream("POST", self._url, content=content, headers=headers) as answer:
                        call.answered(answer.status_code)
                        now = self._now(answer.headers.get("Date"), self._clock.monotonic() - began)
                        body = await read_body(answer, ANSWER_LIMIT)
        except httpx.TransportError as error:
            said = words_of_others(str(error))
            said += f"; {NOT_TRUSTED}" if "CERTIFICATE_VERIFY_FAILED" in said else ""
            proxy = proxy_clause(self._url)
            return Unavailable(f"no answer{proxy}: {type(error).__name__}{f': {said}' if said else ''}")
        except TimeoutError as error:
            return Unavailable(f"no whole answer: {type(error).__name__}")
        except BodyRefused as error:
            return Unavailable(f"no answer that can be read: {error}")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            # httpx reads headers (`Location`, cookies) that nobody asked for; what they hold is the server's doing.
            return Unavailable(f"an answer that can't be read: {type(error).__name__}")
        known: Mapping[str, str] = answer.headers
        return read_answer(answer.status_code, known, body, objects=len(objects), now=now)

    def _now(self, date: str | None, took: float) -> datetime:
        """Return the time by the server's clock where it says it: a date in its `Retry-After` is by the same one."""
        now = self._clock.now()
        skew = self._check.compare(SENTINEL, date, took) if self._check is not None else None
        return now if skew is None else now - skew.ahead

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def request_body(source_system: str, objects: Sequence[Carried]) -> bytes:
    """Return the body of an upload."""
    head = msgspec.json.encode(source_system)
    return b'{"sourcesystem":%b,"stixobjects":[%b]}' % (head, b",".join([carried.text for carried in objects]))
