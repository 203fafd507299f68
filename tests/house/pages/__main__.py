"""`make docs`: writes the generated parts of the pages anew."""

import sys
from collections.abc import Callable
from pathlib import Path

from tests.house.pages import architecture, artefacts, cost, decisions, settings
from tests.house.pages.generated import ROOT, replaced

PAGES: dict[Path, Callable[[], dict[str, str]]] = {
    ROOT / "docs" / "architecture.md": architecture.page_parts,
    ROOT / "docs" / "artefacts.md": artefacts.page_parts,
    ROOT / "docs" / "cost.md": cost.page_parts,
    ROOT / "docs" / "decisions" / "README.md": decisions.page_parts,
    ROOT / "docs" / "settings.md": settings.page_parts,
}


def fresh(page: Path) -> str:
    """Return a page as it is to be, with its generated parts from the code of now."""
    return replaced(page.read_text(encoding="utf-8"), PAGES[page]())


def main() -> int:
    """Write what changed, and name it."""
    for page in PAGES:
        text = fresh(page)
        if text != page.read_text(encoding="utf-8"):
            page.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{page.relative_to(ROOT)} is written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
