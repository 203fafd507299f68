"""The JSON administration: `GET /health`, `GET /stats`, `GET /messages`, `POST /scheduled/release`."""

import asyncio

from aiohttp import web

from mti.local.namespace.administration.listing import LIMIT, messages
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
        application.router.add_get("/messages", self.messages)
        application.router.add_post("/scheduled/release", self.release_scheduled)
        return application

    async def health(self, _: web.Request) -> web.Response:
        """Answers while the namespace runs."""
        return web.json_response({"status": "healthy"})

    async def stats(self, _: web.Request) -> web.Response:
        """Counts of each queue, topic and subscription, all read at one instant."""
        return web.json_response(self._broker.statistics())

    async def messages(self, request: web.Request) -> web.Response:
        """Messages of `?entity=PATH` from beyond `&after=SEQUENCE`, at most `&limit=N`."""
        query = request.query
        try:
            after, limit = int(query.get("after", "0")), int(query.get("limit", str(LIMIT)))
            found = messages(self._broker, query.get("entity", ""), after, limit)
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        except ServiceError as error:
            return web.json_response({"error": str(error)}, status=404)
        return web.json_response(found)

    async def release_scheduled(self, _: web.Request) -> web.Response:
        """Make every scheduled message due now; answers how many, once they are active."""
        released: asyncio.Future[ServiceError | None] = asyncio.get_running_loop().create_future()
        count = self._broker.release_scheduled(released.set_result)
        error = await released
        if error is not None:
            return web.json_response({"error": str(error)}, status=500)
        return web.json_response({"released": count})
