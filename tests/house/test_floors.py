"""A package of which less is covered than its floor is named, and one that was not measured at all too."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.house import floors

pytestmark = pytest.mark.pure


def file(lines: tuple[int, int], branches: tuple[int, int]) -> dict[str, Any]:
    (covered_lines, num_statements), (covered_branches, num_branches) = lines, branches
    return {
        "summary": {
            "covered_lines": covered_lines,
            "num_statements": num_statements,
            "covered_branches": covered_branches,
            "num_branches": num_branches,
        }
    }


REPORT = {
    "files": {
        "libs/common/src/mti/common/waits.py": file((90, 90), (5, 10)),
        "libs/common/src/mti/common/ports/bus.py": file((0, 0), (0, 0)),
        "services/fetcher/src/mti/fetcher/windows.py": file((99, 99), (1, 1)),
    }
}


def test_lines_and_branches_count_alike_over_all_modules_of_a_package() -> None:
    found = floors.members(REPORT)
    assert {name: each.percent for name, each in found.items()} == {"mti.common": 95.0, "mti.fetcher": 100.0}


def test_what_is_below_its_floor_is_named_and_what_was_not_measured_is_below_any() -> None:
    found = floors.members(REPORT)
    assert floors.below(found, {"mti.common": 95, "mti.fetcher": 95}) == []
    assert floors.below(found, {"mti.common": 95.1, "mti.cli": 50, "mti.fetcher": 95}) == ["mti.common", "mti.cli"]
    assert [line.split()[0] for line in floors.lines(found, {"mti.common": 99}) if "BELOW" in line] == ["mti.common"]


def test_the_services_and_common_have_a_floor_of_95(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demanded = tomllib.loads((floors.ROOT / "pyproject.toml").read_text())["tool"]["coverage-floors"]
    for name in ("mti.common", "mti.fetcher", "mti.normalizer", "mti.publisher"):
        assert demanded[name] >= 95
    (tmp_path / "report.json").write_text(json.dumps(REPORT))
    assert floors.main(tmp_path / "report.json") == 1
    assert "mti.publisher      0.00 %   floor 95 %   BELOW" in capsys.readouterr().out
