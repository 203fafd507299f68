"""One Mimecast account: its feed, asked one page at a time."""

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime

import httpx
import orjson

from mti.common.ports.clock import Clock
from mti.common.ports.secrets import SecretResolver
from mti.common.registry.model import MimecastAccount, MimecastApi
from mti.common.telemetry import labelled
from mti.fetcher.mimecast.auth_v1 import SignedAuthentication
from mti.fetcher.mimecast.auth_v2 import BearerAuthentication
from mti.fetcher.mimecast.authentication import Authentication, Credentials
from mti.fetcher.mimecast.clock_skew import MimecastTime
from mti.fetcher.mimecast.exchange import Exchange, HttpLimits
from mti.fetcher.mimecast.model import Answer, FeedPage, FeedRequest
from mti.fetcher.mimecast.refusals import naming, no_answer, subject_of
from mti.fetcher.mimecast.responses import decode, judge

FEED_PATH = "/api/ttp/threat-intel/get-feed"

_CURABLE = frozenset({401, 418})


@dataclass(frozen=True, slots=True)
class FeedAnswer:
    """What get-feed sent, still packed: small enough for many to wait until there is room to unpack one."""

    answer: Answer
    request: FeedRequest
    asked_at: datetime
    subject: str
    clock: Clock
    unpacked_limit: int

    def page(self, accepted: str | None = None) -> FeedPage:
        """Unpack and read it.

        Args:
            accepted: damage that the page was seen to have again and again: the rest of it is used.

        Raises:
            Retry: the same page is to be asked for again.
            Pause: somebody has to do something first.
            TokenRefused: the window can't be continued.
        """
        with naming(self.subject):
            content = decode(self.answer, self.unpacked_limit, accepted)
            return judge(self.answer, content, self.request, self.clock.now())


class MimecastClient:
    """Calls the API on behalf of one account. Tokens and renewed keys are kept, so make one an account.

    Args:
        account: whose feed it is, and where.
        secrets: resolves the account's references.
        transport: how requests travel; `None` is httpx's own.
        clock: the time.
        rng: for request ids.
        limits: of time and size.
        check: compares the clock with every answer.
    """

    def __init__(
        self,
        account: MimecastAccount,
        secrets: SecretResolver,
        transport: httpx.AsyncBaseTransport | None,
        clock: Clock,
        rng: random.Random,
        limits: HttpLimits | None = None,
        check: MimecastTime | None = None,
    ) -> None:
        self._account = account
        self._clock = clock
        self._limits = limits or HttpLimits()
        self._exchange = Exchange(account.base_url, transport, self._limits, check)
        credentials = Credentials(account, secrets)
        self._authentication: Authentication
        if account.api is MimecastApi.V2:
            self._authentication = BearerAuthentication(credentials, self._exchange, clock)
        else:
            self._authentication = SignedAuthentication(credentials, self._exchange, clock, rng)

    async def get_feed(self, request: FeedRequest) -> FeedAnswer:
        """Ask for one page.

        It is one request, or two when the first one's credentials could be renewed.

        Raises:
            Retry: there was no whole answer.
            Pause: there are no credentials, or the answer is too large.
        """
        subject, asked_at = subject_of(request.source, self._account.tenant), self._clock.now()
        with naming(subject), labelled(tenant=self._account.tenant, source=request.source):
            try:
                async with asyncio.timeout(self._limits.whole_seconds):
                    answer = await self._get(request)
            except TimeoutError as error:
                raise no_answer(f"no whole answer came within {self._limits.whole_seconds:.0f} s") from error
        return FeedAnswer(answer, request, asked_at, subject, self._clock, self._limits.unpacked_bytes)

    async def prove(self) -> bool:
        """See whether Mimecast takes the credentials, without asking for the feed: each download is in the audit log.

        Returns:
            Whether that could be seen. API 1.0 has nothing to ask but the feed: there the secrets are read, no more.

        Raises:
            Retry: there was no answer.
            Pause: the credentials can't be read, or are refused.
        """
        subject = f"tenant {self._account.tenant}"
        with naming(subject):
            try:
                async with asyncio.timeout(self._limits.whole_seconds):
                    await self._authentication.headers(FEED_PATH)
            except TimeoutError as error:
                raise no_answer(f"no whole answer came within {self._limits.whole_seconds:.0f} s") from error
        return self._account.api is MimecastApi.V2

    async def close(self) -> None:
        """Close the client's own connections."""
        await self._exchange.close()

    async def _get(self, request: FeedRequest) -> Answer:
        body = orjson.dumps(request.body())
        sent = await self._authentication.headers(FEED_PATH)
        answer = await self._post(sent, body)
        if answer.status in _CURABLE and await self._authentication.renew(answer.status, sent):
            answer = await self._post(await self._authentication.headers(FEED_PATH), body)
        return answer

    async def _post(self, headers: dict[str, str], body: bytes) -> Answer:
        return await self._exchange.post(
            FEED_PATH, {**headers, "Content-Type": "application/json", "Accept": "*/*"}, body
        )
