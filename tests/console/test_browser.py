"""The pages in a real browser: what a person sees, with either colours, on wide and narrow screens, by keyboard."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.support.browser import Scheme, browsing, faults_of, needs_chromium, page_of
from tests.support.console import console_on
from tests.support.estates import Estate, name, workspace

pytestmark = [needs_chromium, pytest.mark.timeout(600)]

PATHS = (
    "/",
    "/tenants",
    f"/tenants/{name(3)}",
    "/sources",
    "/workspaces",
    "/pauses",
    "/dead-letters",
    "/dead-letters?reason=Bug",
    "/withdrawals",
    "/books",
    "/nowhere",
)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with browsing() as browser:
        yield browser


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_any_page_and_none_is_wider_than_the_screen(
    estate: Estate, browser: Browser, scheme: Scheme, width: int
) -> None:
    async with console_on(estate.data) as where, page_of(browser, scheme=scheme, width=width, refused=1) as page:
        for path in PATHS:
            await page.goto(where + path)
            assert await faults_of(page) == [], path
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
        await page.goto(f"{where}/dead-letters")
        await page.click("section[aria-labelledby=letters] th a")
        assert await faults_of(page) == []
        await page.click("text=Mend the body")
        box = await page.locator("textarea").bounding_box()
        assert box is not None
        assert box["height"] > 300
        assert await faults_of(page) == []
        await page.goto(f"{where}/dead-letters")
        await page.click("text=Replay all of them")
        assert await faults_of(page) == []
        await page.goto(f"{where}/withdrawals")
        await page.fill("input[name=value]", "evil.example")
        await page.click("text=Show what that does")
        assert await faults_of(page) == []
        await page.click("button:text-is('Withdraw')")
        assert await page.locator("[role=status]").is_visible()
        assert await faults_of(page) == []
        await page.goto(f"{where}/books")
        await page.click("text=Reconcile now")
        assert await faults_of(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_a_replay_by_click_sends_the_message_back_to_its_queue(estate: Estate, browser: Browser) -> None:
    async with console_on(estate.data) as where, page_of(browser) as page:
        await page.goto(where)
        await page.click("nav >> text=Dead letters")
        await page.click("button:text-is('Replay')")
        assert await page.locator("[role=status]").inner_text() == "1 of 1 replayed."
        await page.goto(f"{where}/workspaces?q={workspace(1)}")
        row = page.locator("tbody tr", has_text=name(1))
        assert await row.locator("td[data-label=Waiting]").inner_text() == "1"


async def test_a_keyboard_reaches_the_content_at_once_and_every_part_shows_its_focus(
    estate: Estate, browser: Browser
) -> None:
    async with console_on(estate.data) as where, page_of(browser) as page:
        await page.goto(where)
        await page.keyboard.press("Tab")
        skip = page.locator(":focus")
        assert await skip.inner_text() == "Skip to the content"
        assert await skip.evaluate("element => element.getBoundingClientRect().left") >= 0
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "main"
        await page.keyboard.press("Tab")
        focused = page.locator(":focus")
        assert await focused.get_attribute("href") == "/books"
        assert await focused.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"


async def test_on_a_narrow_screen_the_sections_are_behind_a_menu_that_needs_no_script(
    estate: Estate, browser: Browser
) -> None:
    async with console_on(estate.data) as where, page_of(browser, width=360) as page:
        await page.goto(where)
        assert not await page.locator("nav >> text=Pauses").is_visible()
        await page.click("text=Menu")
        assert await faults_of(page) == []
        await page.click("nav >> text=Pauses")
        assert await page.title() == "Pauses · mti console"


async def test_a_page_of_somebody_else_can_neither_frame_it_nor_send_it_a_form(
    estate: Estate, browser: Browser
) -> None:
    async with console_on(estate.data) as where:
        context = await browser.new_context()
        page = await context.new_page()
        form = f"<form method=post action='{where}/pauses/lift'><input name=source value=x></form>"
        evil = f"{form}<iframe src='{where}/'></iframe>"
        await page.set_content(evil)
        async with page.expect_navigation() as navigated:
            await page.evaluate("document.forms[0].submit()")
        answer = await navigated.value
        assert answer is not None
        assert answer.status == 403
        await page.goto(where.replace("127.0.0.1", "localhost"))
        assert "mti console" in await page.title()
        await context.close()
