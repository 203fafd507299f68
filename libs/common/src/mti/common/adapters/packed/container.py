"""A container whose documents are packed; see `mti.common.adapters.packed`."""

import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from mti.common.adapters.packed.compaction import Compaction
from mti.common.adapters.packed.forms import Entry, Limits, Written
from mti.common.adapters.packed.journal import WrittenPack
from mti.common.adapters.packed.pages import Pages
from mti.common.adapters.packed.scanning import partitions_in, scan
from mti.common.adapters.packed.state import Gap
from mti.common.adapters.store_documents import SeveralAtATime, bytes_of, keyed
from mti.common.errors import StoreUnavailable
from mti.common.ports.clock import Clock
from mti.common.ports.store import Container, Document, Key
from mti.common.races import ATTEMPTS

log = logging.getLogger(__name__)

PREFIX: Final = "packed|"
"""Of the partition below that holds a pack."""
BATCH_BYTES: Final = 1_000_000
"""Of the bodies that are written to a journal document: an item of Cosmos DB holds 2 MB, of what can't be compressed
too."""
BATCH: Final = 1000
MEMORY: Final = 48 * 1024 * 1024
"""Bytes, about, for what is known of packs; of those that were not needed for longest it is forgotten."""


class PackedContainer(SeveralAtATime):
    """One container's documents, those of some partitions packed.

    Args:
        name: the container's, for errors.
        inner: the container below.
        pack_of: returns the pack of a partition; `None` for one whose documents lie below as they are.
        clock: what times to live are measured with.
        limits: how packs are laid out.
        writer: what tells this process from all others that write.
    """

    def __init__(
        self,
        name: str,
        inner: Container,
        pack_of: Callable[[str], str | None],
        clock: Clock,
        limits: Limits,
        writer: str,
    ) -> None:
        super().__init__(name)
        self._inner = inner
        self._pack_of = pack_of
        self._clock = clock
        self._limits = limits
        self._writer = writer
        self._pages = Pages()
        self._packs: dict[str, WrittenPack] = {}
        self._compactions: dict[WrittenPack, Compaction] = {}
        self._sizes: dict[WrittenPack, int] = {}
        """What is known of packs takes so many bytes; what was used last comes last."""

    async def read_each(self, keys: Sequence[Key]) -> dict[Key, Document]:
        """Return those that exist of the documents with these keys, by key: one call of the container below, and more
        where what this process knows of a pack is over.
        """
        plain, packed = self._split(dict.fromkeys(keys))
        found: dict[Key, Document] = {}
        for _ in range(ATTEMPTS):
            plans = [(pack, pack.plan(its)) for pack, its in packed.items()]
            wanted = [*plain, *(key for _, plan in plans for key in plan.wanted)]
            documents = await self._inner.read_each(wanted)
            found |= {key: documents[key] for key in plain if key in documents}
            plain = []
            for pack, plan in plans:
                try:
                    found |= _documents(pack.answer(plan, documents), pack.now())
                except Gap:
                    await pack.refresh()
                else:
                    del packed[pack]
                    self._used([pack])
            if not packed:
                return {key: found[key] for key in dict.fromkeys(keys) if key in found}
        raise StoreUnavailable(f"{self._name}: it is being written to again and again; try again")

    async def write_many(self, documents: Sequence[Document]) -> list[Document | None]:
        """Write each as `write` does; those of a pack together, as one; `None` where it lost the race."""
        by_key = keyed(documents)
        plain, packed = self._split(by_key)
        results: dict[Key, Document | None] = {}
        for pack, keys in packed.items():
            for batch in _batches([Written(key, by_key[key], bytes_of(by_key[key])) for key in keys]):
                results |= zip([written.key for written in batch], await pack.write(batch), strict=True)
            await self._compact(pack)
        if plain:
            results |= zip(plain, await self._inner.write_many([by_key[key] for key in plain]), strict=True)
        self._used(packed)
        return [results[key] for key in by_key]

    async def delete(self, partition: str, id: str) -> None:
        """Remove the document; no error when there is none."""
        if (pack := self._pack(partition)) is None:
            await self._inner.delete(partition, id)
        else:
            await pack.remove((partition, id))
            await self._compact(pack)

    async def scan(self, partition: str, *, after: str = "", before: str | None = None) -> AsyncIterator[Document]:
        """Yield the documents of a partition in the order of their ids, from beyond `after` and up to `before`."""
        pack = self._pack(partition)
        if pack is None:
            async for document in self._inner.scan(partition, after=after, before=before):
                yield document
            return
        async for document in scan(pack, partition, after, before):
            yield document
        self._used([pack])

    async def partitions(self) -> AsyncIterator[str]:
        """Yield the name of each partition that holds a document, once."""
        async for below in self._inner.partitions():
            if not below.startswith(PREFIX):
                yield below
                continue
            pack = self._pack_below(below)
            for partition in await partitions_in(pack):
                yield partition
            self._used([pack])

    async def repack(self) -> int:
        """Bring what lies below as it is into packs, where it is packed by now, and return how many documents it was.

        Each is written before it is removed there, so who dies on the way runs it again. Nobody else may write
        meanwhile. Times to live begin again.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        moved = 0
        below = [name async for name in self._inner.partitions()]
        for partition in below:
            if partition.startswith(PREFIX) or self._pack_of(partition) is None:
                continue
            while documents := await _some(self._inner, partition):
                await self.write_many([replace(document, etag=None) for document in documents])
                for document in documents:
                    await self._inner.delete(partition, document.id)
                moved += len(documents)
        return moved

    def _split(self, keys: Iterable[Key]) -> tuple[list[Key], dict[WrittenPack, list[Key]]]:
        """Return the keys of what is not packed, and those of each pack."""
        plain: list[Key] = []
        packed: dict[WrittenPack, list[Key]] = {}
        places: dict[str, list[Key]] = {}
        for key in keys:
            place = places.get(key[0])
            if place is None:
                pack = self._pack(key[0])
                place = places[key[0]] = plain if pack is None else packed.setdefault(pack, [])
            place.append(key)
        return plain, packed

    def _pack(self, partition: str) -> WrittenPack | None:
        name = self._pack_of(partition)
        return None if name is None else self._pack_below(PREFIX + name)

    def _pack_below(self, below: str) -> WrittenPack:
        pack = self._packs.get(below)
        if pack is None:
            pack = self._packs[below] = WrittenPack(
                below, self._inner, self._pages, self._clock, self._limits, self._writer
            )
        return pack

    async def _compact(self, pack: WrittenPack) -> None:
        """Compact a pack where it is time to. What was written stays written when that fails."""
        if not pack.is_due:
            return
        compaction = self._compactions.get(pack)
        if compaction is None:
            compaction = self._compactions[pack] = Compaction(pack)
        try:
            await compaction.compact()
        except StoreUnavailable as error:
            log.warning("a pack could not be compacted yet", extra={"pack": pack.name, "why": str(error)})

    def _used(self, packs: Iterable[WrittenPack]) -> None:
        """Note that packs were used, and forget what is known of others where it takes too much memory."""
        for pack in packs:
            self._sizes.pop(pack, None)
            self._sizes[pack] = pack.size
        while len(self._sizes) > 1 and sum(self._sizes.values()) > MEMORY:
            oldest = next(iter(self._sizes))
            del self._sizes[oldest]
            oldest.forget()
            self._compactions.pop(oldest, None)


async def _some(container: Container, partition: str) -> list[Document]:
    found: list[Document] = []
    async for document in container.scan(partition):
        found.append(document)
        if len(found) == BATCH:
            break
    return found


def _documents(found: Mapping[Key, Entry], now: float) -> dict[Key, Document]:
    return {key: entry.document(key) for key, entry in found.items() if entry.is_there(now)}


def _batches(documents: Sequence[Written]) -> Iterator[list[Written]]:
    """Yield documents in the parts that are written together."""
    batch, total = list[Written](), 0
    for written in documents:
        size = len(written.text)
        if batch and (total + size > BATCH_BYTES or len(batch) == BATCH):
            yield batch
            batch, total = [], 0
        batch.append(written)
        total += size
    if batch:
        yield batch
