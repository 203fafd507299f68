"""One request of a delivery: which form of each object it holds, and whether it may still be sent.

Only who holds the destination's session may upload there, and only by what the books say at that moment. So before
every request the session's lock is looked at and, when time has passed, the books are read again.
"""

from collections.abc import Sequence
from typing import Final

from mti.common.errors import LockLost
from mti.common.ports.bus import Lease
from mti.publisher.forms import prepared
from mti.publisher.halving import Taken
from mti.publisher.holdings import Holdings
from mti.publisher.judging import judge
from mti.publisher.records import Item, Published, Verdict

MARGIN: Final = 3.0
"""Seconds for which the session's lock must still hold when a request begins."""
FRESH: Final = 1.0
"""Seconds for which the books are believed without another look while the session is held."""


class Stale(Exception):
    """The books say otherwise by now than what a request was made by."""


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
        self._forms = {item: prepared(self._decided_by[item.own], item) for item in items}
        self._items = {form: item for item, form in self._forms.items()}
        self._left = list(items)

    @property
    def forms(self) -> Sequence[Item]:
        """What is uploaded: each object in the form that the workspace needs."""
        return list(self._items)

    async def confirm(self) -> None:
        """See that it may be sent now, after whatever was waited for.

        Raises:
            LockLost: the session may be somebody else's.
            Stale: the books say otherwise by now.
        """
        require_lock(self._lease, self._holdings.destination)
        if self._holdings.age < FRESH:
            return
        await self._holdings.read(self._left)
        for item in self._left:
            known = self._holdings.of(item)
            if known != self._decided_by[item.own] and not _stands(known, item, self._forms[item]):
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
        accepted = [self._items[form] for form in taken.accepted]
        refused = [(self._items[form], words) for form, words in taken.refused]
        settled = {*accepted, *(item for item, _ in refused)}
        self._left = [item for item in self._left if item not in settled]
        return Taken(accepted, refused), disturbed


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
