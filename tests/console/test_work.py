"""What a page costs at a thousand tenants, in rows and statements and not in seconds."""

import re

import pytest

from mti.console.paging import PER_PAGE
from tests.support.console import app_on, asking
from tests.support.estates import Estate
from tests.support.statements import rows_brought

PAGES = ("/", "/tenants", "/tenants?page=7", "/tenants/customer-0500", "/sources", "/sources?q=customer-09&page=2")
STATEMENTS = 2_400
"""Two for each source, and a few: what a look at a thousand of them takes."""


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each statement brought."""
    return rows_brought(monkeypatch)


async def test_one_look_serves_all_pages_that_are_asked_for_within_seconds(
    many: Estate, statements: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mti.console.snapshots.FRESH", 10_000.0)  # however slow the machine is
    async with asking(app_on(many.data)) as client:
        assert (await client.get("/")).status_code == 200
        assert len(statements) <= STATEMENTS
        looked = len(statements)
        for path in (*PAGES, "/workspaces", "/workspaces?show=unwell", "/pauses"):
            answer = await client.get(path)
            assert answer.status_code == 200, path
            assert answer.text.count("<tr ") <= PER_PAGE + 12, path
            assert len(answer.content) < 150_000, path
        assert len(statements) == looked


async def test_dead_letters_and_withdrawals_look_at_no_tenant(many: Estate, statements: list[int]) -> None:
    async with asking(app_on(many.data)) as client:
        for path in ("/dead-letters", "/dead-letters?reason=ObjectRefused", "/withdrawals"):
            assert (await client.get(path)).status_code == 200
            assert len(statements) <= 30, path
            statements.clear()


async def test_every_tenant_is_on_one_of_the_pages(many: Estate) -> None:
    seen: list[str] = []
    async with asking(app_on(many.data)) as client:
        address: str | None = "/tenants"
        while address is not None:
            answer = await client.get(address)
            seen += re.findall(r'scope="row"><a href="/tenants/([^"]+)"', answer.text)
            following = re.search(r'rel="next" href="([^"]+)"', answer.text)
            address = following[1].replace("&amp;", "&") if following else None
    assert len(seen) == 1_000
    assert len(set(seen)) == 1_000
