"""The dashboards in a real browser: either colours, wide and narrow, drill-down by click, nothing for axe to find."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from mti.console.preview.catalogue import boards
from tests.support.browser import Scheme, browsing, faults_of, needs_chromium, page_of
from tests.support.console import console_on

pytestmark = [needs_chromium, pytest.mark.timeout(900), pytest.mark.xdist_group("preview")]

MATCHES = "/dashboards/MimecastMatches?data=sample"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with browsing() as browser:
        yield browser


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
async def test_axe_finds_nothing_on_any_dashboard_and_none_is_wider_than_the_screen(
    tmp_path: Path, browser: Browser, scheme: Scheme, width: int
) -> None:
    async with console_on(tmp_path) as where, page_of(browser, scheme=scheme, width=width, refused=1) as page:
        page.set_default_timeout(120_000)
        await _look(page, f"{where}/dashboards/", width)
        await _look(page, f"{where}/dashboards/MimecastThreats", width)
        await _look(page, f"{where}/dashboards/Nothing", width)
        for key in boards():
            await page.goto(f"{where}/dashboards/{key}?data=sample")
            for number in range(await page.locator("nav.tabs a").count()):
                await page.goto(f"{where}/dashboards/{key}?data=sample")
                await page.locator("nav.tabs a").nth(number).click()
                await _look(page, page.url, width)


async def test_a_click_on_a_row_opens_the_page_of_its_file_and_the_chip_leads_back(
    tmp_path: Path, browser: Browser
) -> None:
    async with console_on(tmp_path) as where, page_of(browser) as page:
        page.set_default_timeout(120_000)
        await page.goto(where + MATCHES)
        await page.locator("section.tile", has_text="Who received it?").locator("tbody a[href*='Hash=']").first.click()
        assert await page.locator("nav.tabs a[aria-current]").inner_text() == "One file"
        assert await page.locator("section.tile", has_text="What happened, in order?").locator("tbody tr").count() > 1
        await page.click("ul.chips a")
        assert await page.locator("section.tile").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_chart_has_the_colours_of_the_page_and_bars_as_high_as_their_numbers(
    tmp_path: Path, browser: Browser, scheme: Scheme
) -> None:
    async with console_on(tmp_path) as where, page_of(browser, scheme=scheme) as page:
        page.set_default_timeout(120_000)
        await page.goto(f"{where}/dashboards/MimecastThreats?data=sample")
        tile = page.locator("section.tile", has_text="Which types of file are they?")
        bars = tile.locator(".chart-wide path:has(title)")
        colour = await bars.first.evaluate("each => getComputedStyle(each).fill")
        assert colour == await page.evaluate(
            "() => { const d = document.createElement('i'); document.body.append(d);"
            " d.style.color = 'var(--series-1)'; const c = getComputedStyle(d).color; d.remove(); return c }"
        )
        sizes = await bars.evaluate_all("all => all.map(each => each.getBoundingClientRect().width)")
        said = await bars.locator("title").all_text_contents()
        numbers = [int(each.rpartition(": ")[2].partition(" ")[0]) for each in said]
        assert len(numbers) > 4
        assert [size / sizes[0] for size in sizes] == pytest.approx([each / numbers[0] for each in numbers], abs=0.02)


async def test_a_form_sets_the_parameters_without_a_script(tmp_path: Path, browser: Browser) -> None:
    async with console_on(tmp_path) as where:
        context = await browser.new_context(java_script_enabled=False)
        page = await context.new_page()
        page.set_default_timeout(120_000)
        await page.goto(where + MATCHES)
        await page.select_option("select[name=TimeRange]", "1d")
        await page.select_option("select[name=workspace]", label="Fabrikam")
        await page.click("button:text-is('Apply')")
        assert await page.locator("select[name=TimeRange]").input_value() == "1d"
        assert "data=sample" in page.url
        await context.close()


async def _look(page: Page, address: str, width: int) -> None:
    await page.goto(address)
    assert await faults_of(page) == [], address
    assert await page.evaluate("document.documentElement.scrollWidth") <= width, address
