"""What a process knows of a pack: its head, what finds pages in its runs, and its journal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from mti.common.adapters.packed.filters import digests_of, spread
from mti.common.adapters.packed.forms import NOTHING, Entry, Head, Position, entries_in, gone
from mti.common.adapters.packed.merging import in_order
from mti.common.adapters.packed.runs import Run
from mti.common.ports.store import Document, Key

LOOKED: Final = 4096
"""Keys of which a pack has in mind what its pages say: more than are looked for at a time, and then written."""
_NOWHERE: Final = gone("")
"""In the place of what no page holds."""
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
    batches: list[str] = field(default_factory=list)
    """The etag of each of its documents."""

    def add(self, entries: Mapping[Key, Entry], at: float, *, last: bool) -> None:
        """Take in what its next document says."""
        self.entries |= entries
        self.batches += [entry.etag for entry in islice(entries.values(), 1)]
        self.documents += 1
        self.closed = last
        self.at = max(self.at, at)

    def copy(self) -> "Epoch":
        """Return one that is read on by itself. Who still goes by another state of the pack changes its own: what that
        one learns late must not come over what was read here meanwhile.
        """
        return Epoch(dict(self.entries), self.documents, self.closed, self.at, list(self.batches))


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
        self._looked: dict[Key, Entry] = {}
        """What the pages say, bodies left out, of the keys that were looked for last: who reads mostly writes next."""

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
        epoch.add(entries, at, last=last)
        self.tail = self.tail.after(last=last)

    def take_journal(self, other: "State") -> None:
        """Take over what another state of the pack has read of the journal that counts still."""
        if not other.head.epoch <= self.head.epoch <= other.tail.epoch:
            return  # it has not come so far, or has let go of what this head still leaves to the journal
        self.epochs = {number: epoch.copy() for number, epoch in other.epochs.items() if number >= self.head.epoch}
        self.tail = other.tail

    def in_journal(self, keys: Iterable[Key]) -> dict[Key, Entry]:
        """Return what the journal says of keys; those of which it says nothing are absent."""
        found: dict[Key, Entry] = {}
        for epoch in self.epochs.values():
            entries = epoch.entries
            found |= {key: entries[key] for key in keys if key in entries}
        return found

    def pages_for(self, keys: Sequence[Key]) -> dict[str, list[Key]]:
        """Return the pages that may hold keys of which the journal says nothing, and which keys these are.

        Those of a newer run come before those of an older one.
        """
        if not self.runs:
            return {}
        journal = self.in_journal(keys)
        rest = [key for key in keys if key not in journal] if journal else list(keys)
        if any(run.note.indexes > 1 for run in self.runs):
            rest.sort()
        known_by = list(spread(digests_of(rest)))
        return {page: its for run in self.runs for page, its in run.pages_for(rest, known_by).items()}

    def keep_in_mind(self, keys: Iterable[Key], found: Mapping[Key, Entry]) -> None:
        """Keep in mind what the pages say of keys that were looked for.

        Args:
            keys: the keys.
            found: what a page holds.
        """
        if self.runs:
            looked = dict.fromkeys(keys, _NOWHERE)
            looked |= {key: Entry(entry.etag, entry.ttl, entry.expires, NOTHING) for key, entry in found.items()}
            if len(self._looked) + len(looked) > LOOKED:
                self._looked.clear()
            self._looked |= looked

    def in_mind(self, keys: Sequence[Key]) -> tuple[dict[Key, Entry], list[Key]]:
        """Return what is in mind of what the pages say of keys, and those keys for which they are to be asked."""
        if not self.runs:
            return {}, []
        looked = self._looked
        found = {key: entry for key in keys if (entry := looked.get(key, _NOWHERE)) is not _NOWHERE}
        return found, [key for key in keys if key not in looked]

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
