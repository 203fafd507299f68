"""The stores of the three services, as whoever operates them holds them."""

from dataclasses import dataclass
from typing import Final, Protocol

from mti.common.ports.store import Store

SERVICES: Final = ("fetcher", "normalizer", "publisher")
"""In the order of the flow, and of the fields of `Stores`."""


class WithdrawalStores(Protocol):
    """The stores that a withdrawal is written to."""

    @property
    def normalizer(self) -> Store:
        """What is known, and what is rejected from now on."""
        ...

    @property
    def publisher(self) -> Store:
        """The books of every workspace."""
        ...


@dataclass(frozen=True, slots=True)
class WithdrawalStoresOnly:
    """These two and no other, where that is all that somebody may write to."""

    normalizer: Store
    publisher: Store


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
