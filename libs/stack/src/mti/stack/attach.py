"""The namespace of a stack's folder, for a command that works on it, whether the stack runs at that moment or not."""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ValidationError

from mti.common.errors import ConfigurationError
from mti.stack.errors import StackError
from mti.stack.layout import Layout, namespace_config
from mti.stack.namespace_reader import NamespaceReader, RestingNamespace, ServedNamespace
from servicebus_local.errors import DataFolderBusy

PATIENCE = 15.0
"""Seconds to wait for a stack that is starting or ending, or for another command that has the folder."""
_BETWEEN = 0.1


@dataclass(frozen=True, slots=True)
class Attachment:
    """Where the namespace of the folder can be reached, while the context lasts."""

    connection_string: str
    http_port: int
    """Of its administration, on this machine."""
    running: bool
    """Whether a stack runs on the folder; if not, the namespace runs in this process, and no service does."""


class _Running(BaseModel):
    connection_string: str
    http_port: int
    pid: int


@dataclass(frozen=True, slots=True)
class Sight:
    """A look at the namespace of the folder, while the context lasts."""

    reader: NamespaceReader
    running: bool
    """Whether a stack runs on the folder."""


@asynccontextmanager
async def attached(data: Path, *, patience: float = PATIENCE) -> AsyncIterator[Attachment]:
    """Reach the namespace of `DIR`: that of the running stack, or one of our own for the time being.

    The lock on the folder says whether a stack runs. What a killed stack left in `running.json` is not believed.

    Args:
        data: the folder, `DIR` of `mti up`.
        patience: see `PATIENCE`.

    Raises:
        ConfigurationError: no stack ever ran on the folder.
        StackError: another command has the folder, or its stack does not come up.
    """
    layout = Layout(data)
    async with contextlib.AsyncExitStack() as stack:
        if (running := await stack.enter_async_context(_stack_of(layout, patience))) is not None:
            yield Attachment(running.connection_string, running.http_port, running=True)
            return
        from servicebus_local import Namespace  # noqa: PLC0415  a stack that runs has its own

        with _told_if_busy():
            namespace = await stack.enter_async_context(Namespace(namespace_config(), layout.bus))
        yield Attachment(namespace.connection_string, namespace.http_port, running=False)


@asynccontextmanager
async def seen(data: Path, *, patience: float = PATIENCE) -> AsyncIterator[Sight]:
    """Look at the namespace of `DIR`: that of the running stack, or its folder. Nobody is served, which is quicker.

    Args: see `attached`, as for what is raised.
    """
    layout = Layout(data)
    async with contextlib.AsyncExitStack() as stack:
        if (running := await stack.enter_async_context(_stack_of(layout, patience))) is not None:
            there = Attachment(running.connection_string, running.http_port, running=True)
            yield await stack.enter_async_context(served(there))
            return
        from servicebus_local import NamespaceAtRest  # noqa: PLC0415  a stack that runs has its own

        with _told_if_busy():
            namespace = await stack.enter_async_context(NamespaceAtRest(namespace_config(), layout.bus))
        yield Sight(RestingNamespace(namespace), running=False)


@asynccontextmanager
async def served(there: Attachment) -> AsyncIterator[Sight]:
    """Look at a namespace that is reached already."""
    from mti.stack.own_http import own_client  # noqa: PLC0415  not for a folder that nobody serves

    async with own_client(f"http://127.0.0.1:{there.http_port}", seconds=30) as client:
        yield Sight(ServedNamespace(client), there.running)


@asynccontextmanager
async def _stack_of(layout: Layout, patience: float) -> AsyncIterator["_Running | None"]:
    """Return what the stack that runs on the folder says of itself; where none does, take the folder for a while."""
    if not layout.bus.is_dir():
        raise ConfigurationError(f"{layout.root} is no folder of an embedded stack; name the --data folder of `mti up`")
    with layout.lock.open("a+") as lock:
        deadline = asyncio.get_running_loop().time() + patience
        while not _taken(lock):
            if (running := await _running(layout)) is not None:
                yield running
                return
            if asyncio.get_running_loop().time() > deadline:
                raise StackError(
                    f"{layout.root} is in use, and no running stack answers there: another command works on it, or its"
                    " stack is starting or ending; try again when that is over"
                )
            await asyncio.sleep(_BETWEEN)
        layout.running.unlink(missing_ok=True)  # of a stack that was killed
        yield None


@contextlib.contextmanager
def _told_if_busy() -> Iterator[None]:
    try:
        yield
    except DataFolderBusy as error:
        raise StackError(f"{error}; end the `mti bus` that uses it") from error


class ReleasedNow(BaseModel):
    """What a namespace made due."""

    released: int
    """Messages."""
    in_hand: int = 0
    """Messages that a service had all the time, and may still put aside for later."""


async def release_scheduled(there: Attachment, about: Collection[str]) -> ReleasedNow | None:
    """Make due now all that the namespace of a running stack keeps for later.

    What is still to wait waits again when it comes. A service that has a message in hand may have decided that it waits
    before it could know better; what comes of these messages is waited for, some seconds at most, and made due too.

    Args:
        there: the namespace.
        about: the sessions, and the subjects of messages without one, for which that is so.

    Returns:
        `None` where no stack runs: the next one does this by itself.

    Raises:
        StackError: the namespace does not answer.
    """
    if not there.running:
        return None
    import httpx  # noqa: PLC0415  for what runs

    try:
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            url = f"http://127.0.0.1:{there.http_port}/scheduled/release"
            answer = await client.post(url, params={"about": sorted(about)})
            answer.raise_for_status()
    except httpx.HTTPError as error:
        raise StackError(f"the local namespace does not answer: {type(error).__name__}") from error
    return ReleasedNow.model_validate_json(answer.content)


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _running(layout: Layout) -> _Running | None:
    """Return what the running stack says of itself, if it is alive; `None` while it is not there yet, or stale."""
    try:
        running = _Running.model_validate_json(layout.running.read_text())
    except (OSError, ValidationError):
        return None
    if not _is_alive(running.pid):
        return None
    import httpx  # noqa: PLC0415  for what runs

    from mti.stack.own_http import own_client  # noqa: PLC0415

    try:
        async with own_client(seconds=5) as client:
            answer = await client.get(f"http://127.0.0.1:{running.http_port}/health")
    except httpx.HTTPError:
        return None
    return running if answer.is_success else None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
