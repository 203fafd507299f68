"""The changelogs and the members agree on what the version is."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ON_ITS_OWN = "libs/servicebus-local"
MEMBERS = {path.parent.relative_to(ROOT).as_posix(): path for path in ROOT.glob("*/*/pyproject.toml")}


def version(member: str) -> str:
    found: str = tomllib.loads(MEMBERS[member].read_text())["project"]["version"]
    return found


def heads(changelog: Path) -> list[str]:
    return re.findall(r"^## (.+)$", changelog.read_text(), re.MULTILINE)


def released(changelog: Path) -> list[str]:
    return [head.split("]")[0].removeprefix("[") for head in heads(changelog)[1:]]


def in_numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def test_all_members_have_the_version_that_the_changelog_names_last() -> None:
    (newest, *_) = released(ROOT / "CHANGELOG.md")
    shared = {member: version(member) for member in MEMBERS if member != ON_ITS_OWN}
    assert shared == dict.fromkeys(shared, newest)


@pytest.mark.parametrize("changelog", [ROOT / "CHANGELOG.md", ROOT / ON_ITS_OWN / "CHANGELOG.md"], ids=str)
def test_a_changelog_begins_with_what_is_not_released_and_goes_back_in_time(changelog: Path) -> None:
    first, *rest = heads(changelog)
    assert first == "[Unreleased]"
    dated = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)", head) for head in rest]
    assert all(dated), rest
    numbers = [(in_numbers(found[1]), found[2]) for found in dated if found]
    assert numbers == sorted(numbers, reverse=True)


def test_the_recipe_of_a_release_sets_every_member_that_shares_the_version() -> None:
    recipe = (ROOT / "docs" / "releasing.md").read_text()
    (command,) = re.findall(r"^ *sed .+$", recipe, re.MULTILINE)
    libraries = set(re.search(r"libs/\{(.+)\}", command)[1].split(","))  # type: ignore[index]
    assert {f"libs/{name}" for name in libraries} == {
        member for member in MEMBERS if member.startswith("libs/") and member != ON_ITS_OWN
    }
    assert "services/*/pyproject.toml" in command
