"""One HTTP server on the loopback address, inside a running event loop."""

import asyncio
import ssl
from collections.abc import Callable, Iterable
from datetime import datetime
from email.utils import format_datetime
from types import TracebackType
from typing import Self

from aiohttp import web
from aiohttp.typedefs import Handler

Route = tuple[str, str, Handler]
"""Method, path and handler."""

_MAX_BODY = 64 * 1024 * 1024


class LoopbackServer:
    """Serves routes on 127.0.0.1 while the context is open.

    Subclasses hand over their routes; requests that hang are let go when the server closes. `now`, in UTC, is what the
    answers say in `Date`.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._date = now
        self._port = port
        self._tls = tls
        self._routes = list(routes)
        self._runner: web.AppRunner | None = None
        self._closing = asyncio.Event()

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:PORT`, or https, once the server is open."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    def add_routes(self, routes: Iterable[Route]) -> None:
        """Serve more routes; to be called before the context is opened."""
        self._routes.extend(routes)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=_MAX_BODY)
        app.add_routes([web.route(method, path, handler) for method, path, handler in self._routes])
        if self._date is not None:
            app.on_response_prepare.append(self._dated)
        self._closing.clear()
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self._tls)
        await site.start()
        addresses = self._runner.addresses
        self._port = int(addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._runner is not None:
            served = self._runner.server
            transports = [each.transport for each in served.connections] if isinstance(served, web.Server) else []
            await self._runner.cleanup()
            self._runner = None
            for transport in transports:
                # Closed by now, but who does not read on would keep it: what is left to send, or the goodbye of TLS.
                if transport is not None:
                    transport.abort()
            await asyncio.sleep(0)

    async def _dated(self, _: web.Request, response: web.StreamResponse) -> None:
        if self._date is not None:
            response.headers["Date"] = format_datetime(self._date(), usegmt=True)

    async def wait(self, seconds: float) -> None:
        """Hold a request for that long, or until the server closes."""
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return

    @staticmethod
    def drop(request: web.Request) -> web.Response:
        """Cut the connection; the answer returned is never sent."""
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
