"""A terminal of a given size, with a command at it: what a person sees, line by line."""

import asyncio
import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.cli import MTI
from tests.support.waiting import in_time

_STYLES = re.compile(r"\x1b\[[0-9;]*m")
"""Colours and the like; of a command that is shown live there is more, and no test here looks at that."""


@dataclass(frozen=True)
class Screen:
    """What a command showed."""

    status: int
    raw: str

    @property
    def lines(self) -> list[str]:
        """Its lines without colours."""
        return _STYLES.sub("", self.raw).replace("\r", "").splitlines()

    @property
    def text(self) -> str:
        """Its words in their order, however the lines are broken."""
        return " ".join(" ".join(self.lines).split())

    @property
    def coloured(self) -> bool:
        """Whether a colour was asked for: red, green, yellow, not bold or italic."""
        return any(re.search(r"(^|;)3[0-7]($|;)", style[2:-1]) is not None for style in _STYLES.findall(self.raw))


async def mti_at_terminal(*arguments: str | Path, columns: int, env: Mapping[str, str] | None = None) -> Screen:
    """Run the command to its end at a terminal of so many columns."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "NO_COLOR"}}
    try:
        process = await asyncio.create_subprocess_exec(
            MTI, *map(str, arguments), stdin=its, stdout=its, stderr=its,
            env={**inherited, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **(env or {})},
        )  # fmt: skip
    finally:
        os.close(its)
    reading = asyncio.create_task(asyncio.to_thread(_all_of, ours))
    try:
        status = await in_time(process.wait())
    except BaseException:
        process.kill()
        await process.wait()
        raise
    finally:
        shown = await reading
        os.close(ours)
    return Screen(status, shown.decode())


def _all_of(terminal: int) -> bytes:
    """Read until nobody has the other side any more, which Linux says by an error."""
    parts: list[bytes] = []
    try:
        while part := os.read(terminal, 65_536):
            parts.append(part)
    except OSError:
        pass
    return b"".join(parts)
