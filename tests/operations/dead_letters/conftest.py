from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.operations.dead_letters.world import World, world


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as found:
        yield found
