"""`docs/architecture.md`: the map of the members and of the packages inside of them, from their imports.

Imports are read from the syntax, those for types and those inside of functions included; nothing is executed.
"""

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.house.pages.generated import ROOT, first_sentence, sources, table

Graph = Mapping[str, frozenset[str]]

_OWN_MODULES = "_own"


def page_parts() -> dict[str, str]:
    """Return the generated parts of the page."""
    graph = module_graph()
    members = sorted({member_of(name) for name in graph})
    inside = [f"### `{member}`\n\n{_said(member)}.\n\n{_member(member, graph)}".rstrip() for member in members]
    return {"members": diagram(grouped(graph, member_of)), "packages": "\n\n".join(inside)}


def module_graph() -> dict[str, frozenset[str]]:
    """Return, for every module, the modules of the house that it imports."""
    paths = {_name(path): path for path in sources()}
    return {name: frozenset(imported(path, paths)) - {name} for name, path in paths.items()}


def member_of(module: str) -> str:
    """Return the name under which a module's member is imported: `mti.common`, `servicebus_local`."""
    parts = module.split(".")
    return ".".join(parts[: 2 if parts[0] == "mti" else 1])


def package_of(module: str, packages: frozenset[str]) -> str:
    """Return the package inside of its member that a module is in, or the module itself when it is in none."""
    member = member_of(module)
    rest = module.removeprefix(member).lstrip(".").split(".")
    return rest[0] if f"{member}.{rest[0]}" in packages else _OWN_MODULES


def grouped(graph: Graph, group: Callable[[str], str]) -> dict[str, frozenset[str]]:
    """Return the graph of groups of modules."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, imported in graph.items():
        found[group(name)] |= {group(each) for each in imported} - {group(name)}
    return {name: frozenset(targets) for name, targets in sorted(found.items())}


def reduced(graph: Graph) -> dict[str, frozenset[str]]:
    """Return the graph without the arrows that follow from others."""
    left = {name: set(targets) for name, targets in graph.items()}
    for name, targets in graph.items():
        for target in sorted(targets):
            left[name].discard(target)
            if not _reaches(left, name, target):
                left[name].add(target)
    return {name: frozenset(targets) for name, targets in left.items()}


def diagram(graph: Graph) -> str:
    """Return a diagram in Mermaid, which GitHub draws; from importer to imported."""
    lines = ["```mermaid", "flowchart TD"]
    lines += [
        f'    {_node(name)}["{name}"]' for name in sorted({*graph, *(each for to in graph.values() for each in to)})
    ]
    lines += [
        f"    {_node(name)} --> {_node(to)}" for name, found in sorted(reduced(graph).items()) for to in sorted(found)
    ]
    return "\n".join([*lines, "```"])


def _member(member: str, graph: Graph) -> str:
    own = {name: targets for name, targets in graph.items() if member_of(name) == member}
    packages = frozenset(name for name in own if _path(name).is_dir())

    def group(module: str) -> str:
        return package_of(module, packages) if member_of(module) == member else ""

    among = {
        name: targets - {"", _OWN_MODULES} for name, targets in grouped(own, group).items() if name != _OWN_MODULES
    }
    parts = [diagram(among)] if any(among.values()) else []
    if packages - {member}:
        rows = [
            (f"`{name.removeprefix(member)[1:]}`", _said(name))
            for name in sorted(packages - {member})
            if _outer(name, member)
        ]
        parts.append(table(("package", "what"), rows))
    return "\n\n".join(parts)


def _outer(name: str, member: str) -> bool:
    return name.count(".") == member.count(".") + 1


def imported(path: Path, paths: Mapping[str, Path]) -> Iterator[str]:
    """Return what a module imports of those that there are, wherever in it the import stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in paths)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in paths or node.module in paths:
                    yield inner if inner in paths else node.module


def _reaches(graph: Mapping[str, set[str]], start: str, end: str) -> bool:
    seen, open_ends = {start}, [start]
    while open_ends:
        for each in graph.get(open_ends.pop(), ()):
            if each == end:
                return True
            if each not in seen:
                seen.add(each)
                open_ends.append(each)
    return False


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts[3:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _path(name: str) -> Path:
    """Return a package's folder, or the path that it would have."""
    relative = Path(*name.split("."))
    return next((each / relative for each in ROOT.glob("*/*/src") if (each / relative).is_dir()), relative)


def _said(name: str) -> str:
    folder = _path(name)
    init = folder / "__init__.py"
    return first_sentence(ast.get_docstring(ast.parse(init.read_text()))) if init.exists() else ""


def _node(name: str) -> str:
    return name.replace(".", "_")
