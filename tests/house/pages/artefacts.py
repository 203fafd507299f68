"""`docs/artefacts.md`: every query that is shipped to Microsoft Sentinel, and how it is tried."""

from infra.sentinel.content import hunts, rules
from infra.sentinel.generate import hunted
from infra.sentinel.kql import tables_of
from infra.sentinel.workbooks import books
from tests.house.pages.generated import table
from tests.sentinel.questions import questions, shown

WORKED_OUT = "worked out"
SHOWN = "written down"


def page_parts() -> dict[str, str]:
    """Return the generated parts of the page."""
    return {"sum": _sum(), "content": _content(), "tiles": _tiles()}


def _sum() -> str:
    asked, kept = questions(), shown()
    every, written_down = len(asked) + len(hunted()), len(kept)
    return (
        f"{every} queries: **{every} executed, with their rows asserted** ({every - written_down} against rows that "
        f"are worked out, {written_down} against rows that are written down), **none only parsed**."
    )


def _content() -> str:
    rows = []
    for kind, found in (("rule", rules()), ("hunt", hunts())):
        for name, query in found.items():
            copy = f"{WORKED_OUT}" if name in hunted() else "none: it reads what is not there"
            rows.append([f"{kind} `{name}`", WORKED_OUT, copy, _read(query.compiled)])
    for name, text in questions().items():
        if name.startswith(("parser", "connector/", "sample/", "playbooks/")):
            rows.append([f"`{name}`", SHOWN, "", _read(text)])
    return table(["query", "rows", "copy for advanced hunting", "reads"], rows)


def _tiles() -> str:
    asked, kept = questions(), shown()
    rows = []
    for name, book in books().items():
        for page in book.pages:
            for tile in page.tiles:
                key = f"{name}/{tile.title}"
                how = SHOWN if key in kept else WORKED_OUT
                rows.append([book.name.rpartition(" - ")[2], page.label, tile.title, how, _read(asked[key])])
    return table(["workbook", "page", "tile", "rows", "reads"], rows)


def _read(query: str) -> str:
    return ", ".join(f"`{name}`" for name in tables_of(query))
