"""Empty environments, and what is brought into them from the one that runs the tests: no network is needed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from importlib.util import cache_from_source
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
UV = shutil.which("uv") or str(ROOT / ".cache/uv/bin/uv")
"""As the Makefile finds it."""


class Environment:
    """A virtual environment with nothing in it at first, and a folder to work in."""

    def __init__(self, folder: Path) -> None:
        subprocess.run([UV, "venv", "-q", "--offline", "--python", sys.executable, str(folder / "venv")], check=True)
        self.bin = folder / "venv" / "bin"
        self.folder = folder / "work"
        self.folder.mkdir()

    @property
    def variables(self) -> dict[str, str]:
        """What a shell has in which the environment is activated."""
        return {"PATH": f"{self.bin}:{os.defpath}", "HOME": str(self.folder)}

    def install(self, wheel: Path) -> None:
        """Install a wheel, and by itself: not what it depends on."""
        self._uv("install", "-q", "--no-deps", "--no-index", str(wheel))

    def check(self) -> None:
        """Fail when something that is installed lacks what it declares to need."""
        self._uv("check", "-q")

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment in the folder."""
        command = [str(self.bin / words[0]), *words[1:]]
        return subprocess.run(
            command, cwd=self.folder, env=self.variables | variables, capture_output=True, text=True, check=False
        )

    def site_packages(self) -> Path:
        """Where packages are."""
        return next((self.bin.parent / "lib").glob("python*/site-packages"))

    def _uv(self, *words: str) -> None:
        subprocess.run([UV, "pip", words[0], "--offline", "--python", str(self.bin / "python"), *words[1:]], check=True)


def needed_by(found: Distribution) -> dict[str, Distribution]:
    """Return, by name, the distributions that one declares to need here, and those that they need; not itself."""
    needed: dict[str, Distribution] = {}
    open_ends = [(each, "") for each in found.requires or []]
    seen = set(open_ends)
    while open_ends:
        text, extra = open_ends.pop()
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        next_one = distribution(requirement.name)
        needed[next_one.name] = next_one
        further = {(each, wanted) for each in next_one.requires or [] for wanted in ("", *requirement.extras)}
        open_ends += further - seen
        seen |= further
    return needed


def bring(found: Distribution, to: Path) -> None:
    """Link the files of a distribution that this environment has into a folder of packages, compiled ones included."""
    for source, relative in _files(found):
        target = to / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            target.symlink_to(source)


def _files(found: Distribution) -> Iterator[tuple[Path, Path]]:
    for each in found.files or []:
        if ".." in each.parts:  # a command, outside the packages
            continue
        source = Path(str(found.locate_file(each)))
        yield source, Path(each)
        compiled = Path(cache_from_source(str(source))) if source.suffix == ".py" else source
        if compiled != source and compiled.exists():
            yield compiled, Path(each).parent / compiled.parent.name / compiled.name
