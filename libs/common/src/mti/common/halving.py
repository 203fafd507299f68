"""A sequence in parts, of which those that turn out to be too large are tried again as halves."""

from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Halving(Generic[T]):
    """The parts that are still to be tried, in order.

    Args:
        parts: the first ones.
    """

    def __init__(self, parts: Iterable[Sequence[T]]) -> None:
        self._waiting = list(parts)[::-1]

    @classmethod
    def of(cls, items: Sequence[T], size: int) -> "Halving[T]":
        """Return items in parts of a size, the last one smaller where they don't come out even."""
        return cls(items[start : start + size] for start in range(0, len(items), size))

    def take(self) -> Sequence[T] | None:
        """Return the next part, which is taken out; `None` at the end."""
        return self._waiting.pop() if self._waiting else None

    def halve(self, part: Sequence[T]) -> None:
        """Put a part of two or more back as halves, the smaller one first where it is odd."""
        middle = len(part) // 2
        self.put_back([part[:middle], part[middle:]])

    def put_back(self, parts: Sequence[Sequence[T]]) -> None:
        """Have parts tried next, in their order."""
        self._waiting += parts[::-1]
