"""The pages that were read last, of all packs of a container."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

KEPT_BYTES: Final = 4 * 1024 * 1024
"""Some 350 pages as they lie in the store, compressed: as objects they would take ten times as much."""


class Pages:
    """Pages never change, so one that was read is as good as what lies in the store."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._bytes = 0

    def get(self, pack: str, page: str) -> str | None:
        """Return what a page holds, packed, if it is at hand."""
        found = self._kept.get((pack, page))
        if found is not None:
            self._kept.move_to_end((pack, page))
        return found

    def keep(self, pack: str, pages: Mapping[str, str]) -> None:
        """Keep pages at hand, and let go of those that were not needed for longest."""
        for page, packed in pages.items():
            self._bytes += len(packed) - len(self._kept.get((pack, page), ""))
            self._kept[pack, page] = packed
        while self._bytes > KEPT_BYTES:
            _, packed = self._kept.popitem(last=False)
            self._bytes -= len(packed)
