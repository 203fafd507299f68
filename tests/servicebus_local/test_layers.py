"""The inner order: no circle among modules, imports for types included, and every import leads downwards."""

import ast
from collections.abc import Collection
from pathlib import Path

import servicebus_local

PACKAGE = Path(servicebus_local.__file__).parent

LAYERS = (
    {"amqp", "certificates", "clock", "errors", "lifeline", "listener", "paths", "process", "pytest_plugin", "record"},
    {"deferred_calls", "sql", "transports"},
    {"datafolder", "filters", "messages", "storage"},
    {"entities"},
    {"config"},
    {"access"},
    {"broker"},
    {"administration", "wire"},
    {"at_rest", "namespace"},
    {"serving"},
    {"", "__main__"},
)
"""The modules and sub-packages of the package, the lowest first; "" is the package itself, with what it offers."""

Graph = dict[str, set[str]]


def imports_of(package: Path) -> Graph:
    """Return which modules each module imports, anywhere in it; "" is the package itself."""
    modules = {name_of(path, package): path for path in package.rglob("*.py")}
    return {
        name: {*imported(ast.parse(path.read_text()), package.name, set(modules))} for name, path in modules.items()
    }


def name_of(path: Path, package: Path) -> str:
    return ".".join(path.relative_to(package).with_suffix("").parts).removesuffix("__init__").removesuffix(".")


def imported(tree: ast.Module, package: str, modules: Collection[str]) -> set[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    inner = [name.removeprefix(package).removeprefix(".") for name in names if name.split(".")[0] == package]
    return {name if name in modules else name.rpartition(".")[0] for name in inner}


def circles(graph: Graph) -> list[str]:
    """Return the modules that reach themselves."""
    reached = {name: set(imports) for name, imports in graph.items()}
    for middle in graph:
        for names in reached.values():
            if middle in names:
                names.update(reached[middle])
    return sorted(name for name, names in reached.items() if name in names)


def upward(graph: Graph) -> list[str]:
    """Return the imports that lead to another part of the same layer, or of a higher one."""
    level = {part: number for number, parts in enumerate(LAYERS) for part in parts}
    return sorted(
        f"{name} imports {other}"
        for name, others in graph.items()
        for other in others
        if part_of(name) != part_of(other) and level[part_of(name)] <= level[part_of(other)]
    )


def part_of(name: str) -> str:
    return name.split(".", maxsplit=1)[0]


def test_every_part_has_its_layer() -> None:
    assert {part_of(name) for name in imports_of(PACKAGE)} == set().union(*LAYERS)


def test_no_module_reaches_itself() -> None:
    assert circles(imports_of(PACKAGE)) == []


def test_imports_lead_downwards() -> None:
    assert upward(imports_of(PACKAGE)) == []


def test_a_circle_of_types_and_an_arrow_upwards_would_be_noticed(tmp_path: Path) -> None:
    for name, text in {
        "messages/__init__.py": "",
        "messages/one.py": "if TYPE_CHECKING:\n    from servicebus_local.messages.two import Two",
        "messages/two.py": "def two():\n    from servicebus_local.messages import one",
        "errors.py": "import servicebus_local.messages.one",
        "wire/__init__.py": "from servicebus_local.errors import ServiceError",
    }.items():
        path = tmp_path / "servicebus_local" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    graph = imports_of(tmp_path / "servicebus_local")
    assert circles(graph) == ["messages.one", "messages.two"]
    assert upward(graph) == ["errors imports messages.one"]
