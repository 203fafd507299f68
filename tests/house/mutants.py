"""`make mutants`: do the pure tests notice when a pure module does something else?

mutmut changes a module in one place after the other and runs the tests that come by there. A change that no test
notices, a survivor, is a hole in the tests, or makes no difference. The modules are few and their tests quick: a module
takes a minute or so, and nobody need wait for the others: `make mutants ARGS=mti.common.halving`.

All of it happens on a copy below `.cache/mutants`, with the tools of that environment (`requirements/mutants.txt`).
Survivors are shown with their difference; what is equal for everybody stays one, so the counts are read by people.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPY = ROOT / ".cache" / "mutants" / "tree"
MODULES: dict[str, tuple[str, ...]] = {
    "mti.common.backoff": ("common/test_halving", "common/test_due_times"),
    "mti.common.comparable": ("common/test_comparable",),
    "mti.common.halving": ("common/test_halving",),
    "mti.common.races": ("common/test_races",),
    "mti.common.registry.durations": ("common/test_durations",),
    "mti.common.registry.references": ("common/test_references",),
    "mti.common.source_id": ("common/test_source_id",),
    "mti.common.waits": ("common/test_waits",),
    "mti.fetcher.consequences": ("fetcher/test_consequences",),
    "mti.fetcher.mimecast.limits": ("fetcher/mimecast/test_limits",),
    "mti.fetcher.windows": ("fetcher/test_windows", "fetcher/test_consequences"),
    "mti.normalizer.admission": ("normalizer/test_policy", "normalizer/test_ahead"),
    "mti.normalizer.decisions": ("normalizer/test_decisions", "normalizer/test_fanout"),
    "mti.normalizer.grouping": ("normalizer/test_grouping",),
    "mti.normalizer.indicators.policy": ("normalizer/test_policy",),
    "mti.normalizer.observables": ("normalizer/test_identity", "normalizer/test_patterns", "normalizer/test_parsing"),
    "mti.normalizer.parsing.fields": ("normalizer/test_parsing",),
    "mti.normalizer.parsing.patterns": ("normalizer/test_patterns",),
    "mti.publisher.budget": ("publisher/test_budget",),
    "mti.publisher.judging": ("publisher/test_guard",),
}
"""The pure modules, and the tests of each, without `tests/` and `.py`. All of these are marked `pure`."""
KILLED, SURVIVED, UNTESTED = "killed", "survived", "untested"
_FATES = {0: SURVIVED, 1: KILLED, 3: KILLED, 5: UNTESTED, 33: UNTESTED}
"""What mutmut's exit codes mean; any other is a mutant that ran out of time or crashed, which the tests notice too."""


@dataclass
class Found:
    """What became of the mutants of a module."""

    module: str
    counts: Counter[str] = field(default_factory=Counter)
    left: list[str] = field(default_factory=list)
    """The names of those that no test noticed."""

    def __str__(self) -> str:
        """Say the counts."""
        said = ", ".join(f"{self.counts[fate]} {fate}" for fate in (KILLED, SURVIVED, UNTESTED))
        return f"{self.module}: {said}"


def tests_of(module: str) -> list[str]:
    """Return the paths of a module's tests."""
    return [f"tests/{name}.py" for name in MODULES[module]]


def source_of(module: str) -> Path:
    """Return where a module stands.

    Raises:
        FileNotFoundError: it doesn't.
    """
    name = module.replace(".", "/")
    for path in (*ROOT.glob(f"*/*/src/{name}.py"), *ROOT.glob(f"*/*/src/{name}/__init__.py")):
        return path
    raise FileNotFoundError(module)


def configuration(module: str) -> str:
    """Return the `pyproject.toml` of the copy: our own pytest, and mutmut for one module."""
    pytest = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    path = source_of(module)
    mutmut = {
        "source_paths": ["src"],
        "only_mutate": [f"src/{path.relative_to(path.parents[len(module.split('.')) - 1]).as_posix()}"],
        "pytest_add_cli_args": ["-p", "no:cacheprovider", "-p", "no:xdist"],
        "pytest_add_cli_args_test_selection": tests_of(module),
        "track_dependencies": False,
        "use_git_change_detection": False,
    }
    return "\n".join(_table("tool.pytest.ini_options", pytest) + _table("tool.mutmut", mutmut))


def _table(name: str, values: dict[str, object]) -> list[str]:
    return [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items()), ""]


def copy(module: str) -> None:
    """Make the copy anew: the members' sources side by side, as they are once installed, and the tests."""
    shutil.rmtree(COPY, ignore_errors=True)
    for source in ROOT.glob("*/*/src"):
        shutil.copytree(source, COPY / "src", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    left_out = shutil.ignore_patterns("__pycache__", "node_modules")
    shutil.copytree(ROOT / "tests", COPY / "tests", ignore=left_out)
    (COPY / "pyproject.toml").write_text(configuration(module))


def mutmut(*words: str, quietly: bool = False) -> str:
    """Run mutmut on the copy, and return what it says.

    Raises:
        SystemExit: it fails, as it does where the tests fail without a change.
    """
    command = [sys.executable, "-m", "mutmut", *words]
    done = subprocess.run(command, check=False, cwd=COPY, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode and not quietly:
        raise SystemExit(f"mutmut {' '.join(words)} failed:\n{done.stdout[-4000:]}")
    return done.stdout


def fates(module: str) -> Found:
    """Read what became of the mutants."""
    found = Found(module)
    for meta in (COPY / "mutants").rglob("*.meta"):
        for name, code in json.loads(meta.read_text())["exit_code_by_key"].items():
            fate = _FATES.get(code, KILLED)
            found.counts[fate] += 1
            if fate != KILLED:
                found.left.append(name)
    return found


def run(module: str, children: int) -> Iterator[str]:
    """Mutate one module, and say line by line what came of it."""
    copy(module)
    mutmut("run", "--max-children", str(children))
    found = fates(module)
    yield str(found)
    for name in found.left:
        yield mutmut("show", name, quietly=True)


def main(words: Sequence[str]) -> None:
    """Mutate the modules that are named, or all."""
    parser = argparse.ArgumentParser(prog="make mutants")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="mti.common.halving, …; all without one")
    parser.add_argument("--children", type=int, default=2, help="processes at a time")
    given = parser.parse_args(words)
    unknown = sorted(set(given.modules) - set(MODULES))
    if unknown:
        parser.error(f"no pure tests are known of {', '.join(unknown)}; there are: {', '.join(MODULES)}")
    for module in given.modules or MODULES:
        for line in run(module, given.children):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
