from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.normalizer.world import World, world


@pytest.fixture
async def normalized(tmp_path: Path) -> AsyncIterator[World]:
    """A normalizer with contoso's own feed and the grid of its region."""
    async with world(tmp_path) as found:
        yield found
