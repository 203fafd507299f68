"""The clients of all accounts, one each, over one pool of connections."""

import random
from datetime import timedelta

import httpx

from mti.common.clock_check import LIMIT, ClockCheck
from mti.common.network.transport import Outbound
from mti.common.ports.clock import Clock
from mti.common.ports.secrets import SecretResolver
from mti.common.registry.model import MimecastAccount
from mti.fetcher.mimecast.client import MimecastClient
from mti.fetcher.mimecast.clock_skew import MimecastTime
from mti.fetcher.mimecast.exchange import HttpLimits

_CONNECTIONS = httpx.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=5.0)
"""As many as there are jobs at once; each is soon let go, since its account is not asked again for minutes."""


class MimecastClients:
    """Makes a client when its account is first used, and keeps it, with its token and its renewed keys.

    The connections are shared by all: setting TLS up is dear, and nothing of an account is kept on a connection.
    Cookies are: each client has its own.
    """

    def __init__(
        self,
        secrets: SecretResolver,
        clock: Clock,
        rng: random.Random,
        limits: HttpLimits | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock_skew: timedelta = LIMIT,
    ) -> None:
        self._secrets = secrets
        self._clock = clock
        self._rng = rng
        self._limits = limits
        self._transport = transport
        self._check = MimecastTime(ClockCheck(clock, clock_skew))
        self._clients: dict[tuple[str, str, str], tuple[MimecastAccount, MimecastClient]] = {}

    def of(self, account: MimecastAccount) -> MimecastClient:
        """Return the account's client; a new one when the tenants file refers to other secrets than before."""
        key = (account.tenant, account.api, account.base_url)
        known = self._clients.get(key)
        if known is None or known[0].secrets != account.secrets:
            if self._transport is None:
                self._transport = Outbound(limits=_CONNECTIONS)
            client = MimecastClient(
                account, self._secrets, self._transport, self._clock, self._rng, self._limits, self._check
            )
            known = self._clients[key] = (account, client)
        return known[1]

    async def close(self) -> None:
        """Close all connections."""
        self._clients.clear()
        if self._transport is not None:
            await self._transport.aclose()
            self._transport = None
