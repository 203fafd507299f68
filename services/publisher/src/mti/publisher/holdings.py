"""What a workspace holds of the objects at hand, by its books, and the requests that are made by that.

Only who holds the destination's session may upload there, and only by what the books say at that moment. So before
every request the session's lock is looked at and, when time has passed, the books are read again.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from mti.common.errors import LockLost
from mti.common.ports.bus import Lease
from mti.common.ports.clock import Clock
from mti.publisher.forms import lies_well, prepared, repairs, restored
from mti.publisher.halving import Taken
from mti.publisher.judging import Round, judge, order_in, pack
from mti.publisher.records import NOTHING, Accept, Change, Item, PassOver, Published, Refuse, Verdict, is_left_out
from mti.publisher.unrecorded import Unrecorded

MARGIN: Final = 3.0
"""Seconds for which the session's lock must still hold when a request begins."""
FRESH: Final = 1.0
"""Seconds for which the books are believed without another look while the session is held."""


_NEVER_HELD: Final = NOTHING.held


class Stale(Exception):
    """The books say otherwise by now than what a request was made by."""


class Holdings:
    """The part of a workspace's books that a batch needs.

    Args:
        destination: the workspace.
        books: all of them.
        clock: the time.
    """

    def __init__(self, destination: str, books: Unrecorded, clock: Clock) -> None:
        self.destination = destination
        self._books = books
        self._clock = clock
        self._known: dict[str, Published] = {}
        self._read_at = 0.0

    @property
    def read_at(self) -> float:
        """When they were read for the whole batch, on the monotonic clock."""
        return self._read_at

    def is_fresh(self, read_at: float) -> bool:
        """Say whether what was read then is believed without another look."""
        return self._clock.monotonic() - read_at < FRESH

    def of(self, item: Item) -> Published | None:
        """Return what is held of an item's observable."""
        return self._known.get(item.own)

    async def open(self, items: Sequence[Item]) -> Sequence[Item]:
        """Read what the books say of a batch, and return what must be uploaded again of what was written down late.

        Raises:
            StoreUnavailable: see `read`.
        """
        self._read_at = await self.read(items)
        return self._books.take_repairs(self.destination)

    async def read(self, items: Iterable[Item]) -> float:
        """Read what the books say of the items now, and return when that was, on the monotonic clock.

        Raises:
            StoreUnavailable: the store does not answer, or does not take what it did not take before.
        """
        read_at = self._clock.monotonic()
        ids = {item.own for item in items}
        held = await self._books.look_up(self.destination, ids)
        if self._known:
            for id in ids - held.keys():
                self._known.pop(id, None)
        self._known |= held
        return read_at

    async def record(self, changes: Sequence[Change]) -> Mapping[str, Published]:
        """Enter changes and return what the books say of their ids then.

        Raises:
            StoreUnavailable: the store does not take them.
        """
        recorded = await self._books.record(self.destination, changes)
        self._known |= recorded
        return recorded

    async def order(self, items: Sequence[Item]) -> None:
        """Enter what revocations say beyond the books: that their sources are withdrawn here.

        Raises:
            StoreUnavailable: the store does not take it.
        """
        revocations = [item for item in items if item.withdraws]
        orders = [order for item in revocations if (order := order_in(self.of(item), item)) is not None]
        if orders:
            await self.record(orders)

    def restored(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return what must be uploaded again first, since somebody left it undone: see `Published.unsure`."""
        look_up, moment = self._known.get, self._clock.now()
        unsure = {item.own: (known, item) for item in items if (known := look_up(item.own)) and known.unsure}
        forms = [restored(known, item, moment) for known, item in unsure.values()]
        return [form for form in forms if form is not None]

    async def pack(self, items: Sequence[Item]) -> Round:
        """Judge the objects, and note what is not uploaded, so that the books know why the workspace has it not.

        Raises:
            StoreUnavailable: the store does not take it.
        """
        step = pack(items, self._known)
        passed = [item for item, _ in step.needless]
        rebuilt = [item for request in step.requests for item in request if item.rebuilt is not None]
        passed += [item for item in rebuilt if self._is_left_out(item)]
        await self.record([PassOver(item) for item in passed if not item.withdraws and not self._knows(item)])
        return step

    def _is_left_out(self, item: Item) -> bool:
        known = self.of(item)
        return known is not None and is_left_out(known, item)

    def _knows(self, item: Item) -> bool:
        known = self.of(item)
        return known is not None and known.knows(item.source, item.object.modified)

    async def enter(self, taken: Taken, decided_by: Mapping[str, Published | None]) -> list[Item]:
        """Enter an answer, and return what must be uploaded again, since somebody else was there in between.

        Args:
            taken: what the answer settled, in the forms that were uploaded.
            decided_by: what was held, by own id, when it was decided to upload them.

        Raises:
            StoreUnavailable: the store does not take it; it is kept in mind, see `Unrecorded`.
        """
        changes: list[Change] = [_acceptance(item, decided_by[item.own]) for item in taken.accepted]
        changes += [Refuse(item.own, item.object, words) for item, words in taken.refused]
        recorded = await self.record(changes)
        disturbed = [item for item in taken.accepted if not lies_well(recorded[item.own], item)]
        moment = self._clock.now()
        return [again for item in disturbed for again in repairs(recorded[item.own], item, moment)]


class Request:
    """Objects that are uploaded together, by what the books say.

    Args:
        items: at most 100, no id twice.
        holdings: what the workspace holds.
        lease: the session's lock; `None` where there is none to lose.
    """

    def __init__(self, items: Sequence[Item], holdings: Holdings, lease: Lease | None) -> None:
        self._holdings = holdings
        self._lease = lease
        self._decided_by: dict[str, Published | None] = {item.own: holdings.of(item) for item in items}
        self._left = {prepared(self._decided_by[item.own], item): item for item in items}
        """What nothing is known of yet: the objects as they were given, by the forms that are uploaded."""
        self.forms: Sequence[Item] = list(self._left)
        """What is uploaded: each object in the form that the workspace needs."""
        self._read_at = holdings.read_at

    async def confirm(self) -> None:
        """See that it may be sent now, after whatever was waited for.

        Raises:
            LockLost: the session may be somebody else's.
            Stale: the books say otherwise by now.
        """
        require_lock(self._lease, self._holdings.destination)
        if self._holdings.is_fresh(self._read_at):
            return
        self._read_at = await self._holdings.read(self._left.values())
        for form, item in self._left.items():
            known = self._holdings.of(item)
            if known != self._decided_by[item.own] and not _stands(known, item, form):
                raise Stale
            self._decided_by[item.own] = known

    async def enter(self, taken: Taken) -> tuple[Taken, list[Item]]:
        """Enter an answer in the books.

        Returns:
            What it settled of the objects as they were given, and what must be uploaded again, since somebody else was
            there in between.

        Raises:
            StoreUnavailable: the store does not take it.
        """
        disturbed = await self._holdings.enter(taken, self._decided_by)
        accepted = [self._left.pop(form) for form in taken.accepted]
        return Taken(accepted, [(self._left.pop(form), words) for form, words in taken.refused]), disturbed


def _acceptance(item: Item, decided_by: Published | None) -> Accept:
    """Return the entry of an item that was accepted, by what was held when that was decided."""
    if decided_by is None:
        return Accept(item, _NEVER_HELD)
    return Accept(item, decided_by.held, decided_by.is_withdrawn_from(item.source))


def require_lock(lease: Lease | None, destination: str) -> None:
    """See that a workspace's session is surely ours for long enough to send a request.

    Raises:
        LockLost: it is not; what is left is handed out again.
    """
    if lease is not None and lease.remaining() < MARGIN:
        raise LockLost(
            f"workspace {destination}: its session's lock ran out before a request, so nothing more is "
            "uploaded there; what is left is handed out again"
        )


def _stands(known: Published | None, item: Item, form: Item) -> bool:
    """Say whether an item is to be sent in the same form by newer books as well."""
    return judge(known, item) is Verdict.SEND and prepared(known, item).object == form.object
