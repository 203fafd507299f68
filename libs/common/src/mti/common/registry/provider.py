"""Where the services get the registry from: one that can change while they run."""

from typing import Protocol

from mti.common.registry.model import Registry


class RegistryProvider(Protocol):
    """Provides the registry in force. A `Registry` is one itself, which never changes; `LiveRegistry` is the other."""

    @property
    def current(self) -> Registry:
        """The registry in force: immutable, so take it once for each decision."""
        ...

    async def latest(self) -> Registry:
        """Look for changes now, and return what is in force then.

        For whoever is about to refuse something for good because the registry does not know it: another process may
        have seen a change before this one did.
        """
        ...
