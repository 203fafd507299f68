"""`make graph`: the arrows of the house, as its modules import each other, with the imports that are for types alone.

A member is drawn by its packages and modules, each below what it imports; an arrow says how many modules of the one
import how many of the other. What is not drawn is not there. The contracts in `pyproject.toml` say what must hold.
"""

import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import grimp
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]

Arrows = Mapping[str, Mapping[str, int]]
"""Who imports whom, and by how many imports of modules."""


def roots() -> list[str]:
    """Return the members' packages, as the contracts have them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages: list[str] = settings["tool"]["importlinter"]["root_packages"]
    return packages


def house() -> grimp.ImportGraph:
    """Return the graph of all members."""
    return grimp.build_graph(*roots(), cache_dir=None)


def imports(graph: grimp.ImportGraph) -> Iterator[tuple[str, str]]:
    """Return every module with each that it imports."""
    for module in sorted(graph.modules):
        for imported in sorted(graph.find_modules_directly_imported_by(module)):
            yield module, imported


def arrows(graph: grimp.ImportGraph, units: list[str]) -> Arrows:
    """Return the arrows between units, each of which is a module or a package with all that is in it."""
    drawn: dict[str, dict[str, int]] = {unit: defaultdict(int) for unit in units}
    for importer, imported in imports(graph):
        one, other = unit_of(importer, units), unit_of(imported, units)
        if one is not None and other is not None and one != other:
            drawn[one][other] += 1
    return drawn


def unit_of(module: str, units: list[str]) -> str | None:
    """Return the unit that a module is, or is in."""
    return next((unit for unit in units if module == unit or module.startswith(f"{unit}.")), None)


def levels(drawn: Arrows) -> list[list[str]]:
    """Return the units from the top: each imports only such as stand below it.

    Raises:
        ValueError: the arrows go in a circle; its units are named.
    """
    left = {unit: {other for other in others if other in drawn} for unit, others in drawn.items()}
    stacked: list[list[str]] = []
    while left:
        free = sorted(unit for unit, others in left.items() if not others)
        if not free:
            raise ValueError(f"a circle among {', '.join(sorted(left))}")
        stacked.append(free)
        left = {unit: others - set(free) for unit, others in left.items() if unit not in free}
    return stacked[::-1]


def picture(drawn: Arrows) -> Iterator[str]:
    """Return the units as lines, from the top, each with its arrows."""
    try:
        rows = levels(drawn)
    except ValueError as circle:
        yield f"  NOT IN ORDER: {circle}"
        rows = [sorted(drawn)]
    for row in rows:
        for unit in row:
            below = ", ".join(f"{short(other)} {count}" for other, count in sorted(drawn[unit].items()))
            yield f"  {short(unit):<24} {'-> ' + below if below else '.'}"
        yield ""


def short(unit: str) -> str:
    """Return a unit's own name; of a member, all but the namespace."""
    return unit.removeprefix("mti.") if unit.count(".") <= 1 else unit.rpartition(".")[2]


def main() -> int:
    """Print the graph; 1 when a contract is broken."""
    graph = house()
    print(f"{len(graph.modules)} modules, {graph.count_imports()} imports\n\nmembers")
    print("\n".join(picture(arrows(graph, roots()))))
    for root in roots():
        print(root)
        print("\n".join(picture(arrows(graph, sorted(graph.find_children(root))))))
    return int(lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True))


if __name__ == "__main__":
    sys.exit(main())
