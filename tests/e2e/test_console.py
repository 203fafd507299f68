"""The console beside a running stack: what is replayed by a click is processed, and no command is kept waiting."""

from pathlib import Path

import pytest

from mti.simulators import SentinelFault, SentinelFaultKind, Simulators
from tests.support.browser import browsing, needs_chromium, page_of
from tests.support.cli import mti
from tests.support.console import console_on
from tests.support.embedded import EmbeddedStack
from tests.support.waiting import until
from tests.support.worlds import CONTOSO, two_tenants

pytestmark = [needs_chromium, pytest.mark.timeout(900)]


async def test_a_replay_by_click_is_delivered_by_the_running_stack(tmp_path: Path) -> None:
    value = sorted(Simulators(two_tenants(detections=30)).expected(CONTOSO))[3].value
    kind = SentinelFaultKind.REFUSE_RECORD
    refusing = SentinelFault(name="refused", kind=kind, holds=value, workspace=CONTOSO, times=None)
    async with Simulators(two_tenants(detections=30, sentinel_faults=[refusing])) as world, browsing() as browser:
        stack = EmbeddedStack(tmp_path, world.write_tenants(tmp_path / "tenants.yaml"))
        async with stack.running():
            await until(lambda: world.sentinel.faults.struck["refused"] > 0)

            async def is_dead() -> bool:
                said = await mti("dlq", "list", "--data", stack.data, "--json")
                return said.status == 0 and said.document["total"] > 0

            await until(is_dead)
            world.sentinel.faults.clear()
            expected = len(world.expected(CONTOSO))
            assert len(world.sentinel.workspaces[CONTOSO].observables()) == expected - 1
            async with console_on(stack.data) as where, page_of(browser) as page:
                await page.goto(f"{where}/dead-letters?destination={CONTOSO}")
                while await page.locator("button:text-is('Replay')").count():
                    await page.locator("button:text-is('Replay')").first.click()
                    await page.goto(f"{where}/dead-letters?destination={CONTOSO}")
                await until(lambda: len(world.sentinel.workspaces[CONTOSO].observables()) == expected)
                await page.goto(f"{where}/books")
                await page.click("text=Reconcile now")
                assert await page.locator("#verdict").inner_text() == "The books close"
