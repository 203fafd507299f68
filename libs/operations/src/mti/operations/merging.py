"""Merging of streams that are sorted by id, so that sets of any size are compared in little memory."""

from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

T = TypeVar("T")


async def merge(streams: Sequence[AsyncIterator[tuple[str, T]]]) -> AsyncIterator[tuple[str, dict[int, T]]]:
    """Yield each id once, in order, with the items that hold it, by the number of their stream.

    Args:
        streams: each in strictly rising order of its ids (by code point).
    """
    heads: dict[int, tuple[str, T]] = {}
    for number, stream in enumerate(streams):
        async for head in stream:
            heads[number] = head
            break
    while heads:
        least = min(id for id, _ in heads.values())
        having = [number for number, (id, _) in heads.items() if id == least]
        yield least, {number: heads[number][1] for number in having}
        for number in having:
            del heads[number]
            async for head in streams[number]:
                heads[number] = head
                break
