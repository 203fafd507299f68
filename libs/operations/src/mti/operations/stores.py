"""The stores of the three services, as whoever operates them holds them."""

from dataclasses import dataclass
from typing import Final

from mti.common.ports.store import Store

SERVICES: Final = ("fetcher", "normalizer", "publisher")
"""In the order of the flow, and of the fields of `Stores`."""


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores of the three services."""

    fetcher: Store
    normalizer: Store
    publisher: Store

    async def close(self) -> None:
        """Close all."""
        for store in (self.fetcher, self.normalizer, self.publisher):
            await store.close()
