"""What Cosmos DB charges for a request, by Microsoft's table. Pure.

A point read costs 1 RU for 1 KB and 10 for 100 KB, a write 5 and 50; to insert 1 KB that is not indexed is about 5.5,
to replace an item twice what inserting it costs, and a query costs what it returns, 2.8 at the least
(https://learn.microsoft.com/azure/cosmos-db/nosql/optimize-cost-reads-writes,
https://learn.microsoft.com/azure/cosmos-db/key-value-store-cost). Between the sizes of the table, and beyond it, the
charge is taken to grow in a straight line. Our containers index the partition key alone, beside the id, which is always
indexed (`mti.common.adapters.cosmos.containers`), so nothing is added for indexes.
"""

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

KB: Final = 1024
_SMALL: Final = 1
_LARGE: Final = 100


class RequestUnits(BaseModel):
    """The table; every figure is in request units (RU). Sizes are in bytes, of the item as it is stored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    read_1_kb: float = Field(ge=0)
    read_100_kb: float = Field(ge=0)
    insert_1_kb: float = Field(ge=0)
    insert_100_kb: float = Field(ge=0)
    replace_factor: float = Field(ge=0)
    """What replacing an item costs, in insertions of it."""
    query: float = Field(ge=0)
    """The least that a query costs."""
    query_key: float = Field(ge=0)
    """What a query costs for each key that it looks for in the index."""

    def point_read(self, size: int) -> float:
        """Return the charge of reading one item by its key; one that is not there costs as much as a small one."""
        return _on_line(size, self.read_1_kb, self.read_100_kb)

    def insert(self, size: int) -> float:
        """Return the charge of creating an item."""
        return _on_line(size, self.insert_1_kb, self.insert_100_kb)

    def replace(self, size: int) -> float:
        """Return the charge of replacing an item by one of that size."""
        return self.replace_factor * self.insert(size)

    def delete(self, size: int) -> float:
        """Return the charge of removing an item: it is not in the table, and is taken to be that of its insertion."""
        return self.insert(size)

    def found(self, sizes: Sequence[int], keys: int = 0) -> float:
        """Return the charge of a query.

        Args:
            sizes: of the items that it returns.
            keys: that it looks for, found or not.
        """
        return self.query + keys * self.query_key + sum(map(self.point_read, sizes))


def _on_line(size: int, small: float, large: float) -> float:
    kilobytes = max(_SMALL, size / KB)
    return small + (large - small) * (kilobytes - _SMALL) / (_LARGE - _SMALL)
