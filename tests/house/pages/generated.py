"""Parts of pages that come from the code, between two comments that no reader sees."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[3]


def sources() -> list[Path]:
    """Return all modules of the libraries and services."""
    return sorted(ROOT.glob("*/*/src/**/*.py"))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of Markdown; a bar in a cell is escaped."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in lines)


def replaced(page: str, parts: dict[str, str]) -> str:
    """Return a page whose generated parts are these, by name.

    Raises:
        ValueError: the page has another set of parts.
    """
    names = re.findall(r"^<!-- generated: (.+) -->$", page, re.MULTILINE)
    if sorted(names) != sorted(parts):
        raise ValueError(f"the page has the generated parts {names}, and there is text for {list(parts)}")
    for name, text in parts.items():
        begin = f"<!-- generated: {name} -->"
        before, _, rest = page.partition(begin + "\n")
        _, end, after = rest.partition("<!-- end -->\n")
        if not end:
            raise ValueError(f"the generated part {name} has no end")
        page = f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}"
    return page


def first_sentence(text: str | None) -> str:
    """Return what a docstring says first, without its full stop."""
    paragraph = " ".join((text or "").strip().partition("\n\n")[0].split())
    return re.split(r"\.(?:\s|$)", paragraph, maxsplit=1)[0]
