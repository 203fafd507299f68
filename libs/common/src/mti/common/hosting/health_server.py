"""Says over HTTP whether a process is well, for who restarts it: `GET /live` and `GET /ready`, 200 or 503.

A process that stands still answers nothing, which is an answer. One that waits for its bus or store is alive, and
not ready: to start it again would help nobody.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from mti.common.errors import ConfigurationError
from mti.common.health_settings import TcpAddress, UnixAddress
from mti.common.hosting.pulse import Pulse


@asynccontextmanager
async def serving(pulse: Pulse, address: TcpAddress | UnixAddress, written: str | None) -> AsyncIterator[None]:
    """Answer while the context lasts.

    Args:
        pulse: what is told.
        address: where.
        written: the address as the settings have it, for the error.

    Raises:
        ConfigurationError: the address can't be listened on.
    """
    runner = web.AppRunner(_application(pulse), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = (
            web.UnixSite(runner, str(address.path))
            if isinstance(address, UnixAddress)
            else web.TCPSite(runner, address.host, address.port)
        )
        try:
            await site.start()
        except OSError as error:
            raise ConfigurationError(
                f"MTI_HEALTH: {written} can't be listened on ({error.strerror}); write an address that is free"
            ) from None
        yield
    finally:
        await runner.cleanup()


def _application(pulse: Pulse) -> web.Application:
    async def live(_: web.Request) -> web.Response:
        return _answer({"stuck": pulse.stuck()})

    async def ready(_: web.Request) -> web.Response:
        return _answer({"stuck": pulse.stuck(), "waits_for": pulse.waits_for()})

    application = web.Application(client_max_size=1024)
    application.router.add_get("/live", live)
    application.router.add_get("/ready", ready)
    return application


def _answer(wrong: Mapping[str, str | None]) -> web.Response:
    found = {name: why for name, why in wrong.items() if why is not None}
    return web.json_response({"well": not found, **found}, status=503 if found else 200)
