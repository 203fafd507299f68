"""What the pages say is there: links lead somewhere, and the commands that they name exist."""

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from mti.cli.main import app

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(ROOT.glob("libs/*/*.md")),
]

OF_NOW = [page for page in PAGES if page.name != "CHANGELOG.md" and page.parent.name != "decisions"]
"""Those that say how it is, and not how it was."""
MEMBERS = sorted(path.name for path in ROOT.glob("*/*/src/mti/*"))


def commands() -> set[str]:
    found: set[str] = set()
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    for name, command in root.commands.items():
        found.add(name)
        if isinstance(command, TyperGroup):
            found |= {f"{name} {each}" for each in command.commands}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def anchors(page: Path) -> set[str]:
    """Return what GitHub calls the headings of a page in links."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_heading_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#\s]*)#([^)\s]+)\)", page.read_text())
    wrong = [
        f"{name}#{anchor}" for name, anchor in links if anchor not in anchors(page.parent / name if name else page)
    ]
    assert wrong == []


@pytest.mark.parametrize("page", OF_NOW, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_and_module_that_is_named_exists(page: Path) -> None:
    text = page.read_text()
    paths = re.findall(r"`((?:tests|libs|services|docs|requirements|infra)/[\w./-]+)`", text)
    modules = re.findall(rf"`((?:servicebus_local|mti\.(?:{'|'.join(MEMBERS)}))(?:\.\w+)*)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert [module for module in modules if not is_there(module)] == []


def is_there(module: str) -> bool:
    """Say whether a module is there, or what a module defines."""
    outer, _, name = module.rpartition(".")
    if not outer or find_spec(outer) is None:
        return find_spec(module) is not None
    return find_spec(module) is not None or hasattr(import_module(outer), name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_is_named_exists(page: Path) -> None:
    known = commands()
    groups = {name.split()[0] for name in known if " " in name}
    for text in re.findall(r"`(?:\.venv/bin/)?mti ([a-z][^`]*)`", page.read_text()):
        words = text.replace("\\|", "|").split()
        names = words[1].split("|") if words[0] in groups and len(words) > 1 and words[1][0] != "-" else [None]
        for name in names:
            assert (words[0] if name is None else f"{words[0]} {name}") in known | groups, text


def test_the_readme_names_every_member_and_every_page() -> None:
    text = (ROOT / "README.md").read_text()
    members = {path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("*/*/pyproject.toml")}
    assert set(re.findall(r"`((?:libs|services)/[a-z-]+)`", text)) == members
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
    assert pages - set(re.findall(r"\]\((docs/[^)#]+)", text)) == set()


@pytest.mark.parametrize(
    "name", sorted({"demo", "check", "test", "bench", "help", "lint", "fmt", "soak", "simulate", "package", "docs"})
)
def test_every_make_target_explains_itself(name: str) -> None:
    assert re.search(rf"^{name}:.*## \S", (ROOT / "Makefile").read_text(), re.MULTILINE)
