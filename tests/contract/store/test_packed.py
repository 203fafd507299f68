"""Packed documents keep the contract of the store, whatever lies below and however small everything is."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from mti.common.adapters.cosmos import CosmosStore
from mti.common.adapters.packed import Limits, PackedStore
from mti.common.adapters.sqlite import SqliteStore
from mti.common.ports.clock import SystemClock
from mti.common.ports.store import Store
from mti.simulation.store import MemoryStore
from tests.contract.store.contract import StoreContract
from tests.contract.store.test_cosmos import client

TINY = Limits(epoch_documents=3, epoch_entries=8, page_bytes=400, index_pages=2, fan_in=2)
"""So that nearly every write compacts something."""


def all_of(partition: str) -> str:
    return partition.partition("#")[0]


def one(_partition: str) -> str:
    return "all of it"


def none_of_contoso(partition: str) -> str | None:
    return None if partition == "contoso" else "the others"


class PackedContract(StoreContract):
    documents_beyond_a_page = 120
    limits = Limits()
    pack_of: Callable[[str], str | None] = staticmethod(all_of)

    def below(self, folder: Path) -> Store:
        return SqliteStore(folder / "store.db")

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        store = PackedStore(self.below(tmp_path), dict.fromkeys(("known", "ledger"), self.pack_of), limits=self.limits)
        yield store
        await store.close()


class TestOnSqlite(PackedContract):
    pass


class TestTinyOnSqlite(PackedContract):
    limits = TINY


class TestTinyInMemory(PackedContract):
    limits = TINY

    def below(self, folder: Path) -> Store:
        return MemoryStore(SystemClock())


class TestTinyOnCosmos(PackedContract):
    documents_beyond_a_page = 60
    limits = TINY
    pack_of = staticmethod(one)

    @pytest.fixture
    async def store(self, cosmos_endpoint: str) -> AsyncIterator[Store]:
        below = CosmosStore(client(cosmos_endpoint), f"packed-{uuid4().hex}", create=True)
        store = PackedStore(below, dict.fromkeys(("known", "ledger"), self.pack_of), limits=self.limits)
        yield store
        await store.close()


class TestSomeOfIt(PackedContract):
    limits = TINY
    pack_of = staticmethod(none_of_contoso)
