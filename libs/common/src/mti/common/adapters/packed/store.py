"""A store of whose containers some are packed."""

from collections.abc import Callable, Mapping
from secrets import token_hex
from typing import Final

from mti.common.adapters.packed.container import PackedContainer
from mti.common.adapters.packed.forms import Limits
from mti.common.ports.clock import Clock, SystemClock
from mti.common.ports.store import Container, Store

LIMITS: Final = Limits()
PackOf = Callable[[str], str | None]
"""Returns the pack of a partition; `None` for one whose documents lie below as they are."""


class PackedStore:
    """A store over another one.

    Args:
        below: the other one, which is closed with this.
        packs: what is packed, by container.
        clock: what times to live are measured with.
        limits: how packs are laid out.
        writer: what tells this process from all others that write; by chance, if it is not given.
    """

    def __init__(
        self,
        below: Store,
        packs: Mapping[str, PackOf],
        clock: Clock | None = None,
        limits: Limits = LIMITS,
        writer: str | None = None,
    ) -> None:
        self._below = below
        self._packs = packs
        self._clock = clock or SystemClock()
        self._limits = limits
        self._writer = writer or token_hex(4)
        self._containers: dict[str, PackedContainer] = {}

    @property
    def below(self) -> Store:
        """The other one."""
        return self._below

    def container(self, name: str) -> Container:
        """Return the container of that name."""
        return self._packed(name) if name in self._packs else self.below.container(name)

    async def repack(self) -> int:
        """Bring what an earlier release wrote as it is into packs; see `PackedContainer.repack`.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        return sum([await self._packed(name).repack() for name in self._packs])

    async def close(self) -> None:
        """Close the other one."""
        await self.below.close()

    def _packed(self, name: str) -> PackedContainer:
        if name not in self._containers:
            inner = self.below.container(name)
            self._containers[name] = PackedContainer(
                name, inner, self._packs[name], self._clock, self._limits, self._writer
            )
        return self._containers[name]


def pack_of(partition: str) -> str | None:
    """Return the pack of a partition that is one of several of something, ``SOMETHING#SHARD``: the something."""
    name, sharded, _ = partition.rpartition("#")
    return name if sharded else None


PACKS: Final = {"known": pack_of, "published": pack_of}
"""What is packed in the services' stores: what a source has brought, and what a workspace holds."""


def packed(below: Store, clock: Clock | None = None, writer: str | None = None) -> PackedStore:
    """Return a service's store over one whose documents lie as they are.

    Args:
        below: that one, which is closed with this.
        clock: what times to live are measured with.
        writer: see `PackedStore`.
    """
    return PackedStore(below, PACKS, clock, writer=writer)
