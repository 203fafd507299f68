"""One pack, read by what is known of it: its head, its indexes and its journal, and by the pages that these lead to."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mti.common.adapters.packed.forms import (
    AFTER_JOURNAL,
    HEAD,
    Entry,
    Head,
    Limits,
    Position,
    RunNote,
    entries_of,
    packed_in,
)
from mti.common.adapters.packed.pages import Pages
from mti.common.adapters.packed.runs import Index, Run
from mti.common.adapters.packed.state import Gap, State
from mti.common.errors import StoreUnavailable
from mti.common.ports.clock import Clock
from mti.common.ports.store import Container, Document, Key
from mti.common.races import ATTEMPTS


@dataclass(frozen=True, slots=True)
class Plan:
    """What a read of some keys needs of the container below."""

    keys: Sequence[Key]
    state: State | None
    """By which it was made; `None` while nothing is known of the pack."""
    tail: Position
    pages: Mapping[str, Sequence[Key]]
    """Those that may hold some of the keys, of which the journal says nothing; the newest first."""
    at_hand: Mapping[str, str]
    """What those of them hold that were read before, packed."""
    head: Key
    journal: Key
    """The next journal document."""
    missing: Sequence[Key]
    """The pages that are not at hand."""

    @property
    def wanted(self) -> Sequence[Key]:
        """What is to be read to know whether what is known still stands, and the pages."""
        return [self.head, self.journal, *self.missing]


class Pack:
    """A pack in the container below.

    Args:
        name: its partition there.
        inner: the container below.
        pages: those that were read last.
        clock: the time.
        limits: how it is laid out.
    """

    def __init__(self, name: str, inner: Container, pages: Pages, clock: Clock, limits: Limits) -> None:
        self.name = name
        self.limits = limits
        self.inner = inner
        self._pages = pages
        self._clock = clock
        self._state: State | None = None
        self._loading = asyncio.Lock()

    @property
    def size(self) -> int:
        """About the bytes that what is known of it takes in memory."""
        return 0 if self._state is None else self._state.size

    def forget(self) -> None:
        """Forget what is known of it; it is read again when it is needed."""
        self._state = None

    def now(self) -> float:
        """Return the time, in seconds since 1970."""
        return self._clock.now().timestamp()

    def plan(self, keys: Sequence[Key]) -> Plan:
        """Say what is to be read to know what stands under these keys."""
        state = self._state
        tail = Position() if state is None else state.tail
        pages = {} if state is None else state.pages_for(keys)
        at_hand = {page: found for page in pages if (found := self._pages.get(self.name, page)) is not None}
        missing = [(self.name, page) for page in pages if page not in at_hand]
        return Plan(keys, state, tail, pages, at_hand, (self.name, HEAD), (self.name, tail.id), missing)

    def answer(self, plan: Plan, documents: Mapping[Key, Document]) -> dict[Key, Entry]:
        """Return what stands under the keys, removed documents included.

        Args:
            plan: what was asked for.
            documents: what the container below answered.

        Raises:
            Gap: the pack is not what it was any more: `refresh`, and plan anew.
        """
        head, came = documents.get(plan.head), plan.journal in documents
        if plan.state is None and self._state is None and head is None and not came:
            self._state = State(Head(), None, ())
            return {}
        state = self._state
        if state is None or state is not plan.state or state.etag != (None if head is None else head.etag):
            raise Gap
        if came and state.tail == plan.tail:
            raise Gap
        found = self._read(state, plan, documents)
        return found | state.in_journal(plan.keys)

    async def refresh(self) -> State:
        """Read what came since, or all that is to be known of the pack, and return it.

        Raises:
            StoreUnavailable: the store does not answer, or the pack changed again and again.
        """
        async with self._loading:
            for _ in range(ATTEMPTS):
                try:
                    self._state = await self._loaded(self._state)
                except Gap:
                    self._state = None
                else:
                    return self._state
        raise StoreUnavailable(f"{self.name}: its pages and its head do not go together; try again")

    async def current(self, keys: Sequence[Key]) -> tuple[State, dict[Key, Entry]]:
        """Return what was known last, and what stands under these keys by that, bodies left out where they may be.

        It may be over by now: who appends learns of it.

        Raises:
            StoreUnavailable: see `refresh`.
        """
        for _ in range(ATTEMPTS):
            state = self._state or await self.refresh()
            found, rest = state.in_mind(keys)
            plan = self.plan(rest)
            documents = await self.inner.read_each(plan.missing) if plan.missing else {}
            try:
                found |= self._read(state, plan, documents)
            except Gap:
                await self.refresh()
            else:
                return state, found | state.in_journal(keys)
        raise StoreUnavailable(f"{self.name}: its pages were replaced again and again; try again")

    def _read(self, state: State, plan: Plan, documents: Mapping[Key, Document]) -> dict[Key, Entry]:
        """Return what the pages say of the keys of a plan, and keep it in mind.

        Raises:
            Gap: a page is not there any more.
        """
        read = {id: packed_in(documents[pack, id]) for pack, id in plan.missing if (pack, id) in documents}
        self._pages.keep(self.name, read)
        found = _in_pages(plan.pages, {**plan.at_hand, **read})
        state.keep_in_mind(plan.keys, found)
        return found

    async def _loaded(self, known: State | None) -> State:
        """Return the pack as it is now, by what is known and what came since.

        Raises:
            Gap: it changed meanwhile.
        """
        found = await self.inner.read(self.name, HEAD)
        etag = None if found is None else found.etag
        if known is not None and known.etag == etag:
            state = known
        else:
            head = Head.of(found)
            state = State(head, etag, await self._runs(head.runs, known))
            if known is not None:
                state.take_journal(known)
        async for document in self.inner.scan(self.name, after=state.tail.id_before, before=AFTER_JOURNAL):
            if Position.of(document.id) >= state.tail:
                state.read(document)
        return state

    async def _runs(self, notes: Sequence[RunNote], known: State | None) -> list[Run]:
        """Return runs by what the head says of them; those that are known are not read again."""
        runs = {} if known is None else {run.note: run for run in known.runs}
        wanted = [note for note in notes if note not in runs]
        documents = await self.inner.read_each([(self.name, id) for note in wanted for id in note.index_ids])
        for note in wanted:
            indexes = [documents.get((self.name, id)) for id in note.index_ids]
            runs[note] = Run(note, [Index.of(found) for found in indexes if found is not None])
            if None in indexes:
                raise Gap
        return [runs[note] for note in notes]


def _in_pages(wanted: Mapping[str, Sequence[Key]], packed: Mapping[str, str]) -> dict[Key, Entry]:
    """Return of each key what the newest page says that has it.

    Args:
        wanted: pages, the newest first, with the keys that they may have.
        packed: what they hold.

    Raises:
        Gap: a page is not there any more.
    """
    found: dict[Key, Entry] = {}
    for page, its in wanted.items():
        if keys := [key for key in its if key not in found]:
            if page not in packed:
                raise Gap
            found |= entries_of(packed[page], keys)
    return found
