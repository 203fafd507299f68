"""Where the console works: one deployment, opened for each piece of work and closed after it.

Nothing is held in between. So a stack may start or end on the folder at any time, and its lock is ours for moments.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from mti.deployment import Deployment, open_deployment


@dataclass(frozen=True, slots=True)
class Workplace:
    """A folder, or Azure as the environment names it."""

    data: Path | None
    """The folder of an embedded stack; `None` is Azure."""
    tenants: Path | None = None
    """The tenants file, if one was named."""

    def open(self) -> AbstractAsyncContextManager[Deployment]:
        """Open the deployment for a piece of work."""
        return open_deployment(self.data, self.tenants)

    @property
    def name(self) -> str:
        """What a person knows it by."""
        return "Azure" if self.data is None else str(self.data)
