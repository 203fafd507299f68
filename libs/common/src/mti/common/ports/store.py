"""The document store: partitions of small JSON documents with compare-and-set. Cosmos DB on Azure, SQLite here.

One contract suite (`tests/contract/store`) runs on every adapter.

Every operation may raise `StoreUnavailable`. A write that does so may have been taken all the same. A write whose
answer was lost and that was sent once more is no conflict with itself, unless somebody wrote over it in between. So
whoever loses reads again before it decides what the loss means.
"""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

import msgspec
from msgspec import Raw
from pydantic import JsonValue

Key = tuple[str, str]
"""The partition and the id of a document."""


# Frozen by its types: one is made of each indicator that is read or written, and `frozen=True` would take three times
# as long to make it.
@dataclass(slots=True, kw_only=True, init=False)
class Document:
    """One document. `(partition, id)` is its key inside a container; neither may be empty.

    An id may hold any characters and be 200 long, a partition's name takes 2,048 bytes, and all of it about 2 MB.
    """

    partition: Final[str]
    id: Final[str]
    body: Final[dict[str, JsonValue]]
    """Read as it was written, to the last digit. Its numbers are finite."""
    etag: Final[str | None]
    """The version that was read. `None` means that it does not exist yet."""
    ttl: Final[int | None]
    """Seconds after its last write, at least one, when it is gone for every reader and writer; `None` is never."""
    text: bytes | None = field(init=False, compare=False, repr=False)
    """The body as JSON, where whoever made the document had it so: what is read or written typed needs no more."""

    def __init__(
        self,
        *,
        partition: str,
        id: str,
        body: dict[str, JsonValue] | None = None,
        text: bytes | None = None,
        etag: str | None = None,
        ttl: int | None = None,
    ) -> None:
        """Make a document of its body, or of the JSON of it: an object, whose body is made when it is asked for."""
        self.partition = partition
        self.id = id
        self.etag = etag
        self.ttl = ttl
        self.text = text
        if body is not None:
            self.body = body

    def with_etag(self, etag: str | None) -> "Document":
        """Return it as another version of the same."""
        body = self.body if self.text is None else None
        return Document(partition=self.partition, id=self.id, body=body, text=self.text, etag=etag, ttl=self.ttl)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> dict[str, JsonValue]:
            """Return the body that is not made yet."""
            if name != "body" or self.text is None:
                raise AttributeError(name)
            self.body = json_of(self.text)
            return self.body


def json_of(text: bytes | Raw) -> dict[str, JsonValue]:
    """Return the JSON object of a text."""
    try:
        found: dict[str, JsonValue] = msgspec.json.decode(text)
    except msgspec.DecodeError:  # a number of more digits than it takes
        found = json.loads(bytes(text))
    return found


class Container(Protocol):
    """A named set of documents."""

    async def read(self, partition: str, id: str) -> Document | None:
        """Return the document or `None`."""
        ...

    async def read_many(self, partition: str, ids: Sequence[str]) -> dict[str, Document]:
        """Return those of the ids that exist, by id. Any number of ids; repeats are harmless."""
        ...

    async def read_each(self, keys: Sequence[Key]) -> dict[Key, Document]:
        """Return those that exist of the documents with these keys, by key: one call, whatever the partitions.

        Any number of keys; repeats are harmless.
        """
        ...

    async def write(self, document: Document) -> Document:
        """Create the document when its etag is `None`, else replace it if it is still the version that was read.

        Returns the document with its new etag.

        Raises:
            WriteConflict: it exists already, or it changed or was removed since it was read.
        """
        ...

    async def write_many(self, documents: Sequence[Document]) -> list[Document | None]:
        """Write each as `write` does; one result a document, in order, `None` where it lost the race.

        A conflict of one does not undo the others. The keys must be distinct. Not atomic.
        """
        ...

    async def delete(self, partition: str, id: str) -> None:
        """Remove the document; no error when there is none."""
        ...

    def scan(self, partition: str, *, after: str = "", before: str | None = None) -> AsyncIterator[Document]:
        """Yield the documents of a partition in the order of their ids (by code point), from beyond `after` and up to
        `before`, which is not among them.

        Memory is bounded by a page. Documents written meanwhile may or may not be seen; none is seen twice.
        """
        ...

    def partitions(self) -> AsyncIterator[str]:
        """Yield the name of each partition that holds a document, once, in no order."""
        ...


class Store(Protocol):
    """The containers of one service."""

    def container(self, name: str) -> Container:
        """Return the container of that name (`checkpoints`, `known`, …). It is made when it is first used."""
        ...

    async def close(self) -> None:
        """Let go of files and connections."""
        ...


@runtime_checkable
class LayeredStore(Store, Protocol):
    """A store over another one, in whose form an earlier release may have left documents."""

    @property
    def below(self) -> Store:
        """The other one, with all documents as they lie there."""
        ...

    async def repack(self) -> int:
        """Bring what lies below in the earlier form into this one's, and return how many documents it was.

        Who dies on the way runs it again. Nobody else may write meanwhile.
        """
        ...
