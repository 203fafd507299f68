"""Serves the administration over HTTP."""

import asyncio

from aiohttp import web


class HttpServer:
    """One aiohttp application; who listens gives it the connections."""

    def __init__(self, application: web.Application) -> None:
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)

    async def start(self) -> None:
        """Be ready for connections."""
        await self._runner.setup()

    def connection(self) -> asyncio.Protocol:
        """The protocol of one connection."""
        server = self._runner.server
        if server is None:
            raise RuntimeError("the HTTP server was not started")
        return server()

    async def stop(self) -> None:
        """End all connections."""
        await self._runner.cleanup()
