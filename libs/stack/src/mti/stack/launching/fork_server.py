"""`python -m mti.stack.launching.fork_server CONTROL MODULE…`: imports the modules once, and forks for each request.

CONTROL is the number of an inherited socket, by which requests come. Standard input is the lifeline: when its other end
is closed the server ends. It runs no thread and no event loop and says nothing, so that a child begins like a process
that has just imported its modules.
"""

import contextlib
import gc
import os
import select
import signal
import socket
import sys
from importlib import import_module

from mti.stack.launching import child
from mti.stack.launching.request import DESCRIPTORS


class ForkServer:
    """Forks, and tells who asked the process id, and when it ends the exit status.

    Args:
        control: where requests come.
        owner: a descriptor that ends when the owner does; the server's to close.
    """

    def __init__(self, control: socket.socket, owner: int) -> None:
        self._control = control
        self._owner = owner
        self._reports: dict[int, socket.socket] = {}
        self._woken, self._wake = socket.socketpair()
        self._woken.setblocking(False)
        self._wake.setblocking(False)

    def serve(self) -> list[int] | None:
        """Serve until the owner is gone, then return `None`. In a child, return the descriptors that came for it."""
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True:
            watched = [self._control.fileno(), self._owner, self._woken.fileno()]
            ready, _, _ = select.select(watched, [], [])
            if self._owner in ready and not os.read(self._owner, 4096):
                return None
            if self._woken.fileno() in ready:
                self._reap()
            if self._control.fileno() in ready and (descriptors := self._fork()) is not None:
                return descriptors

    def _fork(self) -> list[int] | None:
        _, descriptors, _, _ = socket.recv_fds(self._control, 1, DESCRIPTORS)
        if len(descriptors) != DESCRIPTORS:
            for descriptor in descriptors:
                os.close(descriptor)
            return None
        pid = os.fork()
        if pid == 0:
            self._leave()
            return descriptors
        for descriptor in descriptors[:-1]:
            os.close(descriptor)
        self._reports[pid] = report = socket.socket(fileno=descriptors[-1])
        _tell(report, pid)
        return None

    def _leave(self) -> None:
        """Let go, in a child, of all that is the server's: who waits for its end must see it."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for server_socket in (self._control, self._woken, self._wake, *self._reports.values()):
            server_socket.close()
        os.close(self._owner)

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass
        for pid in list(self._reports):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                with self._reports.pop(pid) as report:
                    _tell(report, os.waitstatus_to_exitcode(status))


def _tell(report: socket.socket, number: int) -> None:
    # Who asked may be gone: then its child is about to end as well, by its lifeline.
    with contextlib.suppress(OSError):
        report.sendall(f"{number}\n".encode())


def main(control: int, modules: list[str]) -> None:
    """Import the modules and serve; in each child, run what was asked for.

    Ends at once, and says why, when a module has started a thread, which no child would have.
    """
    gc.disable()  # what is imported is no garbage, and looking through it takes a seventh of the time
    for name in modules:
        import_module(name)
    if (count := threads()) != 1:
        sys.stderr.write(f"importing {', '.join(modules)} started {count - 1} threads, which a fork would lose\n")
        sys.stderr.flush()
        os._exit(1)
    gc.freeze()
    gc.enable()
    owner = os.dup(0)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    serve(socket.socket(fileno=control), owner)


def threads() -> int:
    """Return how many threads this process has, those of libraries written in C as well."""
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208


def serve(control: socket.socket, owner: int) -> None:
    """Serve until the owner is gone; in each child, run what was asked for. Either may be returned from.

    Args: see `ForkServer`.
    """
    descriptors = ForkServer(control, owner).serve()
    while descriptors is not None and (serving := child.become(descriptors)) is not None:
        descriptors = ForkServer(*serving).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
