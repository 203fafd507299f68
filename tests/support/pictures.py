"""Makes the screenshots of `docs/images` anew: the demonstration at work, in the console. `make pictures`."""

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from playwright.async_api import Browser

from mti.common.registry import load_registry
from mti.deployment import open_deployment
from mti.operations.status import Status, take_status
from mti.stack.demo import Simulation
from mti.stack.run import run
from mti.stack.stack import EmbeddedStack, StackOptions
from tests.support.browser import Scheme, browsing, chromium, page_of
from tests.support.console import console_on
from tests.support.waiting import until

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
DETECTIONS: Final = 20_000
SHOTS: Final[tuple[tuple[str, str, Scheme, int, int], ...]] = (
    ("console-overview", "/", "light", 1280, 940),
    ("console-overview-dark", "/", "dark", 1280, 940),
    ("console-dead-letters", "/dead-letters", "light", 1280, 760),
    ("console-tenant-dark", "/tenants/contoso", "dark", 1280, 760),
    ("console-books", "/books", "light", 1280, 760),
    ("console-overview-narrow", "/", "light", 360, 760),
    ("console-sources-narrow-dark", "/sources", "dark", 360, 760),
)
"""Name, page, colours, width and height."""


async def main() -> None:
    """Run the demonstration until all is delivered, and take the pictures while it goes on."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mti-pictures-") as folder:
        data = Path(folder) / "stack"
        async with Simulation(Path(folder), DETECTIONS, 0) as simulation:
            options = StackOptions(
                tenants=simulation.tenants,
                data=data,
                registry=load_registry(simulation.tenants, allow_loopback=True),
                run_started=datetime.now(UTC),
                allow_loopback=True,
                environment=simulation.secrets(),
            )
            stop = asyncio.Event()
            async with EmbeddedStack(options) as stack:
                running = asyncio.create_task(run(stack, stop, lambda *_: None))
                await until(lambda: _is_delivered(data), between=2.0)
                async with console_on(data) as where, browsing() as browser:
                    await _take(browser, where)
                stop.set()
                await running


async def _is_delivered(data: Path) -> bool:
    async with open_deployment(data) as deployment:
        registry, view = await deployment.registry(), await deployment.view()
        status: Status = await take_status(registry, await deployment.stores(), view, deployment.clock)
    came = sum(each.books.detections for each in status.sources)
    waiting = sum(each.books.waiting for each in status.sources)
    return came >= DETECTIONS and not waiting and not any(each.waiting_messages for each in status.destinations)


async def _take(browser: Browser, where: str) -> None:
    async with page_of(browser) as page:
        await page.goto(f"{where}/books")
        await page.click("text=Reconcile now")
    for name, path, scheme, width, height in SHOTS:
        async with page_of(browser, scheme=scheme, width=width) as page:
            await page.set_viewport_size({"width": width, "height": height})
            await page.goto(where + path)
            await page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    if chromium() is None:
        raise SystemExit("no Chromium on this machine: apt-get install chromium")
    asyncio.run(main())
