"""What one write does to keep a pack in order is bounded, and enough."""

from collections.abc import Sequence
from random import Random

from mti.common.adapters.packed import Limits, PackedStore
from mti.common.adapters.packed.forms import HEAD, Head
from mti.common.ports.clock import SystemClock
from mti.common.ports.store import Container, Document
from mti.simulation.store import MemoryStore
from tests.contract.store.test_packed_model import MortalContainer, OneContainer, pack_of

WRITES = 600
SMALL = Limits(epoch_documents=1, page_bytes=400, index_pages=8, fan_in=4, pages_at_once=10)
WITHOUT_BOUND = Limits(epoch_documents=1, page_bytes=400, index_pages=8, fan_in=4, pages_at_once=10**9)


class Counting(MortalContainer):
    """Counts pages that are written."""

    pages = 0

    async def write_many(self, documents: Sequence[Document]) -> list[Document | None]:
        self.pages += sum(document.id.startswith("page!") for document in documents)
        return await super().write_many(documents)


async def pages_of_each_write(below: Container, limits: Limits) -> list[int]:
    rng, counting, pages = Random(3), Counting(below), list[int]()
    container = PackedStore(OneContainer(counting), {"known": pack_of}, SystemClock(), limits).container("known")
    ids = [f"id-{number:05}" for number in range(WRITES * 4)]
    rng.shuffle(ids)
    for start in range(0, len(ids), 4):
        counting.pages = 0
        await container.write_many(
            [Document(partition="contoso#0", id=id, body={"is": id}) for id in ids[start : start + 4]]
        )
        pages.append(counting.pages)
    found = [(found.id, found.body) async for found in container.scan("contoso#0")]
    assert found == [(id, {"is": id}) for id in sorted(ids)]
    return pages


async def test_a_write_makes_a_part_of_a_long_merge_and_the_next_ones_go_on() -> None:
    below = MemoryStore(SystemClock()).container("known")
    pages = await pages_of_each_write(below, SMALL)
    assert max(pages) < 30
    runs = Head.of(await below.read("packed|contoso", HEAD)).runs
    assert len(runs) < 20, "merges keep pace with what is written"
    assert max(run.pages for run in runs) > 100
    assert max(await pages_of_each_write(MemoryStore(SystemClock()).container("known"), WITHOUT_BOUND)) > 100
