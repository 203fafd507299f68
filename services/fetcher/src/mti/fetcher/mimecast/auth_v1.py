"""API 1.0: requests signed with HMAC-SHA1, and the binding of the access key, which expires.

The scheme is Mimecast's (https://integrations.mimecast.com/documentation/api-overview/authorization/): the signature
is over `{x-mc-date}:{x-mc-req-id}:{path}:{application key}` under the decoded secret key. An expired binding is
answered with 418; logging in with the account's email and password binds it again and may hand out new keys
(https://integrations.mimecast.com/documentation/endpoint-reference/logs-and-statistics/login/).
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson

from mti.common.errors import Pause
from mti.common.logs import redaction
from mti.common.ports.clock import Clock
from mti.fetcher.mimecast.authentication import Credentials, malformed
from mti.fetcher.mimecast.contents import failures_said
from mti.fetcher.mimecast.exchange import SMALL, Exchange
from mti.fetcher.mimecast.failures import words_of
from mti.fetcher.mimecast.feed_files import document_of, looks_like_json
from mti.fetcher.mimecast.limits import free_in
from mti.fetcher.mimecast.model import Answer
from mti.fetcher.mimecast.refusals import rate_limited, unavailable

LOGIN_PATH: Final = "/api/login/login"
LOGIN_VERSION: Final = "2014.6.1"

_REFUSED = frozenset({400, 401, 403})
"""Statuses of a login that other credentials may change."""
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Keys:
    """An access key and the secret key that belongs to it."""

    access: str
    secret: str

    def __repr__(self) -> str:
        return "Keys(…)"


class SignedAuthentication:
    """Signs the calls of one account.

    Keys that a login handed out are used from then on, until the configured ones change: that is a rotation.
    """

    def __init__(self, credentials: Credentials, exchange: Exchange, clock: Clock, rng: random.Random) -> None:
        self._credentials = credentials
        self._exchange = exchange
        self._clock = clock
        self._rng = rng
        self._renewed: Keys | None = None
        self._renewed_from: Keys | None = None
        self._lock = asyncio.Lock()

    async def headers(self, path: str) -> dict[str, str]:
        """See `Authentication.headers`."""
        keys = await self._keys()
        app_id, app_key = await self._credentials.read("app_id"), await self._credentials.read("app_key")
        date = api_date(self._clock.now())
        request_id = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        return {
            "Authorization": f"MC {keys.access}:{signature(keys, f'{date}:{request_id}:{path}:{app_key}')}",
            "x-mc-app-id": app_id,
            "x-mc-date": date,
            "x-mc-req-id": request_id,
        }

    async def renew(self, status: int, sent: Mapping[str, str]) -> bool:
        """See `Authentication.renew`: 401 has the secrets read again, 418 logs in."""
        refused = sent["Authorization"].removeprefix("MC ").rpartition(":")[0]
        async with self._lock:
            keys = await self._keys()
            if keys.access != refused:
                return True
            if status == 418:
                await self._log_in(keys)
            else:
                self._renewed = None
                self._credentials.forget()
        return True

    async def _configured(self) -> Keys:
        return Keys(await self._credentials.read("access_key"), await self._credentials.read("secret_key"))

    async def _keys(self) -> Keys:
        configured = await self._configured()
        if self._renewed is None or self._renewed_from != configured:
            return configured
        return self._renewed

    async def _log_in(self, expired: Keys) -> None:
        if not self._credentials.has("email", "password"):
            raise Pause(
                "BindingExpired",
                "the access key's binding has expired (418): name email and password in the tenants file, so that it"
                " is renewed, or make a new access key and put it where the tenants file refers to",
            )
        tried = await self._person()
        answer = await self._ask_to_log_in(*tried, expired)
        if answer.status in _REFUSED:
            self._credentials.forget()
            again = await self._person()
            if again != tried:  # the password was rotated since it was read
                answer = await self._ask_to_log_in(*again, expired)
        self._renewed = self._keys_in(answer, expired)
        self._renewed_from = await self._configured()

    async def _person(self) -> tuple[str, str]:
        return await self._credentials.read("email"), await self._credentials.read("password")

    async def _ask_to_log_in(self, email: str, password: str, expired: Keys) -> Answer:
        headers = {
            "Authorization": "Basic-Cloud " + base64.b64encode(f"{email}:{password}".encode()).decode(),
            "x-mc-app-id": await self._credentials.read("app_id"),
            "x-mc-api-version": LOGIN_VERSION,
            "Content-Type": "application/json",
        }
        body = orjson.dumps({"data": [{"userName": email, "accessKey": expired.access}]})
        return await self._exchange.post(LOGIN_PATH, headers, body, limit=SMALL)

    def _keys_in(self, answer: Answer, expired: Keys) -> Keys:
        """Return the keys of a login's answer; those it does not name stay as they were."""
        words = words_of(failures_said(answer.body)) or "without a reason"
        if answer.status == 429:
            raise rate_limited(free_in(answer.headers, self._clock.now(), limited=True))
        if answer.status >= 500 or not looks_like_json(answer.body):
            raise unavailable(f"Mimecast's login answered {answer.status} {words}")
        document = document_of(answer.body)
        data = document.get("data") if isinstance(document, dict) else None
        if answer.status != 200 or not isinstance(data, list) or not data or not isinstance(data[0], dict):
            raise Pause(
                "BindingExpired",
                f"the access key's binding has expired (418) and could not be renewed ({answer.status} {words}): put"
                " the email and password of the account's API user where the tenants file refers to, or make a new"
                " access key; they are read again at the next probe",
            )
        access, secret = data[0].get("accessKey"), data[0].get("secretKey")
        for key in (access, secret):
            if isinstance(key, str):
                redaction.add(key)
        return Keys(
            access if isinstance(access, str) and access.isascii() and access.isprintable() else expired.access,
            secret if isinstance(secret, str) and secret else expired.secret,
        )


def signature(keys: Keys, text: str) -> str:
    """Return the signature of a text.

    Raises:
        Pause: `CredentialsMalformed`, the secret key is not Base64.
    """
    try:
        key = base64.b64decode(keys.secret, validate=True)
    except (binascii.Error, ValueError):
        raise malformed("secret_key") from None
    return base64.b64encode(hmac.new(key, text.encode(), hashlib.sha1).digest()).decode()


def api_date(moment: datetime) -> str:
    """Return a time as `x-mc-date` has it, `Tue, 24 Nov 2015 12:50:11 UTC`, whatever the locale of this machine is."""
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day}, {moment.day:02} {month} {moment.year} {moment:%H:%M:%S} UTC"
