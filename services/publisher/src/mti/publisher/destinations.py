"""The uploaders of all destinations: made when first needed, kept while the process lives, closed at its end."""

import random
import ssl
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Protocol, Self

import httpx

from mti.common.clock_check import ClockCheck
from mti.common.network.trust import system_context
from mti.common.ports.clock import Clock
from mti.common.ports.secrets import SecretResolver
from mti.common.registry import Destination
from mti.publisher.budget import IN_FLIGHT
from mti.publisher.records.waits import Waits
from mti.publisher.retrying import Attempts, Renewable, RetryingClient
from mti.publisher.sentinel import SentinelClient, Tokens, TokenSource
from mti.publisher.sentinel.client import TIMEOUT
from mti.publisher.uploader import Uploader


class DestinationTokens(TokenSource, Renewable, Protocol):
    """The access tokens of one destination; see `Tokens`."""

    async def close(self) -> None:
        """Let go of whatever they were got by."""
        ...


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
        transport: what carries the uploads; by default the network.
        tokens: makes the tokens of a destination; by default those of Microsoft Entra ID.
        in_flight: requests of one destination that are under way at once.
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
        transport: httpx.AsyncBaseTransport | None = None,
        tokens: Callable[[Destination], DestinationTokens] | None = None,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        self._secrets = secrets
        self._clock = clock
        self._rng = rng
        self._timeout = timeout
        self._attempts = attempts
        self._waits = waits
        self._check = check
        self._tls: ssl.SSLContext | None = None
        self._transport = transport
        self._tokens = tokens or self._entra_tokens
        self._in_flight = in_flight
        self._uploaders: dict[str, tuple[Destination, Uploader]] = {}
        self._open: list[tuple[SentinelClient, DestinationTokens]] = []

    def connect(self, destination: Destination) -> Uploader:
        """Return the uploader of a destination: a new one where it is described otherwise than before."""
        described = replace(destination, tenants=())
        known = self._uploaders.get(destination.id)
        if known is None or known[0] != described:
            known = (described, self._uploader(destination))
            self._uploaders[destination.id] = known
        return known[1]

    def _uploader(self, destination: Destination) -> Uploader:
        if self._tls is None and self._transport is None:
            self._tls = system_context()
        tokens = self._tokens(destination)
        client = SentinelClient(
            destination,
            tokens,
            self._clock,
            transport=self._transport,
            tls=self._tls,
            timeout=self._timeout,
            check=self._check,
            in_flight=self._in_flight,
        )
        self._open.append((client, tokens))
        retrying = RetryingClient(
            destination,
            client,
            tokens,
            self._clock,
            self._rng,
            attempts=self._attempts,
            waits=self._waits,
            in_flight=self._in_flight,
        )
        return Uploader(destination, retrying, self._clock, self._rng)

    def _entra_tokens(self, destination: Destination) -> Tokens:
        return Tokens(destination, self._secrets, self._check)

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
