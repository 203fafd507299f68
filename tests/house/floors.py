"""`make coverage`: what the in-process tests cover of each member, lines and branches, and whether that is enough.

The floors stand in `pyproject.toml` under `tool.coverage-floors`: those of the services and of common are demanded of
every change; the others are what was reached, and are raised when more is.
"""

import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass
class Covered:
    """What there is to cover in a member, and what was covered: lines, and the branches of those that have several."""

    all: int = 0
    covered: int = 0

    @property
    def percent(self) -> float:
        """The share of what was covered, as coverage.py counts it."""
        return 100 * self.covered / self.all if self.all else 0.0


def members(report: Mapping[str, Any]) -> dict[str, Covered]:
    """Return what is covered of each package that has a floor of its own, from coverage.py's report in JSON."""
    found: dict[str, Covered] = {}
    for name, file in report["files"].items():
        summary = file["summary"]
        member = found.setdefault(_member(name), Covered())
        member.all += summary["num_statements"] + summary["num_branches"]
        member.covered += summary["covered_lines"] + summary["covered_branches"]
    return found


def _member(path: str) -> str:
    return ".".join(Path(path.rpartition("/src/")[2]).parts[:2])


def lines(found: Mapping[str, Covered], floors: Mapping[str, float]) -> Iterator[str]:
    """Return a line for each package, with its floor."""
    for name in sorted({*found, *floors}):
        percent, floor = found.get(name, Covered()).percent, floors.get(name, 0.0)
        yield f"{name:16} {percent:6.2f} %   floor {floor:g} %{'' if percent >= floor else '   BELOW'}"


def below(found: Mapping[str, Covered], floors: Mapping[str, float]) -> list[str]:
    """Return the packages of which less is covered than is demanded."""
    return [name for name, floor in floors.items() if found.get(name, Covered()).percent < floor]


def main(report: Path) -> int:
    """Print the figures of a report; return 1 where one is below its floor."""
    floors = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["coverage-floors"]
    found = members(json.loads(report.read_text()))
    sys.stdout.write("\n".join([*lines(found, floors), ""]))
    return 1 if below(found, floors) else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
