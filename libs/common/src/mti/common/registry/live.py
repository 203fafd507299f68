"""A registry that follows its origin while the service runs."""

import asyncio
import contextlib
import logging
from collections.abc import Hashable
from types import TracebackType
from typing import Final, Self

from mti.common.errors import ConfigurationError, Unavailable
from mti.common.ports.clock import Clock
from mti.common.registry.changes import changes
from mti.common.registry.model import Registry
from mti.common.registry.origins import Origin, registry_of

log = logging.getLogger(__name__)

INTERVAL: Final = 15.0
"""Seconds between two looks: the longest that a change goes unnoticed."""
SPACING: Final = 1.0
"""Seconds between two looks that are asked for, at the least: strangers' messages must not make us read all day."""


class LiveRegistry:
    """Provides the newest registry that is right. Use it as an asynchronous context.

    A change is read, checked as a whole and put in force at once, from one decision to the next. What is wrong is
    refused with one clear error in the log, and the last good registry stays in force until it is mended.

    Args:
        origin: where the tenants are described.
        allow_loopback: whether endpoints on this machine are accepted.
        clock: the time.
        interval: see `INTERVAL`.
        spacing: see `SPACING`.
    """

    def __init__(
        self,
        origin: Origin,
        *,
        allow_loopback: bool,
        clock: Clock,
        interval: float = INTERVAL,
        spacing: float = SPACING,
    ) -> None:
        self._origin = origin
        self._allow_loopback = allow_loopback
        self._clock = clock
        self._interval = interval
        self._spacing = spacing
        self._current: Registry | None = None
        self._version: Hashable = None
        self._complaint: str | None = None
        self._complaint_passes = False
        self._looked = float("-inf")
        self._lock = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def current(self) -> Registry:
        """The registry in force; see `RegistryProvider`."""
        assert self._current is not None  # noqa: S101  entered
        return self._current

    async def __aenter__(self) -> Self:
        """Read the tenants, and follow them from then on.

        Raises:
            ConfigurationError: there is none to begin with; the text lists all that is wrong.
            StoreUnavailable: the store does not answer.
        """
        contents = await self._origin.read_changed(None)
        assert contents is not None  # noqa: S101  nothing was known
        self._current = await registry_of(contents, self._origin.name, allow_loopback=self._allow_loopback)
        self._version = contents.version
        self._keeper = asyncio.create_task(self._keep(), name="live registry")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Follow no more."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper

    async def refresh(self) -> None:
        """Look for a change, and put it in force. It raises nothing: what is wrong is in the log."""
        async with self._lock:
            await self._refresh()

    async def latest(self) -> Registry:
        """Look, unless a look began after the question; see `RegistryProvider`."""
        asked = self._clock.monotonic()
        async with self._lock:
            if self._looked <= asked:
                await self._clock.sleep(self._looked + self._spacing - asked)
                await self._refresh(surely=True)
        return self.current

    async def _keep(self) -> None:
        while True:
            await self._clock.sleep(self._interval)
            await self.refresh()

    async def _refresh(self, *, surely: bool = False) -> None:
        self._looked = self._clock.monotonic()
        contents = None
        try:
            contents = await self._origin.read_changed(self._version, surely=surely)
            if contents is None:
                self._content()
                return
            # Known from now on, be it right or not: what is wrong is refused once and not at every look.
            self._version = contents.version
            new = await registry_of(contents, self._origin.name, allow_loopback=self._allow_loopback)
        except ConfigurationError as error:
            self._complain(str(error), logging.ERROR, passes=contents is None)
        except Unavailable as error:
            self._complain(error.description, logging.WARNING, passes=True)
        except Exception:
            log.exception("a bug: the tenants could not be looked at; the registry in force stays")
        else:
            self._swap(new)

    def _swap(self, new: Registry) -> None:
        before, self._current = self.current, new
        self._complaint = None
        log.info("the tenants changed", extra={"tenants_in": self._origin.name, **changes(before, new)})

    def _content(self) -> None:
        """Note that what could not be read is again what it was; what is wrong with it was said."""
        if self._complaint is not None and self._complaint_passes:
            log.info("the tenants can be looked at again", extra={"tenants_in": self._origin.name})
            self._complaint = None

    def _complain(self, text: str, level: int, *, passes: bool) -> None:
        """Say once what is wrong.

        Args:
            text: what is wrong and the cure.
            level: of the log.
            passes: whether it is over once the version in force can be looked at again.
        """
        if text == self._complaint:
            return
        self._complaint = text
        self._complaint_passes = passes
        log.log(
            level,
            "the tenants were not read anew, and what was last right stays in force: %s",
            text,
            extra={"tenants_in": self._origin.name},
        )
