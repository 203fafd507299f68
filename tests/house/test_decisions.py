"""Every decision says when it was made and what has become of it."""

from pathlib import Path

import pytest

from tests.house.pages.decisions import FOLDER, read, records, unused


@pytest.mark.parametrize("path", sorted(FOLDER.glob("[0-9]*.md")), ids=lambda path: path.name[:4])
def test_a_record_has_a_number_a_date_and_a_status(path: Path) -> None:
    read(path)


def test_no_number_is_given_twice() -> None:
    numbers = [record.number for record in records()]
    assert len(numbers) == len(set(numbers))


def test_a_record_that_was_changed_names_a_later_one() -> None:
    changed = [(record, FOLDER / record.changed_by) for record in records() if record.changed_by]
    assert changed
    assert [record.path.name for record, by in changed if not by.is_file() or by.name < record.path.name] == []


@pytest.mark.parametrize(
    "head",
    [
        "# 1. Title\n\nText.",
        "# 1. Title\n\nDate: yesterday · Status: accepted\n\n",
        "# 1. Title\n\nDate: 2026-11-24 · Status: fine\n\n",
        "# 2. Title\n\nDate: 2026-11-24 · Status: accepted\n\n",
    ],
)
def test_a_head_without_date_or_status_or_with_another_number_is_noticed(tmp_path: Path, head: str) -> None:
    (path := tmp_path / "0001-title.md").write_text(head)
    with pytest.raises(ValueError, match="0001-title"):
        read(path)


def test_numbers_that_nobody_has_are_told() -> None:
    assert unused([1, 2, 5]) == [3, 4]
