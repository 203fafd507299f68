"""Folders to look at."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.console import app_on, asking
from tests.support.estates import Estate, made


@pytest.fixture
async def estate(tmp_path: Path) -> Estate:
    """Seven tenants: one paused, one whose detections are lost, one with a dead letter for its workspace."""
    return await made(tmp_path, 7)


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    """A thousand tenants, to be looked at only."""
    return asyncio.run(made(tmp_path_factory.mktemp("many"), 1_000))


@pytest.fixture
async def client(estate: Estate) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(app_on(estate.data)) as client:
        yield client
