"""One POST: bounded in time and size, never redirected, never repeated."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from mti.common.bounded_http import BodyRefused, BodyTooLarge
from mti.common.bounded_http.httpx_bodies import IDENTITY, read_body
from mti.common.errors import Pause
from mti.common.foreign_words import words_of_others
from mti.common.network.proxies import proxy_clause
from mti.common.network.transport import Outbound
from mti.common.network.trust import NOT_TRUSTED
from mti.common.server_time import ServerTime
from mti.common.telemetry import calling
from mti.common.telemetry.attributes import MIMECAST
from mti.fetcher.mimecast.clock_skew import MimecastTime
from mti.fetcher.mimecast.model import Answer
from mti.fetcher.mimecast.refusals import no_answer, too_large, unreadable

USER_AGENT = "mti-fetcher"
SMALL = 256 * 1024
"""Bytes that the answer of a login or a token request may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """What a call may take."""

    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    """Between two pieces of an answer."""
    whole_seconds: float = 240.0
    """For a page, its authentication included: less than a claim on a source lasts."""
    response_bytes: int = 64 * 1024 * 1024
    unpacked_bytes: int = 256 * 1024 * 1024


class Exchange:
    """Posts to one Mimecast base URL.

    Args:
        base_url: without a trailing slash.
        transport: how requests travel; `None` is one of its own. Left open by `close`, since accounts share it.
        limits: of time and size.
        check: compares the clock with every answer; `None` compares nothing.
    """

    def __init__(
        self,
        base_url: str,
        transport: httpx.AsyncBaseTransport | None,
        limits: HttpLimits,
        check: MimecastTime | None = None,
    ) -> None:
        self._check = check
        self._base_url = base_url
        self._limits = limits
        self._own = transport is None
        self._http = httpx.AsyncClient(
            transport=transport or Outbound(),
            timeout=httpx.Timeout(limits.read_seconds, connect=limits.connect_seconds),
            follow_redirects=False,
            headers={"User-Agent": USER_AGENT, **IDENTITY},
        )

    async def post(self, path: str, headers: Mapping[str, str], content: bytes, *, limit: int | None = None) -> Answer:
        """Return the answer, whatever its status.

        Args:
            path: below the base URL.
            headers: to send.
            content: the body.
            limit: bytes that the answer may have; by default as many as a page may.

        Raises:
            Retry: `MimecastUnavailable`, there was no answer, or none in time, or it broke off; or `UnreadablePage`, it
                is packed in a way that is not read.
            Pause: `RedirectRefused`, `PageTooLarge`, or `ClockSkew`.
        """
        bound = self._limits.response_bytes if limit is None else limit
        began = self._check.monotonic() if self._check else 0.0
        try:
            with calling(MIMECAST, "POST", self._base_url, path) as call:
                async with self._http.stream(
                    "POST", f"{self._base_url}{path}", headers=headers, content=content
                ) as response:
                    call.answered(response.status_code)
                    _refuse_redirect(response)
                    # Before anybody reads it: a refused signature or an expired token may be the clock's fault.
                    time = self._time_in(response, began)
                    body = await _body(response, bound)
                    return Answer(status=response.status_code, headers=response.headers, body=body, time=time)
        except httpx.HTTPError as error:
            host = urlsplit(self._base_url).netloc
            proxy = proxy_clause(self._base_url)
            raise no_answer(f"{host} gave no whole answer{proxy} ({_cause(error)})") from error

    def _time_in(self, response: httpx.Response, began: float) -> ServerTime | None:
        if self._check is None:
            return None
        return self._check.compare(response.headers, self._check.monotonic() - began)

    async def close(self) -> None:
        """Close the connections, unless they are of a transport that was given."""
        if self._own:
            await self._http.aclose()


def _refuse_redirect(response: httpx.Response) -> None:
    if not response.is_redirect:
        return
    target = urlsplit(response.headers.get("Location", ""))
    where = f"{target.scheme}://{target.netloc}{target.path}" if target.netloc else target.path
    raise Pause(
        "RedirectRefused",
        f"Mimecast answered {response.status_code} and points to {words_of_others(where, 200)!r}, where credentials are"
        " not sent: put the right base_url of the region into the tenants file",
    )


async def _body(response: httpx.Response, limit: int) -> bytes:
    try:
        return await read_body(response, limit)
    except BodyTooLarge as error:
        cure = "if a page of that size is genuine, raise MTI_MIMECAST_RESPONSE_LIMIT"
        raise too_large(str(error), cure) from error
    except BodyRefused as error:
        raise unreadable(str(error)) from error


def _cause(error: httpx.HTTPError) -> str:
    """Name the kind of error; its text may hold what does not belong into a log."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return NOT_TRUSTED
    if isinstance(error, httpx.ProxyError):
        return f"the proxy refused: {words_of_others(str(error), 100)}"
    return type(error).__name__
