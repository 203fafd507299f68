"""Which form a store is in, as processes see it that start at one moment."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

from mti.common.adapters.sqlite import SqliteStore
from mti.common.ports.store import Container, Document, Store
from mti.common.schema import VERSION, mark, version_of


class AnotherStartsMeanwhile:
    """A new store, which another process marks and fills between the first two looks at it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._filled = False

    def container(self, name: str) -> Container:
        container = self._store.container(name)
        return cast("Container", _Meanwhile(self, container)) if name == "known" else container

    async def fill(self) -> None:
        await mark(self._store)
        await self._store.container("known").write(Document(partition="p", id="a", body={}))

    async def close(self) -> None:
        await self._store.close()


class _Meanwhile:
    def __init__(self, store: AnotherStartsMeanwhile, container: Container) -> None:
        self._store = store
        self._container = container

    def __getattr__(self, name: str) -> object:
        return getattr(self._container, name)

    async def partitions(self) -> AsyncIterator[str]:
        await self._store.fill()
        async for partition in self._container.partitions():
            yield partition


async def test_a_new_store_that_another_process_begins_to_fill_is_of_the_current_form(tmp_path: Path) -> None:
    store = AnotherStartsMeanwhile(SqliteStore(tmp_path / "known.db"))
    try:
        assert await version_of(store, ["known"]) == VERSION
    finally:
        await store.close()
