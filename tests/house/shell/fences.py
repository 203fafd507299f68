"""The fenced blocks of the pages.

Two comments before a block, which no reader sees, say how it is treated: `<!-- not run: REASON -->`, and
`<!-- runs until it is ended -->` for what serves.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[3]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(ROOT.glob("libs/*/*.md")),
    *sorted(ROOT.glob("infra/**/*.md")),
]
RUN_ELSEWHERE = {"libs/servicebus-local/README.md": "tests/packaging/test_servicebus_local.py"}
"""Pages of which another module runs the blocks, in an environment of their own."""
SHELLS = {"sh", "bash", "shell", "console"}
_NOT_RUN = re.compile(r"<!-- not run: (\S.*) -->")
_SERVES = "<!-- runs until it is ended -->"


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block."""

    page: str
    line: int
    """Of the opening fence, from 1."""
    language: str
    text: str
    not_run: str | None
    """The reason."""
    serves: bool

    @property
    def is_shell(self) -> bool:
        """Whether it holds commands."""
        return self.language in SHELLS

    @property
    def script(self) -> str:
        """The commands: the whole block, or the lines after `$ ` of a session that shows its output too."""
        if self.language != "console":
            return self.text
        return "".join(line[2:] for line in self.text.splitlines(keepends=True) if line.startswith("$ "))

    @property
    def output(self) -> str:
        """What the commands print, as the page shows it; nothing where it shows none."""
        if self.language != "console":
            return ""
        return "".join(line for line in self.text.splitlines(keepends=True) if not line.startswith("$ "))

    def __str__(self) -> str:
        """Say where it is."""
        return f"{self.page}:{self.line}"


def fences(page: Path) -> list[Fence]:
    """Return the fenced blocks of a page."""
    return list(_fences(page.relative_to(ROOT).as_posix(), page.read_text(encoding="utf-8").splitlines()))


def _fences(name: str, lines: list[str]) -> Iterator[Fence]:
    opened: tuple[int, str] | None = None
    for number, line in enumerate(lines):
        found = re.fullmatch(r" *```(\w*)", line)
        if found is None:
            continue
        if opened is None:
            opened = number, found[1]
            continue
        start, language = opened
        before = lines[start - 1].strip() if start else ""
        reason = _NOT_RUN.fullmatch(before)
        text = dedent("".join(f"{each}\n" for each in lines[start + 1 : number]))
        yield Fence(name, start + 1, language, text, reason[1] if reason else None, before == _SERVES)
        opened = None
    assert opened is None, f"{name}: a block has no end"
