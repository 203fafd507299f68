"""The ways to all destinations: made when they are first needed, kept while the process lives, closed at its end."""

import random
import ssl
from types import TracebackType
from typing import Self

import httpx

from mti.common.clock_check import ClockCheck
from mti.common.network.trust import system_context
from mti.common.ports.clock import Clock
from mti.common.ports.secrets import SecretResolver
from mti.common.registry import Destination
from mti.publisher.records.waits import Waits
from mti.publisher.sentinel import SentinelClient, Tokens
from mti.publisher.sentinel.client import TIMEOUT
from mti.publisher.upload import Attempts, Uploader


class Destinations:
    """Connects to destinations, with one trust store for all of them.

    Args:
        secrets: what the tenants file's references stand for.
        clock: the time.
        rng: the jitter.
        timeout: of connecting, and of each read and write of an upload.
        attempts: how often a request is tried.
        waits: where it is written down what a workspace waits for.
        check: compares the machine's clock with every answer; `None` compares nothing.
    """

    def __init__(
        self,
        secrets: SecretResolver,
        clock: Clock,
        rng: random.Random,
        *,
        timeout: httpx.Timeout = TIMEOUT,
        attempts: Attempts | None = None,
        waits: Waits | None = None,
        check: ClockCheck | None = None,
    ) -> None:
        self._secrets = secrets
        self._clock = clock
        self._rng = rng
        self._timeout = timeout
        self._attempts = attempts
        self._waits = waits
        self._check = check
        self._tls: ssl.SSLContext | None = None
        self._open: list[tuple[SentinelClient, Tokens]] = []

    def connect(self, destination: Destination) -> Uploader:
        """Return the way to a destination. To be called once for each, and again when it is described otherwise."""
        if self._tls is None:
            self._tls = system_context()
        tokens = Tokens(destination, self._secrets, self._check)
        client = SentinelClient(
            destination, tokens, self._clock, tls=self._tls, timeout=self._timeout, check=self._check
        )
        self._open.append((client, tokens))
        return Uploader(destination, client, tokens, self._clock, self._rng, attempts=self._attempts, waits=self._waits)

    async def close(self) -> None:
        """Close all connections."""
        while self._open:
            client, tokens = self._open.pop()
            await client.close()
            await tokens.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
