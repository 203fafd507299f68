"""The administration over HTTP.

In JSON: `GET /health`, `GET /stats`, `GET /messages`, `POST /scheduled/release`, `POST /busy`. All else, and everything
with an `api-version` in its query, is the Atom dialect of the SDK's `ServiceBusAdministrationClient`.
"""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from servicebus_local.access import Access
from servicebus_local.administration.listing import LIMIT, messages
from servicebus_local.administration.resources import Resources
from servicebus_local.broker.broker import Broker
from servicebus_local.errors import ServiceError

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Administration:
    """Handlers on one broker."""

    def __init__(self, broker: Broker, access: Access) -> None:
        self._broker = broker
        self._resources = Resources(broker, access)

    def application(self) -> web.Application:
        """The routes."""
        application = web.Application(middlewares=[self._choose])
        application.router.add_get("/health", self.health)
        application.router.add_get("/stats", self.stats)
        application.router.add_get("/messages", self.messages)
        application.router.add_post("/scheduled/release", self.release_scheduled)
        application.router.add_post("/busy", self.busy)
        application.router.add_route("*", "/{path:.*}", self._resources.handle)
        return application

    @web.middleware
    async def _choose(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        if "api-version" in request.query:
            return await self._resources.handle(request)
        return await handler(request)

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
            documents = messages(self._broker, query.get("entity", ""), after, limit)
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        except ServiceError as error:
            return web.json_response({"error": str(error)}, status=404)
        return web.json_response(documents)

    async def busy(self, request: web.Request) -> web.Response:
        """Refuse the next `?operations=N` operations of AMQP clients as a busy server would."""
        try:
            self._broker.busy = int(request.query["operations"])
        except (KeyError, ValueError):
            return web.json_response({"error": "say how many: /busy?operations=3"}, status=400)
        return web.json_response({"operations": self._broker.busy})

    async def release_scheduled(self, _: web.Request) -> web.Response:
        """Make every scheduled message due now; answers how many, once they are active."""
        released: asyncio.Future[ServiceError | None] = asyncio.get_running_loop().create_future()
        count = self._broker.release_scheduled(released.set_result)
        error = await released
        if error is not None:
            return web.json_response({"error": str(error)}, status=500)
        return web.json_response({"released": count})
