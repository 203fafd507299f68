"""The operator's page knows every reason that the code gives."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
MODULES = [path for folder in ("services", "libs/common") for path in (ROOT / folder).rglob("src/**/*.py")]


def givers(trees: Iterable[ast.AST]) -> set[str]:
    """Return what takes a reason first: outcomes, errors, and what is derived from these."""
    found = {"Poison", "DeadLetter", "Rejected", "Rejection"}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and any(isinstance(b, ast.Name) and b.id in found for b in node.bases):
                found.add(node.name)
    return found


def reasons(tree: ast.AST, givers: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in givers and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value.isalpha():
                yield first.value


def test_every_reason_is_in_the_operators_page() -> None:
    page = (ROOT / "docs" / "dead-letters.md").read_text()
    trees = [ast.parse(module.read_text()) for module in MODULES]
    known = givers(trees)
    found = {reason for tree in trees for reason in reasons(tree, known)}
    assert {"UnknownSource", "NoPattern", "NotRouted", "TenantRemoved"} <= found
    assert {reason for reason in found if f"`{reason}`" not in page} == set()
