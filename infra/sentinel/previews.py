"""Photographs the dashboards, for the gallery of workbooks and for the pages of docs: `make previews`.

The pages are those of the console on its sample, at a time that stands still. They are asked without a port: what
Chromium wants is answered by the application itself. `CHROMIUM` names the browser where it is in no usual place.
"""

import asyncio
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import httpx
from playwright.async_api import Browser, Route, async_playwright
from starlette.applications import Starlette
from starlette.types import ASGIApp

from infra.sentinel.generate import PICTURES
from infra.sentinel.workbooks import books
from mti.console.access import access_to
from mti.console.application import create_app
from mti.console.preview.catalogue import boards
from mti.console.preview.state import open_preview
from mti.console.workplace import Workplace

NOW: Final = datetime(2026, 11, 24, 15, 40, tzinfo=UTC)
DOCS: Final = Path(__file__).parents[2] / "docs" / "images"
SIZE_LIMIT: Final = 400_000
"""Bytes of a picture."""
_SIDE: Final = 248
"""Pixels that the console's own navigation takes, which is no part of a workbook."""
_SCHEMES: Final[tuple[tuple[str, Literal["light", "dark"]], ...]] = (("White", "light"), ("Black", "dark"))
"""How Azure-Sentinel ends the names of pictures."""
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
_BASE: Final = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: which page, how it looks, and where it goes."""

    file: Path
    address: str
    scheme: Literal["light", "dark"]
    height: int = 1000
    bare: bool = False
    """Without the console around it."""


def pictures(digest: str) -> list[Picture]:
    """Return what is photographed.

    Args:
        digest: the hash of a file that has a history in the sample.
    """
    chosen = f"Hash={digest}"
    found = [
        Picture(PICTURES / f"{book.key}{name}.png", f"/dashboards/{book.key}?{chosen}", scheme, bare=True)
        for book in books().values()
        for name, scheme in _SCHEMES
    ]
    return [
        *found,
        Picture(DOCS / "dashboard-threats.png", "/dashboards/MimecastThreats", "light"),
        Picture(DOCS / "dashboard-matches.png", "/dashboards/MimecastMatches", "light"),
        Picture(DOCS / "dashboard-one-file.png", f"/dashboards/MimecastInvestigation?{chosen}", "dark"),
        Picture(DOCS / "dashboard-customers.png", "/dashboards/MimecastMSSP", "light"),
        Picture(DOCS / "dashboard-health.png", "/dashboards/MimecastHealth", "dark"),
    ]


def browser_path() -> str | None:
    """Return where Chromium is; `None` where it is not."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _BROWSERS)), None)


async def _photograph(browser: Browser, client: httpx.AsyncClient, picture: Picture) -> None:
    width = 1440
    context = await browser.new_context(
        viewport={"width": width, "height": picture.height}, color_scheme=picture.scheme, reduced_motion="reduce"
    )

    async def answer(route: Route) -> None:
        asked = await client.get(route.request.url)
        await route.fulfill(status=asked.status_code, headers=dict(asked.headers), body=asked.content)

    await context.route("**/*", answer)
    page = await context.new_page()
    await page.goto(f"{_BASE}{picture.address}")
    picture.file.parent.mkdir(parents=True, exist_ok=True)
    if picture.bare:
        await page.screenshot(
            path=picture.file, clip={"x": _SIDE, "y": 0, "width": width - _SIDE, "height": picture.height}
        )
    else:
        await page.screenshot(path=picture.file)
    await context.close()


async def main() -> None:
    """Take every picture.

    Raises:
        SystemExit: there is no Chromium, or a picture is too large.
    """
    chromium = browser_path()
    if chromium is None:
        raise SystemExit("no Chromium: install one (apt install chromium), or name it with CHROMIUM=/path/to/it")
    guarded: ASGIApp = create_app(Workplace(None), access_to("127.0.0.1", 8000))
    application: Starlette = guarded._app  # type: ignore[attr-defined]  # noqa: SLF001
    transport = httpx.ASGITransport(guarded)
    async with (
        open_preview(None, lambda: NOW) as preview,
        httpx.AsyncClient(transport=transport, base_url=_BASE) as client,
    ):
        application.state.preview, application.state.boards = preview, boards()
        matches = (await client.get("/dashboards/MimecastMatches")).text
        digest = matches.partition("Which recipients saved it to a disk?")[2].partition("Hash=")[2][:64]
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for picture in pictures(digest):
                await _photograph(browser, client, picture)
                size = picture.file.stat().st_size
                if size > SIZE_LIMIT:
                    raise SystemExit(f"{picture.file.name} has {size:,} bytes, more than {SIZE_LIMIT:,}")
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
