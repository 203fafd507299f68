"""Runs: sorted documents in pages, with what finds the page of a key. Pure."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from sys import intern
from typing import Any, Final, cast

from mti.common.adapters.packed.filters import Hashed, digests_of, filter_of, from_text, held, spread, to_text
from mti.common.adapters.packed.forms import Entry, Limits, RunNote, index_id, packed_body, page_id
from mti.common.ports.store import Document, Key

_AROUND: Final = 50
"""Bytes of an entry beside its id and its body."""


@dataclass(frozen=True, slots=True)
class Index:
    """Some hundred pages of a run."""

    first: Sequence[Key]
    """The first key of each page."""
    words: "array[int]"
    """The filter of all their keys."""
    partitions: Sequence[str]
    """That they hold anything of, in order."""

    @classmethod
    def of(cls, document: Document) -> "Index":
        """Return it as it was stored."""
        body = cast("dict[str, Any]", document.body)
        first = [(intern(partition), id) for partition, id in body["first"]]
        return cls(first, from_text(body["filter"]), body["partitions"])

    @property
    def size(self) -> int:
        """About the bytes that it takes in memory."""
        return 8 * len(self.words) + 200 * len(self.first)


class Run:
    """A run that can be searched.

    Args:
        note: what the head says of it.
        indexes: all of its indexes, in order.
    """

    def __init__(self, note: RunNote, indexes: Sequence[Index]) -> None:
        self.note = note
        self._id = note.id
        self._indexes = indexes
        self._starts = [index.first[0] for index in indexes]
        self._offsets = [0, *accumulate(len(index.first) for index in indexes)]

    @property
    def size(self) -> int:
        """About the bytes that it takes in memory."""
        return sum(index.size for index in self._indexes)

    @property
    def partitions(self) -> Iterator[str]:
        """The partitions that it holds anything of; one may come several times."""
        return (partition for index in self._indexes for partition in index.partitions)

    def pages_for(self, keys: Sequence[Key], known_by: Sequence[Hashed]) -> dict[str, list[Key]]:
        """Return the ids of the pages that may hold some of the keys, each with these keys.

        Args:
            keys: the keys; in order, where the run has several indexes.
            known_by: what the filters know them by.
        """
        found: dict[str, list[Key]] = {}
        ends = [*(bisect_left(keys, start) for start in self._starts[1:]), len(keys)]
        for index, offset, (start, end) in zip(self._indexes, self._offsets, pairwise([0, *ends]), strict=False):
            for key in held(index.words, keys[start:end], known_by[start:end]):
                if (page := bisect_right(index.first, key) - 1) >= 0:
                    found.setdefault(page_id(self._id, offset + page), []).append(key)
        return found

    def pages_from(self, key: Key, before: Key | None = None) -> list[str]:
        """Return the ids of the pages that hold anything from a key on, up to another one."""
        first = [key for index in self._indexes for key in index.first]
        start = max(0, bisect_right(first, key) - 1)
        end = len(first) if before is None else bisect_left(first, before)
        return [page_id(self.note.id, number) for number in range(start, end)]


class RunWriter:
    """Makes the documents of a run, in order, as its entries come.

    Args:
        partition: of the documents.
        note: what is known of the run before.
        limits: how large pages and indexes are.
    """

    def __init__(self, partition: str, note: RunNote, limits: Limits) -> None:
        self._partition = partition
        self._limits = limits
        self.note = note
        self._page: dict[Key, Entry] = {}
        self._bytes = 0
        self._first: list[Key] = []
        self._digests = array("I")
        self._partitions: dict[str, None] = {}
        self._indexes: list[Index] = []
        self._pages = 0

    def add(self, entries: Mapping[Key, Entry]) -> Iterator[Document]:
        """Take entries, in the order of their keys, and yield what is full then."""
        limit, page, filled = self._limits.page_bytes, self._page, self._bytes
        for key, entry in entries.items():
            size = _AROUND + len(key[1]) + memoryview(entry.body).nbytes
            if page and filled + size > limit:
                yield from self._end_page()
                page, filled = self._page, 0
            page[key] = entry
            filled += size
        self._bytes = filled

    def end(self) -> Iterator[Document]:
        """Yield what is left."""
        if self._page:
            yield from self._end_page()
        if self._first:
            yield self._end_index()

    def runs(self) -> list[Run]:
        """Return the run whose documents were made; none if it has no page."""
        note = replace(self.note, pages=self._pages, indexes=len(self._indexes))
        return [Run(note, self._indexes)] if self._indexes else []

    def _end_page(self) -> Iterator[Document]:
        yield Document(partition=self._partition, id=page_id(self.note.id, self._pages), body=packed_body(self._page))
        partition, id = next(iter(self._page))
        self._first.append((intern(partition), id))
        self._digests += digests_of(self._page)
        self._partitions |= dict.fromkeys(partition for partition, _ in self._page)
        self._page = {}
        self._pages += 1
        if len(self._first) == self._limits.index_pages:
            yield self._end_index()

    def _end_index(self) -> Document:
        index = Index(self._first, filter_of(spread(self._digests), len(self._digests)), list(self._partitions))
        body: dict[str, Any] = {
            "first": [list(key) for key in index.first],
            "filter": to_text(index.words),
            "partitions": list(index.partitions),
        }
        document = Document(partition=self._partition, id=index_id(self.note.id, len(self._indexes)), body=body)
        self._indexes.append(index)
        self._first, self._digests, self._partitions = [], array("I"), {}
        return document
