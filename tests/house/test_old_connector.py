"""The list of the old connector's defects, and the tests that hold them, are one list."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "old-connector.md"
NOTHING = "nothing of it can be held here yet: "


def entries() -> dict[int, list[str]]:
    """Return, by the number of a defect, what stands below it."""
    found: dict[int, list[str]] = {}
    for number, text in re.findall(r"^(\d+)\. (.+?)(?=^\d+\. |^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        found[int(number)] = re.findall(r"^ +- (.+)$", text, re.MULTILINE)
    return found


def cases_of(module: Path) -> set[str]:
    return {
        f"{module.relative_to(ROOT).as_posix()}::{node.name}"
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def test_all_fifteen_are_listed_in_order() -> None:
    assert list(entries()) == list(range(1, 16))


@pytest.mark.parametrize("number", range(1, 16))
def test_each_names_tests_that_are_there_or_says_why_there_is_none(number: int) -> None:
    lines = entries()[number]
    assert lines
    if lines[0].startswith(NOTHING):
        return
    for line in lines:
        module, _, _ = line.strip("`").partition("::")
        assert line.strip("`") in cases_of(ROOT / module), line


def test_every_test_of_a_defect_stands_under_its_number() -> None:
    listed = {line.strip("`"): number for number, lines in entries().items() for line in lines}
    tests = {test for module in (ROOT / "tests" / "defects").glob("test_*.py") for test in cases_of(module)}
    numbers = {test: int(found[1]) for test in tests if (found := re.search(r"::test_defect_(\d\d)_", test))}
    assert set(numbers) == tests
    assert {test: listed.get(test) for test in numbers} == numbers
