"""The pages that were read last, of all packs of a container."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from mti.common.adapters.packed.forms import Entry
from mti.common.ports.store import Key

Page = Mapping[Key, Entry]
KEPT: Final = 128
"""Some 12 MB: more than a request of refreshed objects looks for, which are read and then written."""


class Pages:
    """Pages never change, so one that was read is as good as what lies in the store."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, Page] = OrderedDict()

    def get(self, pack: str, page: str) -> Page | None:
        """Return what a page holds, if it is at hand."""
        found = self._kept.get((pack, page))
        if found is not None:
            self._kept.move_to_end((pack, page))
        return found

    def keep(self, pack: str, pages: Mapping[str, Page]) -> None:
        """Keep pages at hand, and let go of those that were not needed for longest."""
        for page, entries in pages.items():
            self._kept[pack, page] = entries
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
