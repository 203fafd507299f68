"""A namespace that nobody serves, for who only looks: what it says of itself, by its own broker on its folder."""

from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from servicebus_local.administration.listing import messages
from servicebus_local.broker.broker import Broker
from servicebus_local.broker.tally import Counts
from servicebus_local.clock import Clock, system_clock
from servicebus_local.config import NamespaceConfig
from servicebus_local.datafolder import DataFolder


class NamespaceAtRest:
    """A namespace without a port. What its clock brings about happens before each look.

    Entering it raises `DataFolderBusy` when a namespace uses the folder.
    """

    def __init__(
        self, config: NamespaceConfig, data: Path, *, clock: Clock = system_clock, patience: float = 10.0
    ) -> None:
        """`patience` is how many seconds to wait for the data folder."""
        self._config = config
        self._data = data
        self._clock = clock
        self._patience = patience
        self._deferred: deque[Callable[[], object]] = deque()
        self._stack = AsyncExitStack()
        self._broker: Broker | None = None

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(DataFolder(self._data, self._patience))
            self._broker = Broker(self._config, self._data, self._clock, self._deferred.append)
            stack.callback(self._broker.close)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def statistics(self) -> dict[str, Counts]:
        """Return what `GET /stats` answers."""
        return self._advanced().statistics()

    def messages(self, entity: str, after: int, limit: int) -> list[dict[str, Any]]:
        """Return what `GET /messages` answers. Raises `EntityNotFound`."""
        return messages(self._advanced(), entity, after, limit)

    def _advanced(self) -> Broker:
        assert self._broker is not None  # noqa: S101  entered
        self._broker.advance()
        while self._deferred:
            self._deferred.popleft()()
        return self._broker
