"""Where the tenants are described: a file or text with states beside it, or a store. Each tells whether it changed."""

import asyncio
import hashlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from mti.common.ports.clock import Clock
from mti.common.ports.store import Container
from mti.common.registry.document import parse_document, read_bytes
from mti.common.registry.faults import InvalidTenantsFile
from mti.common.registry.load import registry_from
from mti.common.registry.model import Registry, TenantState
from mti.common.registry.records import Records, read_mark, read_records, states_of

SETTLE: Final = 0.5
"""Seconds for which a file that changed must stay as it is before it is believed: an editor may be halfway."""
WHOLE: Final = 300.0
"""Seconds after which a store's documents are all read again, though their mark is the same: somebody may have written
one by hand, or was killed before the mark was another one."""
LAGGING: Final = 10.0
"""Seconds for which a change of the mark may be seen before what it is about: after that all is read once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What an origin holds, unread as yet, and which version of it that is."""

    version: Hashable
    content: bytes | Records
    states: Mapping[str, TenantState] = field(default_factory=dict)
    """Of the tenants that are paused or removed."""


class Origin(Protocol):
    """Describes the tenants."""

    @property
    def name(self) -> str:
        """What people call it, in errors."""
        ...

    async def read_changed(self, known: Hashable, *, surely: bool = False) -> Contents | None:
        """Return what it holds, or `None` when that is still the version that is known.

        Args:
            known: the version; `None` where none is.
            surely: look at everything, whatever it costs.

        Raises:
            ConfigurationError: it can't be read.
            StoreUnavailable: the store does not answer.
        """
        ...


async def registry_of(contents: Contents, name: str, *, allow_loopback: bool) -> Registry:
    """Make the registry, in a thread: with a thousand tenants it takes a while, and messages are in hand meanwhile.

    Raises:
        InvalidTenantsFile: lists all that is wrong.
    """
    return await asyncio.to_thread(_registry, contents, name, allow_loopback=allow_loopback)


def _registry(contents: Contents, name: str, *, allow_loopback: bool) -> Registry:
    found = contents.content
    if isinstance(found, Records):
        return registry_from(found.file(), allow_loopback=allow_loopback, name=name, states=contents.states)
    document = parse_document(found, name)
    return registry_from(
        document.data, allow_loopback=allow_loopback, lines=document.line, name=name, states=contents.states
    )


class FileOrigin:
    """A tenants file; it is read when its time, size or place changed, and believed when its content did.

    Args:
        path: the file; a link is followed, so that a mounted volume that is swapped is seen.
        clock: the waiting until a change has settled.
        states: the container with the tenants' states; without it all are active.
        settle: see `SETTLE`.
    """

    def __init__(self, path: Path, clock: Clock, states: Container | None = None, *, settle: float = SETTLE) -> None:
        self._path = path
        self._clock = clock
        self._states = states
        self._settle = settle
        self._stamp: tuple[int, int, int] | None = None
        self._digest = ""

    @property
    def name(self) -> str:
        """The path."""
        return str(self._path)

    async def read_changed(self, known: Hashable, *, surely: bool = False) -> Contents | None:  # noqa: ARG002  always is
        """See `Origin.read_changed`."""
        records = await read_records(self._states, states_only=True) if self._states else None
        of_states = records.version if records else ()
        stamp = self._stamp_now()
        if stamp is not None and stamp == self._stamp and known == (self._digest, of_states):
            return None
        content = await self._settled(first=known is None)
        # What was written within the resolution of the file system's clock may change again under the same stamp.
        self._stamp = stamp
        self._digest = hashlib.sha256(content).hexdigest()
        version = (self._digest, of_states)
        if version == known:
            return None
        return Contents(version=version, content=content, states=states_of(records) if records else {})

    def _stamp_now(self) -> tuple[int, int, int] | None:
        """Return what changes with the file; `None` while it is so young that it may change unnoticed."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        age = self._clock.now().timestamp() - found.st_mtime
        return (found.st_mtime_ns, found.st_size, found.st_ino) if age > 2 * max(self._settle, 1.0) else None

    async def _settled(self, *, first: bool) -> bytes:
        content = await asyncio.to_thread(read_bytes, self._path)
        if first or hashlib.sha256(content).hexdigest() == self._digest:
            return content
        while True:
            await self._clock.sleep(self._settle)
            again = await asyncio.to_thread(read_bytes, self._path)
            if again == content:
                return content
            content = again


class TextOrigin:
    """What would stand in a tenants file, from a variable; it never changes while the process runs, its states may.

    Args:
        text: YAML or JSON.
        name: of the variable.
        states: the container with the tenants' states; without it all are active.
    """

    def __init__(self, text: str, name: str, states: Container | None = None) -> None:
        self._content = text.encode()
        self._name = name
        self._states = states

    @property
    def name(self) -> str:
        """The variable."""
        return self._name

    async def read_changed(self, known: Hashable, *, surely: bool = False) -> Contents | None:  # noqa: ARG002  always is
        """See `Origin.read_changed`."""
        records = await read_records(self._states, states_only=True) if self._states else None
        version = ("", records.version if records else ())
        if version == known:
            return None
        return Contents(version=version, content=self._content, states=states_of(records) if records else {})


class StoreOrigin:
    """The container `tenants` of a store. All of it is read when its mark is another one, and now and then.

    Args:
        container: the container.
        name: of the store, as its setting has it.
        clock: the time.
    """

    def __init__(self, container: Container, name: str, clock: Clock) -> None:
        self._container = container
        self._name = name
        self._clock = clock
        self._mark: str | None = None
        self._version: Hashable = None
        """Of what was read last."""
        self._whole_at = float("-inf")
        self._marked_at = float("-inf")
        """When the mark was first seen as it is."""

    @property
    def name(self) -> str:
        """The store."""
        return self._name

    async def read_changed(self, known: Hashable, *, surely: bool = False) -> Contents | None:
        """See `Origin.read_changed`."""
        # Before the rest: what is written while that is read makes the mark another one, and is seen the next time.
        mark, now = await read_mark(self._container), self._clock.monotonic()
        if mark != self._mark:
            self._mark, self._marked_at = mark, now
        if not surely and known is not None and known == self._version and self._is_settled(now):
            return None
        records = await read_records(self._container)
        if not records.has_tenants:
            raise InvalidTenantsFile(["holds no tenant; bring them in with `mti tenants import FILE`"], self._name)
        self._version, self._whole_at = records.version, now
        return (
            None
            if self._version == known
            else Contents(version=self._version, content=records, states=states_of(records))
        )

    def _is_settled(self, now: float) -> bool:
        """Say whether all was read a while after the mark became what it is, and not too long ago."""
        return self._mark is not None and self._whole_at >= self._marked_at + LAGGING and now < self._whole_at + WHOLE
