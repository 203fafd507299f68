"""What a workspace holds of the objects at hand, by its books as they were last read or written."""

from collections.abc import Iterable, Mapping, Sequence

from mti.common.ports.clock import Clock
from mti.publisher.forms import repairs
from mti.publisher.halving import Taken
from mti.publisher.records import Accept, Change, Held, Item, Published, Refuse
from mti.publisher.unrecorded import Unrecorded


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
    def known(self) -> Mapping[str, Published]:
        """What is held, by the observable's own id."""
        return self._known

    @property
    def age(self) -> float:
        """Seconds since they were last read."""
        return self._clock.monotonic() - self._read_at

    def of(self, item: Item) -> Published | None:
        """Return what is held of an item's observable."""
        return self._known.get(item.own)

    async def read(self, items: Iterable[Item]) -> None:
        """Read what the books say of the items now.

        Raises:
            StoreUnavailable: the store does not answer, or does not take what it did not take before.
        """
        self._read_at = self._clock.monotonic()
        ids = {item.own for item in items}
        held = await self._books.look_up(self.destination, ids)
        self._known = {id: known for id, known in self._known.items() if id not in ids} | held

    async def record(self, changes: Sequence[Change]) -> Mapping[str, Published]:
        """Enter changes and return what the books say of their ids then.

        Raises:
            StoreUnavailable: the store does not take them.
        """
        recorded = await self._books.record(self.destination, changes)
        self._known |= recorded
        return recorded

    async def enter(self, taken: Taken, decided_by: Mapping[str, Published | None]) -> list[Item]:
        """Enter an answer, and return what must be uploaded again, since somebody else was there in between.

        Args:
            taken: what the answer settled, in the forms that were uploaded.
            decided_by: what was held, by own id, when it was decided to upload them.

        Raises:
            StoreUnavailable: the store does not take it; it is kept in mind, see `Unrecorded`.
        """
        held: dict[str, Held] = {own: (known or Published()).held for own, known in decided_by.items()}
        changes: list[Change] = [Accept(item, held[item.own]) for item in taken.accepted]
        changes += [Refuse(item.own, item.object, words) for item, words in taken.refused]
        recorded = await self.record(changes)
        moment = self._clock.now()
        return [again for item in taken.accepted for again in repairs(recorded[item.own], item, moment)]

    def take_repairs(self) -> list[Item]:
        """Return, once, what must be uploaded again of what was written down late."""
        return self._books.take_repairs(self.destination)
