from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.operations.dead_letters.world import World, world


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def namespace_of_all(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world(tmp_path_factory.mktemp("dead_letters")) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def there(namespace_of_all: World, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    namespace_of_all.test, namespace_of_all.folder = request.node.name, tmp_path
    yield namespace_of_all
    await namespace_of_all.clean()
