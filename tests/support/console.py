"""The console, as a person has it: on a port of this machine, or asked without a socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp

from mti.console.access import Access, access_to
from mti.console.application import create_app
from mti.console.serving import serve
from mti.console.workplace import Workplace

PORT = 8642
OWN = f"http://127.0.0.1:{PORT}"


def app_on(data: Path, access: Access | None = None) -> ASGIApp:
    """Return the console that works on a folder."""
    return create_app(Workplace(data), access or access_to("127.0.0.1", PORT))


@asynccontextmanager
async def asking(app: ASGIApp, base: str = OWN) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client that is a browser on one of the console's own pages."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=base, headers={"Origin": base}) as client:
        yield client


@asynccontextmanager
async def console_on(data: Path) -> AsyncIterator[str]:
    """Yield the address of a console that works on a folder and listens."""
    stop = asyncio.Event()
    link: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(Workplace(data), stop, link.set_result, host="127.0.0.1", port=0))
    try:
        waiting: set[asyncio.Future[Any]] = {serving, link}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if not link.done():
            serving.result()  # says why it does not listen
        yield await link
    finally:
        stop.set()
        await serving
