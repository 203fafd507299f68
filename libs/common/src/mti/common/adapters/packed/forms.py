"""How packed documents lie in the container below. Pure.

A *pack* is what is packed together: the documents of some partitions. It has one partition below, with

- ``journal!EPOCH!NUMBER``: a batch of writes, each created once and never changed. Epochs follow each other, and each
  ends with the document that says ``last``.
- ``page!RUN!NUMBER``: documents in the order of their keys, and ``index!RUN!NUMBER``: the first key of each of some
  hundred pages, and a filter that says which keys may be in them. A *run* is a sorted set of pages; newer runs stand
  before older ones.
- ``head``: the epoch at which the journal begins, the runs that stand before it, and what may be removed.

What they hold is compressed, since indicators of one pack are much alike: of a kilobyte a seventh is left, base64
included, and Cosmos DB charges by size.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any, Final, cast

import msgspec
from isal import isal_zlib
from msgspec import Raw, Struct
from pydantic import JsonValue

from mti.common.ports.store import Document, Key

HEAD: Final = "head"
JOURNAL: Final = "journal!"
AFTER_JOURNAL: Final = 'journal"'
"""The end of the range of ids of the journal."""
FORM: Final = 1
"""Of runs: to be changed with anything that decides how entries are put into pages and indexes."""
GONE: Final = -1
"""In the place of the time to live of a document that was removed."""
NOTHING: Final = Raw(b"0")
"""In the place of the body of a document that was removed."""
_LEVEL: Final = 1
BATCHES_KEPT: Final = 64
"""Those of one epoch, at least: while a process looks at the head once, others would have to write as many."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How a pack is laid out."""

    epoch_documents: int = 64
    """Journal documents after which they are made a run of."""
    epoch_entries: int = 4096
    page_bytes: int = 64 * 1024
    """Of the entries in a page, before it is compressed: reading one costs some two request units then, and writing it
    an eighth of one for each entry of it."""
    index_pages: int = 256
    fan_in: int = 8
    """Runs of a tier that are merged into one of the next."""
    pages_at_once: int = 1024
    """Pages of a merge that one write makes, which ended an epoch; it is gone on with at the end of the next. To keep
    pace takes some fifty for each tier."""


class Entry(Struct, frozen=True, gc=False, array_like=True):
    """One document, or that it was removed."""

    etag: str
    """Where it was written, the epoch and the number of its journal document, by which process, and by which try."""
    ttl: int
    """Seconds; 0 is for ever, and `GONE` that it was removed."""
    expires: float
    """When it is gone, in seconds since 1970; 0 is never."""
    body: Raw
    """Its text."""

    def is_there(self, now: float) -> bool:
        """Say whether a reader finds it at that time."""
        return self.ttl != GONE and (not self.expires or self.expires > now)

    def document(self, key: Key) -> Document:
        """Return it as it was written."""
        return Document(partition=key[0], id=key[1], text=bytes(self.body), etag=self.etag, ttl=self.ttl or None)


def gone(etag: str) -> Entry:
    """Return that a document was removed."""
    return Entry(etag, GONE, 0, NOTHING)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """The place of a journal document."""

    epoch: int = 0
    number: int = 0

    @property
    def id(self) -> str:
        """Of the document below."""
        return f"{JOURNAL}{self.epoch:010}!{self.number:06}"

    @property
    def id_before(self) -> str:
        """The id of the document before it, or what stands before all of its epoch."""
        return Position(self.epoch, self.number - 1).id if self.number else f"{JOURNAL}{self.epoch:010}!"

    def etag(self, by: str) -> str:
        """Return that of the documents that one try of a process writes there."""
        return f"{self.epoch}.{self.number}.{by}"

    def after(self, *, last: bool) -> "Position":
        """Return the place of the next one."""
        return Position(self.epoch + 1) if last else Position(self.epoch, self.number + 1)

    @classmethod
    def of(cls, id: str) -> "Position":
        """Return the place of a journal document by its id."""
        _, epoch, number = id.split("!")
        return cls(int(epoch), int(number))


@dataclass(frozen=True, slots=True)
class RunNote:
    """What the head says of a run."""

    first: int
    """The first epoch that is in it."""
    last: int
    tier: int
    """0 of what was an epoch; of several of one tier, that were merged, one more."""
    whole: bool
    """Whether no older run was left, so that what was removed before is not in it."""
    at: float
    """When the newest of it was written, in seconds since 1970."""
    pages: int = 0
    indexes: int = 0

    @property
    def id(self) -> str:
        """Of its documents. It says what decides every byte of them, so that two who make the run make the same."""
        return f"{FORM}.{self.first}-{self.last}{'.whole' if self.whole else ''}"

    @property
    def page_ids(self) -> list[str]:
        """Return the ids of its pages, in order."""
        return [page_id(self.id, number) for number in range(self.pages)]

    @property
    def index_ids(self) -> list[str]:
        """Return the ids of its indexes, in order."""
        return [index_id(self.id, number) for number in range(self.indexes)]


@dataclass(frozen=True, slots=True)
class Head:
    """Which journal documents and runs count."""

    epoch: int = 0
    """The first one of the journal."""
    runs: Sequence[RunNote] = ()
    """The newest first."""
    garbage: Sequence[str] = ()
    """Ids of what counts no more. It is removed before the head is changed again: who reads by the head as it was a
    moment ago still finds it."""
    batches: Sequence[str] = ()
    """The etags of the journal documents that became part of a run last: who looks late finds its own among them."""

    def body(self) -> dict[str, JsonValue]:
        """Return it as it is stored."""
        runs: list[JsonValue] = [list(astuple(run)) for run in self.runs]
        return {
            "epoch": self.epoch,
            "runs": runs,
            "garbage": list(self.garbage),
            "batches": " ".join(self.batches),
        }

    @classmethod
    def of(cls, document: Document | None) -> "Head":
        """Return it as it was stored; of a new pack there is none yet."""
        if document is None:
            return cls()
        body = cast("Mapping[str, Any]", document.body)
        runs = tuple(RunNote(*run) for run in body["runs"])
        return cls(body["epoch"], runs, tuple(body["garbage"]), body.get("batches", "").split())

    def with_epoch_merged(self, made: Sequence[RunNote], garbage: Sequence[str], batches: Sequence[str]) -> "Head":
        """Return it with a run, or with none if nothing is left of it, in the place of the journal's first epoch."""
        kept = (*self.batches, *batches)[-BATCHES_KEPT:]
        return Head(self.epoch + 1, (*made, *self.runs), tuple(garbage), kept)

    def with_runs_merged(self, merged: Sequence[RunNote], made: Sequence[RunNote], garbage: Sequence[str]) -> "Head":
        """Return it with one run, or none, in the place of some that follow each other."""
        first = self.runs.index(merged[0])
        runs = (*self.runs[:first], *made, *self.runs[first + len(merged) :])
        return replace(self, runs=runs, garbage=tuple(garbage))


def page_id(run: str, number: int) -> str:
    """Return the id of a page."""
    return f"page!{run}!{number:08}"


def index_id(run: str, number: int) -> str:
    """Return the id of an index."""
    return f"index!{run}!{number:08}"


class Written(Struct, frozen=True, gc=False):
    """A document that is written."""

    key: Key
    document: Document
    text: bytes
    """Of its body."""


def entries_written(batch: Iterable[Written], removed: Iterable[Key], etag: str, at: float) -> dict[Key, Entry]:
    """Return what a journal document is to say, by key.

    Args:
        batch: what is written.
        removed: the keys of what is removed.
        etag: of all of it.
        at: when, in seconds since 1970.
    """
    entries = {
        written.key: Entry(etag, ttl, at + ttl if ttl else 0, Raw(written.text))
        for written in batch
        for ttl in (written.document.ttl or 0,)
    }
    return entries | {key: gone(etag) for key in removed}


def packed_body(entries: Mapping[Key, Entry], **beside: JsonValue) -> dict[str, JsonValue]:
    """Return the body of a journal document or a page.

    Args:
        entries: what it is to hold; of a page in the order of the keys.
        beside: what is not compressed.
    """
    partitions: defaultdict[str, list[tuple[str, Entry]]] = defaultdict(list)
    for (partition, id), entry in entries.items():
        partitions[partition].append((id, entry))
    packed = isal_zlib.compress(_encode(list(partitions.items())), level=_LEVEL)
    return {**beside, "of": msgspec.to_builtins(packed)}


def packed_in(document: Document) -> str:
    """Return what of a journal document or a page is compressed."""
    return str(document.body["of"])


def entries_in(document: Document) -> dict[Key, Entry]:
    """Return what a journal document or a page holds, by key, in its order."""
    whole = _decode(_unpacked(packed_in(document)))
    return {(partition, id): entry for partition, its in whole for id, entry in its}


def entries_of(packed: str, keys: Iterable[Key]) -> dict[Key, Entry]:
    """Return what a page holds under some keys, and nothing that keeps the rest of it in memory.

    Args:
        packed: what `packed_in` returned of the page.
        keys: the keys.
    """
    text = _unpacked(packed)
    # A page that a filter leads to may have none of them, which is seen in half of the time.
    likely = [key for key in keys if _encode(key[1]) in text]
    whole = {partition: dict(its) for partition, its in _decode_ids(text)} if likely else {}
    return {
        key: _decode_entry(bytes(found))
        for key in likely
        if (its := whole.get(key[0])) is not None and (found := its.get(key[1])) is not None
    }


def _unpacked(packed: str) -> bytes:
    return isal_zlib.decompress(msgspec.convert(packed, bytes))  # a quarter of the time of `b64decode`


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(list[tuple[str, list[tuple[str, Entry]]]]).decode
_decode_ids: Final = msgspec.json.Decoder(list[tuple[str, list[tuple[str, Raw]]]]).decode
_decode_entry: Final = msgspec.json.Decoder(Entry).decode
