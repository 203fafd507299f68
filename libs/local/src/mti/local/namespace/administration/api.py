"""The JSON administration: `GET /health`, `GET /stats`, `POST /scheduled/release`."""

import asyncio

from aiohttp import web

from mti.local.namespace.broker.broker import Broker
from mti.local.namespace.errors import ServiceError


class Administration:
    """Handlers on one broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def application(self) -> web.Application:
        """The routes."""
        application = web.Application()
        application.router.add_get("/health", self.health)
        application.router.add_get("/stats", self.stats)
        application.router.add_post("/scheduled/release", self.release_scheduled)
        return application

    async def health(self, _: web.Request) -> web.Response:
        """Answers while the namespace runs."""
        return web.json_response({"status": "healthy"})

    async def stats(self, _: web.Request) -> web.Response:
        """Counts of each queue, topic and subscription, all read at one instant."""
        return web.json_response(self._broker.statistics())

    async def release_scheduled(self, _: web.Request) -> web.Response:
        """Make every scheduled message due now; answers how many, once they are active."""
        released: asyncio.Future[ServiceError | None] = asyncio.get_running_loop().create_future()
        count = self._broker.release_scheduled(released.set_result)
        error = await released
        if error is not None:
            return web.json_response({"error": str(error)}, status=500)
        return web.json_response({"released": count})
