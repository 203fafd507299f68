"""A checkpoint is saved when nobody else saved, and only then, whatever the store says of it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from mti.common.adapters.sqlite import SqliteStore
from mti.common.checkpoints import Checkpoints
from mti.common.errors import StoreUnavailable, WriteConflict
from mti.common.ports.store import Container, Document
from mti.common.races import ATTEMPTS


class Note(BaseModel):
    text: str = ""


class Refusing:
    """A container that refuses writes as conflicts that nobody caused.

    Args:
        container: does the rest.
        times: how many.
    """

    def __init__(self, container: Container, times: int) -> None:
        self._container = container
        self.times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    async def write(self, document: Document) -> Document:
        if self.times:
            self.times -= 1
            raise WriteConflict("it changed")
        return await self._container.write(document)


@pytest.fixture
async def container(tmp_path: Path) -> AsyncIterator[Container]:
    store = SqliteStore(tmp_path / "store.db")
    yield store.container("checkpoints")
    await store.close()


async def test_a_refusal_that_nobody_caused_is_none(container: Container) -> None:
    for times in (1, ATTEMPTS - 1):
        notes = Checkpoints(Refusing(container, times), "note", Note)
        saved = await notes.save((await notes.load("a", Note())).with_value(Note(text=str(times))))
        assert (await notes.load("a", Note())) == saved


async def test_a_store_that_only_refuses_is_not_available(container: Container) -> None:
    notes = Checkpoints(Refusing(container, ATTEMPTS), "note", Note)
    with pytest.raises(StoreUnavailable):
        await notes.save((await notes.load("a", Note())).with_value(Note(text="mine")))


async def test_what_somebody_else_saved_is_never_written_over(container: Container) -> None:
    notes = Checkpoints(Refusing(container, 0), "note", Note)
    for _ in ("not there", "there"):
        mine = await notes.load("a", Note())
        await notes.save(mine.with_value(Note(text="another's")))
        with pytest.raises(WriteConflict):
            await notes.save(mine.with_value(Note(text="mine")))
        assert (await notes.load("a", Note())).value == Note(text="another's")
