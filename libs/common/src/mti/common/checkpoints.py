"""Checkpoints: one small typed document a source or destination, saved by compare-and-set."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from pydantic import BaseModel

from mti.common.errors import WriteConflict
from mti.common.ports.store import Container, Document
from mti.common.races import until_won

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Versioned(Generic[M]):
    """A checkpoint with the version that was read."""

    key: str
    value: M
    document: Document | None = None
    """What it was read from; `None` when there is none yet."""

    def with_value(self, value: M) -> "Versioned[M]":
        """Return the same version with another value, ready to be saved."""
        return replace(self, value=value)


class Checkpoints(Generic[M]):
    """All checkpoints of one kind. They share a partition, so that one query lists them."""

    def __init__(self, container: Container, kind: str, model: type[M]) -> None:
        self._container = container
        self._kind = kind
        self._model = model

    async def load(self, key: str, default: M) -> Versioned[M]:
        """Return the checkpoint, or the default where there is none yet."""
        return self._versioned(key, await self._container.read(self._kind, key), default)

    async def load_many(self, keys: Sequence[str], default: M) -> dict[str, Versioned[M]]:
        """Return each of these checkpoints, all of one moment, or the default where there is none yet."""
        documents = await self._container.read_many(self._kind, keys)
        return {key: self._versioned(key, documents.get(key), default) for key in keys}

    async def save(self, versioned: Versioned[M]) -> Versioned[M]:
        """Write it if it is still the version that was read.

        A store that refuses it as changed, though it is what was read, has refused it for nothing: it is written again.

        Raises:
            WriteConflict: somebody else saved meanwhile.
            StoreUnavailable: the store does not answer, or goes on refusing what it has no reason to.
        """
        body = versioned.value.model_dump(mode="json", exclude_none=True)
        etag = versioned.document.etag if versioned.document else None

        async def attempt() -> Document | None:
            try:
                return await self._container.write(
                    Document(partition=self._kind, id=versioned.key, body=body, etag=etag)
                )
            except WriteConflict:
                found = await self._container.read(self._kind, versioned.key)
                if (found.etag if found else None) == etag:
                    raise
                return None

        written = await until_won(attempt)
        if written is None:
            raise WriteConflict(f"{self._kind} {versioned.key} is not what was read")
        return replace(versioned, document=written)

    def _versioned(self, key: str, document: Document | None, default: M) -> Versioned[M]:
        return Versioned(key, default if document is None else self._model.model_validate(document.body), document)

    async def all(self) -> AsyncIterator[tuple[str, M]]:
        """Yield every checkpoint with its key, in the order of the keys."""
        async for document in self._container.scan(self._kind):
            yield document.id, self._model.model_validate(document.body)
