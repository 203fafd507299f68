"""An embedded stack in a folder, as an operator has it: `mti up` beside commands on the same folder."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.cli import Said, mti, start, up


class EmbeddedStack:
    """Runs commands on one folder, and the stack without an end.

    Args:
        folder: where `tenants.yaml` is, and the data will be.
        env: the secrets that the tenants file names.

    Attributes:
        result: what the stack said, as JSON, when it was ended last.
    """

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.tenants, self.data = folder / "tenants.yaml", folder / "data"
        self.env = {**env, "MTI_FETCHER_SCHEDULE_SECONDS": "1"}
        self.result: dict[str, Any] = {}

    async def __call__(self, *words: str) -> Said:
        """Run a command on the folder."""
        return await mti(*words, "--data", self.data, env=self.env)

    async def up(self, tenants: Path | None = None) -> Said:
        """Run the stack until it is drained."""
        return await mti(*up(tenants or self.tenants, self.data), env=self.env)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the stack without an end; it has to end well when it is asked to."""
        words = ("up", "--tenants", self.tenants, "--data", self.data, "--allow-loopback", "--json")
        process = await start(*words, env=self.env)
        output = asyncio.create_task(process.communicate())
        try:
            yield
        finally:
            process.terminate()
            out, err = await output
        assert process.returncode == 0, err.decode()
        self.result = json.loads(out)
