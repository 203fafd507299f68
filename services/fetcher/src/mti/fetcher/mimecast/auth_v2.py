"""API 2.0: OAuth 2 client credentials (RFC 6749, section 4.4), at `POST /oauth/token`.

A token lives about an hour (https://developer.services.mimecast.com/api-overview). It is kept and renewed a minute
before it ends.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from mti.common.errors import Pause
from mti.common.logs import redaction
from mti.common.ports.clock import Clock
from mti.fetcher.mimecast.authentication import Credentials
from mti.fetcher.mimecast.contents import failures_said
from mti.fetcher.mimecast.exchange import SMALL, Exchange
from mti.fetcher.mimecast.failures import words_of
from mti.fetcher.mimecast.feed_files import document_of, looks_like_json
from mti.fetcher.mimecast.limits import free_in
from mti.fetcher.mimecast.model import Answer
from mti.fetcher.mimecast.refusals import rate_limited, unavailable

TOKEN_PATH: Final = "/oauth/token"  # noqa: S105  an address
EARLY: Final = 60.0
"""Seconds before its end when a token is no longer used."""
UNSAID: Final = 300.0
"""Seconds for which a token is used whose answer does not say how long it lives."""

_REFUSED = frozenset({400, 401, 403})


@dataclass(frozen=True, slots=True)
class _Bearer:
    value: str
    until: float

    def __repr__(self) -> str:
        return "_Bearer(…)"


class BearerAuthentication:
    """Signs the calls of one account with a bearer token, which all its feeds share."""

    def __init__(self, credentials: Credentials, exchange: Exchange, clock: Clock) -> None:
        self._credentials = credentials
        self._exchange = exchange
        self._clock = clock
        self._bearer: _Bearer | None = None
        self._lock = asyncio.Lock()

    async def headers(self, path: str) -> dict[str, str]:  # noqa: ARG002  the port's form
        """See `Authentication.headers`."""
        async with self._lock:
            if self._bearer is None or self._clock.monotonic() >= self._bearer.until:
                self._bearer = await self._fetch()
            return _header(self._bearer)

    async def renew(self, status: int, sent: Mapping[str, str]) -> bool:
        """See `Authentication.renew`: after 401 the secrets are read again and a new token is asked for, once."""
        if status != 401:
            return False
        async with self._lock:
            if self._bearer is not None and _header(self._bearer) == dict(sent):
                self._bearer = None
                self._credentials.forget()
        return True

    async def _fetch(self) -> _Bearer:
        tried = await self._pair()
        answer = await self._ask(tried)
        if answer.status in _REFUSED:
            self._credentials.forget()
            again = await self._pair()
            if again != tried:  # the secret was rotated since it was read
                answer = await self._ask(again)
        return self._read(answer)

    async def _pair(self) -> tuple[str, str]:
        return await self._credentials.read("client_id"), await self._credentials.read("client_secret")

    async def _ask(self, pair: tuple[str, str]) -> Answer:
        form = {"client_id": pair[0], "client_secret": pair[1], "grant_type": "client_credentials"}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        return await self._exchange.post(TOKEN_PATH, headers, urlencode(form).encode(), limit=SMALL)

    def _read(self, answer: Answer) -> _Bearer:
        words = words_of(failures_said(answer.body)) or "without a reason"
        if answer.status in _REFUSED:
            raise Pause(
                "CredentialsRefused",
                f"Mimecast gives no token for the client_id and client_secret ({answer.status} {words}): put valid ones"
                " where the tenants file refers to; they are read again at the next probe",
            )
        if answer.status == 429:
            raise rate_limited(free_in(answer.headers, self._clock.now(), limited=True))
        document = document_of(answer.body) if answer.status == 200 and looks_like_json(answer.body) else None
        token = document.get("access_token") if isinstance(document, dict) else None
        token = token.strip() if isinstance(token, str) else ""
        redaction.add_passing(token)
        if not isinstance(document, dict) or not _fits_a_header(token):
            raise unavailable(f"Mimecast's token service answered {answer.status} {words} and gave no token")
        lives = document.get("expires_in")
        seconds = float(lives) if isinstance(lives, (int, float)) and lives > 0 else UNSAID
        # A token that ends sooner than it would be renewed is used for half of its life.
        return _Bearer(token, self._clock.monotonic() + max(seconds - EARLY, seconds / 2 if seconds < EARLY else 0.0))


def _header(bearer: _Bearer) -> dict[str, str]:
    return {"Authorization": f"Bearer {bearer.value}"}


def _fits_a_header(token: str) -> bool:
    return bool(token) and token.isascii() and token.isprintable() and " " not in token
