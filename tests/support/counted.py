"""A container that counts what is asked of it."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from mti.common.ports.store import Container


class CountedContainer:
    """Passes every call on, and counts it under its name.

    Args:
        inner: what does the work.
    """

    def __init__(self, inner: Container) -> None:
        self._inner = inner
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        method: Callable[..., Any] = getattr(self._inner, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] += 1
            return method(*args, **kwargs)

        return counted
