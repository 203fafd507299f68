"""How httpx reaches the world: by the proxy of the environment, trusting the system's authorities."""

import ssl
from typing import Final

import httpx

from mti.common.network.proxies import proxy_for
from mti.common.network.trust import system_context

LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=20)
"""Those of httpx."""


class Outbound(httpx.AsyncBaseTransport):
    """Chooses the way of each request; a client that is given a transport does not look at the environment itself.

    Args:
        tls: the trust, where several share it, since making it takes time and memory.
        limits: of connections, on each way.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, *, limits: httpx.Limits = LIMITS) -> None:
        self._tls = tls
        self._limits = limits
        self._transports: dict[str | None, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request.

        Raises:
            httpx.TransportError: no answer came; `httpx.ProxyError` where the proxy refused.
        """
        return await self._transport_by(proxy_for(str(request.url))).handle_async_request(request)

    async def aclose(self) -> None:
        """Close all connections."""
        transports, self._transports = self._transports, {}
        for transport in transports.values():
            await transport.aclose()

    def _transport_by(self, proxy: str | None) -> httpx.AsyncHTTPTransport:
        if proxy not in self._transports:
            self._tls = self._tls or system_context()
            # To a proxy itself plain HTTP is usual, and then there is no context to give.
            secure = self._tls if proxy is not None and proxy.startswith("https:") else None
            by = None if proxy is None else httpx.Proxy(proxy, ssl_context=secure)
            self._transports[proxy] = httpx.AsyncHTTPTransport(verify=self._tls, proxy=by, limits=self._limits)
        return self._transports[proxy]
