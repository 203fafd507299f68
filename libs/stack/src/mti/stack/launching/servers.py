"""Where fork servers are reached: one that this process starts, or one that was forked for it."""

import atexit
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import Protocol


class ServerGoneError(OSError):
    """The fork server does not answer any more."""


class Server(Protocol):
    """A way to a fork server."""

    def reached(self) -> socket.socket:
        """Return the socket that takes requests.

        Raises:
            ServerGoneError: there is none.
        """
        ...

    def forget(self) -> None:
        """Let go of it."""
        ...


class StartedServer:
    """A fork server of this process, started when it is first needed, and anew when it was forgotten.

    Args:
        modules: what it imports.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        self._modules = modules
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """Its process id, while it runs."""
        return self._process.pid if self._process is not None else None

    def reached(self) -> socket.socket:
        """See `Server`."""
        if self._control is None:
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603  our own program
                    [sys.executable, "-m", "mti.stack.launching.fork_server", str(theirs.fileno()), *self._modules],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    # Ctrl-C is for who uses it.
                    start_new_session=True,
                )
        return self._control

    def forget(self) -> None:
        """End it; what it has started and still runs ends as well."""
        process, self._process = self._process, None
        control, self._control = self._control, None
        if control is not None:
            control.close()
        if process is not None:
            assert process.stdin is not None  # noqa: S101  piped
            process.stdin.close()
            process.kill()
            process.wait()


class GivenServer:
    """A fork server that was forked for this process, with all that was imported already.

    Args:
        control: the socket that takes requests.
        pid: its process id; it is a child of this process.
        held: what ends it when this process is gone.
    """

    def __init__(self, control: socket.socket, pid: int, held: int) -> None:
        self._control: socket.socket | None = control
        self._pid = pid
        self._held = held

    def reached(self) -> socket.socket:
        """See `Server`."""
        if self._control is None:
            raise ServerGoneError("the fork server that this process was given is gone")
        return self._control

    def forget(self) -> None:
        """See `Server`. Launchers use their own from here on, where they have one."""
        if SHARED.server is self:
            SHARED.server = None
        control, self._control = self._control, None
        if control is not None:
            control.close()
            os.close(self._held)
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)


class Shared:
    """The fork server that all of this process use, if there is one: launchers then start none of their own."""

    def __init__(self) -> None:
        self.server: Server | None = None


SHARED = Shared()


def fork_a_server() -> tuple[socket.socket, int] | None:
    """Fork, while there is no thread, and share the new process as the server of this one.

    Returns:
        In the new process, what it serves with: the socket of its requests and what ends with its owner.
    """
    client, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    owner, held = os.pipe()
    pid = os.fork()
    if pid == 0:
        client.close()
        os.close(held)
        return control, owner
    control.close()
    os.close(owner)
    SHARED.server = given = GivenServer(client, pid, held)
    atexit.register(given.forget)
    return None
