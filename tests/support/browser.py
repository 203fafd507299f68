"""Chromium, headless: the machine's own, since a test downloads no browser."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from playwright.async_api import Browser, Page, async_playwright

AXE: Final = Path(__file__).parent / "axe" / "node_modules" / "axe-core" / "axe.min.js"
NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
Scheme = Literal["light", "dark"]


def chromium() -> str | None:
    """Return where Chromium is; `None` where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


needs_chromium = pytest.mark.skipif(
    chromium() is None,
    reason="no Chromium on this machine: the console's pages are NOT looked at in a browser (apt-get install chromium)",
)


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """Yield a browser; a test that has none is skipped before."""
    async with async_playwright() as playwright:
        # No sandbox of its own: a container that runs as root can give it none, and it opens our own pages alone.
        browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def page_of(
    browser: Browser, *, scheme: Scheme = "light", width: int = 1280, refused: int = 0
) -> AsyncIterator[Page]:
    """Yield a page of a person, and fail where the browser refused anything of ours.

    Args:
        browser: where it is shown.
        scheme: the colours that the person prefers.
        width: of the screen.
        refused: how many pages are asked for that are not there.
    """
    context = await browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield page
    finally:
        await context.close()
    assert len(complaints) == refused, complaints


async def faults_of(page: Page) -> list[str]:
    """Return what axe-core finds on a page: each rule, with the elements that break it.

    A click does not wait for the page that it leads to, and one whose style has not come yet has no colours.
    """
    await page.wait_for_load_state("networkidle")
    await page.evaluate(AXE.read_text())
    found: dict[str, Any] = await page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [f"{each['id']}: {[node['target'] for node in each['nodes']][:5]}" for each in found["violations"]]
