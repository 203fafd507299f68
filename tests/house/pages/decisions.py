"""`docs/decisions/README.md`: the list of the records, with their dates and statuses."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.house.pages.generated import ROOT, table

FOLDER = ROOT / "docs" / "decisions"
_LINK = r"\[\d+\]\((?P<by>\d{4}-[a-z0-9-]+\.md)\)"
_HEAD = re.compile(
    r"# (?P<number>\d+)\. (?P<title>.+)\n\n"
    r"Date: (?P<date>\d{4}-\d\d-\d\d) · "
    rf"Status: (?P<status>(?:proposed|accepted)(?:, amended by {_LINK})?"
    rf"|superseded by {_LINK.replace('by>', 'instead>')})"
    r"\n\n"
)


@dataclass(frozen=True, slots=True)
class Record:
    """One decision."""

    path: Path
    number: int
    title: str
    date: str
    status: str
    changed_by: str | None
    """The file of the record that amends or supersedes it."""


def records() -> list[Record]:
    """Return all records by their numbers.

    Raises:
        ValueError: a record does not begin as one does.
    """
    return [read(path) for path in sorted(FOLDER.glob("[0-9]*.md"))]


def read(path: Path) -> Record:
    """Read the head of a record.

    Raises:
        ValueError: it does not begin as one does.
    """
    found = _HEAD.match(path.read_text(encoding="utf-8"))
    if found is None or int(found["number"]) != int(path.name[:4]):
        raise ValueError(
            f"{path.name}: begins otherwise than `# NUMBER. Title`, an empty line, and"
            " `Date: YYYY-MM-DD · Status: accepted`; docs/decisions/README.md says which statuses there are"
        )
    return Record(
        path, int(found["number"]), found["title"], found["date"], found["status"], found["by"] or found["instead"]
    )


def unused(numbers: Sequence[int]) -> list[int]:
    """Return the numbers below the last one that no record has."""
    return sorted(set(range(1, max(numbers) + 1)) - set(numbers))


def page_parts() -> dict[str, str]:
    """Return the generated part of the page."""
    found = records()
    rows = [(f"[{each.number}]({each.path.name})", each.title, each.date, each.status) for each in found]
    free = unused([each.number for each in found])
    said = f"Numbers that no record has: {', '.join(map(str, free))}." if free else "Every number has its record."
    return {"records": f"{table(('number', 'decision', 'date', 'status'), rows)}\n\n{said}"}
