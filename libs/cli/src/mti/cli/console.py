"""The one console: what commands say, ask and write. JSON goes to stdout, all else to stderr.

Whatever is printed is safe to show, and no text is taken for markup.

Two layers keep it so. Tables and sentences make their foreign parts safe where they are put together, since there the
width of a column and the end of a line are known. `Terminal` then lets nothing through that a terminal would obey but
its own colours, so that a place that forgets it is merely ugly. A house test sees that nobody prints in another way.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TextIO, TypeAlias

import typer
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from mti.common.errors import ConfigurationError
from mti.common.escaping import escaped, is_obeyed, on_one_line

AnyConsole: TypeAlias = Console
"""What rich hands to whatever it renders."""

_BEYOND_ASCII: Final = re.compile(r"[^\n -~]")


class Terminal(Console):
    """A console of rich that prints text as it is, and never what a terminal would obey."""

    def __init__(self, *, stderr: bool = False, width: int | None = None, file: TextIO | None = None) -> None:
        super().__init__(stderr=stderr, width=width, file=file, markup=False, emoji=False, highlight=False)

    def print_sentence(self, text: str, style: str | None = None) -> None:
        """Print sentences: broken between words on a terminal, and in one line each for who reads a pipe.

        A word that is longer than a line, such as a path, stays whole, so that it can be copied.
        """
        lines = [part for line in text.split("\n") for part in _parts(line, self.width)] if self.is_terminal else [text]
        self.print("\n".join(lines), style=style, soft_wrap=True)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Return the segments of something, each of them safe to show."""
        for segment in super().render(renderable, options):
            if segment.control is None and not segment.text.isprintable():
                yield Segment(escaped(segment.text), segment.style)
            else:
                yield segment


def _parts(line: str, width: int) -> Iterator[str]:
    """Break a line between its words where it is wider than the terminal."""
    if cell_len(line) <= width:
        yield line
        return
    part = ""
    for word in line.split(" "):
        if part and cell_len(f"{part} {word}") > width:
            yield part
            part = word
        else:
            part = f"{part} {word}" if part else word
    yield part


def sentence(*parts: str | tuple[str, str]) -> Text:
    """Return a line of parts, each a text or a text with its style, with whatever they hold safe to show."""
    line = Text()
    for part in parts:
        text, style = (part, None) if isinstance(part, str) else part
        line.append(on_one_line(text), style=style)
    return line


def say(text: str, *, style: str | None = None) -> None:
    """Say one or more sentences."""
    errors().print_sentence(text, style)


def ask(question: str) -> bool:
    """Ask a person, and say whether the answer is yes.

    Raises:
        ConfigurationError: nobody is there.
    """
    try:
        return typer.confirm(on_one_line(question), err=True)
    except typer.Abort:
        raise ConfigurationError("nobody was there to say yes, and nothing was done; give --yes") from None


def inquire(question: str) -> str:
    """Ask a person for a text, which may be empty.

    Raises:
        ConfigurationError: nobody is there any more.
    """
    try:
        answer: str = typer.prompt(on_one_line(question), default="", show_default=False, err=True)
    except typer.Abort:
        raise ConfigurationError("nobody was there to answer, and nothing was done") from None
    return answer.strip()


def errors() -> Terminal:
    """Return the terminal for people, which is stderr: stdout is for what a program reads."""
    return Terminal(stderr=True)


def output(*, least: int = 0) -> Terminal:
    """Return stdout, for tables that somebody asked for.

    Args:
        least: columns that it has at least.
    """
    terminal = Terminal()
    return Terminal(width=least) if terminal.width < least else terminal


def json_text(document: object, *, unicode: bool) -> str:
    """Return a document as JSON that is safe to show: the same document, with such characters escaped.

    Args:
        document: what `json` can write.
        unicode: whether letters beyond ASCII stay as they are.
    """
    text = json.dumps(document, indent=2, ensure_ascii=not unicode)
    return _BEYOND_ASCII.sub(_escaped, text)


def write_json(document: Mapping[str, object]) -> None:
    """Write the one JSON document to stdout, in the letters that stdout has."""
    unicode = sys.stdout.encoding.lower().replace("-", "") == "utf8"
    sys.stdout.write(json_text(document, unicode=unicode) + "\n")


def write_file(text: str) -> None:
    """Write what is a file to stdout: in UTF-8 and byte for byte, whatever the terminal's encoding is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1] if is_obeyed(match[0]) else match[0]
