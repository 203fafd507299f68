"""What a process knows of a pack: its head, what finds pages in its runs, and its journal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from mti.common.adapters.packed.filters import hashed
from mti.common.adapters.packed.forms import Entry, Head, Position, entries_in
from mti.common.adapters.packed.merging import in_order
from mti.common.adapters.packed.runs import Run
from mti.common.ports.store import Document, Key

LOOKED: Final = 4096
_ENTRY_BYTES: Final = 1500
"""About what an entry of the journal takes in memory."""


@dataclass(slots=True)
class Epoch:
    """One epoch of the journal, as far as it was read."""

    entries: dict[Key, Entry] = field(default_factory=dict)
    """The newest of each key."""
    documents: int = 0
    closed: bool = False
    at: float = 0.0
    """When its newest document was written."""

    def add(self, entries: Mapping[Key, Entry], at: float, *, last: bool) -> None:
        """Take in what its next document says."""
        self.entries |= entries
        self.documents += 1
        self.closed = last
        self.at = max(self.at, at)


class Gap(Exception):
    """What was read does not go together: somebody has changed the pack meanwhile."""


class State:
    """A pack as it was at one moment.

    Args:
        head: its head.
        etag: of the head; `None` where there is none yet.
        runs: all of the head's, in its order.
    """

    def __init__(self, head: Head, etag: str | None, runs: Sequence[Run]) -> None:
        self.head = head
        self.etag = etag
        self.runs = list(runs)
        self.epochs: dict[int, Epoch] = {}
        """Those of the journal, the oldest first."""
        self.tail = Position(head.epoch)
        """The place of the next journal document."""
        self._newest_first: list[dict[Key, Entry]] = []
        """The entries of the epochs."""
        self._looked: dict[Key, Sequence[str]] = {}
        """Pages of the keys that were looked for last: who reads mostly writes next."""

    @property
    def size(self) -> int:
        """About the bytes that it takes in memory."""
        journal = sum(len(epoch.entries) for epoch in self.epochs.values())
        return journal * _ENTRY_BYTES + sum(run.size for run in self.runs)

    def read(self, document: Document) -> None:
        """Take in the next document of the journal.

        Raises:
            Gap: it is not the next one.
        """
        if document.id != self.tail.id:
            raise Gap
        body = document.body
        self.add(entries_in(document), float(str(body["at"])), last=bool(body["last"]))

    def add(self, entries: Mapping[Key, Entry], at: float, *, last: bool) -> None:
        """Take in what the next document of the journal says."""
        epoch = self.epochs.get(self.tail.epoch)
        if epoch is None:
            epoch = self.epochs[self.tail.epoch] = Epoch()
            self._newest_first.insert(0, epoch.entries)
        epoch.add(entries, at, last=last)
        self.tail = self.tail.after(last=last)

    def take_journal(self, other: "State") -> None:
        """Take over what another state of the pack has read of the journal that counts still."""
        if not other.head.epoch <= self.head.epoch <= other.tail.epoch:
            return  # it has not come so far, or has let go of what this head still leaves to the journal
        self.epochs = {number: epoch for number, epoch in other.epochs.items() if number >= self.head.epoch}
        self._newest_first = [epoch.entries for epoch in reversed(self.epochs.values())]
        self.tail = other.tail

    def in_journal(self, key: Key) -> Entry | None:
        """Return what the journal says of a key; `None` where it says nothing."""
        for entries in self._newest_first:
            if (found := entries.get(key)) is not None:
                return found
        return None

    def pages_for(self, keys: Iterable[Key]) -> dict[Key, Sequence[str]]:
        """Return the pages that may hold the keys of which the journal says nothing, the newest first."""
        if not self.runs:
            return {}
        wanted: dict[Key, Sequence[str]] = {}
        looked = self._looked
        for key in keys:
            if self.in_journal(key) is not None:
                continue
            pages = looked.get(key)
            if pages is None:
                known_by = hashed(key)
                pages = [page for run in self.runs if (page := run.page_for(key, known_by)) is not None]
            if pages:
                wanted[key] = pages
            looked[key] = pages
        if len(looked) > LOOKED:
            looked.clear()
        return wanted

    def closed_epoch(self) -> Epoch | None:
        """Return the journal's first epoch, if it is to be made a run of."""
        found = self.epochs.get(self.head.epoch)
        return found if found is not None and found.closed else None

    def journal_of(self, partition: str, after: str, before: str | None) -> dict[Key, Entry]:
        """Return what the journal says of a partition beyond an id and up to another, in order."""
        return in_order(
            {
                key: entry
                for epoch in self.epochs.values()
                for key, entry in epoch.entries.items()
                if key[0] == partition and key[1] > after and (before is None or key[1] < before)
            }
        )

    @property
    def partitions(self) -> set[str]:
        """The partitions that it may hold anything of."""
        journal = {partition for epoch in self.epochs.values() for partition, _ in epoch.entries}
        return journal.union(*(run.partitions for run in self.runs))
