"""One namespace a data folder."""

import asyncio
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from servicebus_local.errors import DataFolderBusy

_RETRY_SECONDS = 0.1


class DataFolder:
    """An exclusive lock on the folder, which is created when missing; the kernel frees it when the process dies."""

    def __init__(self, path: Path, patience: float = 10.0) -> None:
        self.path = path
        self._patience = patience
        self._descriptor = -1

    async def __aenter__(self) -> Self:
        """Take the lock. Raises `DataFolderBusy` when another namespace does not let go of it in time."""
        self.path.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self.path / "namespace.lock", os.O_RDWR | os.O_CREAT, 0o600)
        attempts = max(1, round(self._patience / _RETRY_SECONDS))
        for _ in range(attempts):
            if self._try():
                return self
            await asyncio.sleep(_RETRY_SECONDS)
        os.close(self._descriptor)
        raise DataFolderBusy(
            f"{self.path} is in use by another local namespace, which did not end within {self._patience:g} s"
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def _try(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
