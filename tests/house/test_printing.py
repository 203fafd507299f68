"""There is one way to the terminal, and it makes foreign text safe to show."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

WAYS = {
    "libs/cli/src/mti/cli/console.py",  # the way itself
    "libs/cli/src/mti/cli/streams.py",  # makes the streams safe, whoever writes to them
    "libs/cli/src/mti/cli/main.py",  # shows a page that is a constant
    "libs/common/src/mti/common/topology/__main__.py",  # JSON in ASCII, for who builds from it
    "libs/common/src/mti/common/logs.py",  # JSON in ASCII, which escapes everything
    # One line with nothing in it that a terminal obeys; it imports the standard library alone:
    "libs/common/src/mti/common/probe.py",
    # One line that says why a service can't start, made safe by `escaped`:
    "libs/common/src/mti/common/hosting/process.py",
    # Hand a child its streams:
    "libs/stack/src/mti/stack/launching/child.py",
    "libs/stack/src/mti/stack/launching/fork_server.py",
    "libs/stack/src/mti/stack/launching/from_here.py",
    # Answers as JSON in ASCII, for a parent process:
    "libs/console/src/mti/console/preview/engine.py",
    "libs/console/src/mti/console/preview/worlds/loading.py",
    # Announcements of ports as JSON in ASCII, for a parent process:
    "libs/stack/src/mti/stack/demo/simulators_process.py",
    "libs/servicebus-local/src/servicebus_local/serving.py",
    "libs/servicebus-local/src/servicebus_local/__main__.py",
    "libs/simulators/src/mti/simulators/__main__.py",
}
STREAMS = {("sys", "stdout"), ("sys", "stderr"), ("sys", "__stdout__"), ("sys", "__stderr__")}
CALLS = {"print", "input", "breakpoint"}
MEMBERS = {("typer", name) for name in ("echo", "secho", "confirm", "prompt", "echo_via_pager")} | {
    ("logging", "basicConfig"),
    ("logging", "StreamHandler"),
    ("Text", "from_markup"),
    ("Text", "from_ansi"),
}
IMPORTS = {"rich.console": {"Console"}, "rich.table": {"Table"}, "rich": {"print", "print_json", "get_console"}}


def other_ways(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in STREAMS | MEMBERS:
                yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            yield f"{node.func.id}()"
        elif isinstance(node, ast.ImportFrom) and node.module:
            taken = {alias.name for alias in node.names}
            yield from sorted(taken & IMPORTS.get(node.module, set()))
            if node.module == "sys":
                yield from sorted(taken & {"stdout", "stderr"})


def test_nobody_prints_in_another_way() -> None:
    found = {
        f"{name}: {way}"
        for module in sorted(ROOT.glob("*/*/src/**/*.py"))
        if (name := module.relative_to(ROOT).as_posix()) not in WAYS
        for way in other_ways(module)
    }
    assert found == set()


def test_the_ways_are_there() -> None:
    assert [name for name in sorted(WAYS) if not (ROOT / name).is_file()] == []


def test_the_rule_would_notice_another_way(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("import sys\nfrom rich.console import Console\nprint(1)\nsys.stdout.write('x')\ntyper.echo(1)\n")
    assert set(other_ways(module)) == {"Console", "print()", "sys.stdout", "typer.echo"}
