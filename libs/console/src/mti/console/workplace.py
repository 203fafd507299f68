"""Where the console works: one deployment, opened for each piece of work and closed after it.

Nothing is held in between. So a stack may start or end on the folder at any time, and its lock is ours for moments.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

from mti.deployment import Deployment, open_deployment


class Workplace:
    """A folder, or Azure as the environment names it.

    Args:
        data: the folder of an embedded stack; `None` is Azure.
        tenants: the tenants file, if one was named.
    """

    def __init__(self, data: Path | None, tenants: Path | None = None) -> None:
        self.data = data
        """The folder; `None` is Azure."""
        self._tenants = tenants
        # Where no stack runs on the folder, two pieces of work at once would wait for each other's lock on it.
        self._one_at_a_time = nullcontext() if data is None else asyncio.Lock()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Deployment]:
        """Open the deployment for a piece of work."""
        async with self._one_at_a_time, open_deployment(self.data, self._tenants) as deployment:
            yield deployment

    @property
    def name(self) -> str:
        """What a person knows it by."""
        return "Azure" if self.data is None else str(self.data)

    @property
    def options(self) -> str:
        """What the `mti` command is given to work on the same."""
        return "" if self.data is None else f" --data {self.data}"
