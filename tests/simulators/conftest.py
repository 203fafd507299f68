from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from tests.simulators.clients import HeldClock
from tests.support.waiting import PATIENCE


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock(datetime(2026, 11, 24, 12, 0, tzinfo=UTC))


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        yield client
