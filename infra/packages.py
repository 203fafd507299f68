"""The packages of the function apps and the context of the image, into `dist/`: `make package` runs it.

A package is what the platform unpacks: `function_app.py`, `host.json`, and beside them all that these import, installed
for the platform's interpreter and not for the one that builds
(https://learn.microsoft.com/azure/azure-functions/python-build-options). It is pinned by hashes in
`requirements/functions.txt`, and the same input gives the same bytes: entries are in order, without anybody's times,
owners or paths. The first time the registry is asked for wheels; afterwards they are in uv's cache.
"""

import argparse
import gzip
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from infra.materials import bill_of_materials, licenses

ROOT: Final = Path(__file__).parents[1]
SERVICES: Final = ("fetcher", "normalizer", "publisher")
MEMBERS: Final = ("common", "operations", "deployment", "functions", *SERVICES)
"""In every package: the operator's tools read what all three services write down. The embedded stack and the simulators
are in none."""
PACKAGES: Final = PurePosixPath(".python_packages/lib/site-packages")
"""Where the platform looks for what an app imports."""
REQUIREMENTS: Final = ROOT / "requirements" / "functions.txt"
PYTHON: Final = "3.13"
PLATFORM: Final = "x86_64-manylinux2014"
EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The first time that a zip can tell."""
IMAGE: Final = ("Dockerfile", "requirements/runtime.txt", "libs", "services")
"""What the Dockerfile copies, and itself."""

_MACHINES: Final = frozenset({"direct_url.json", "uv_cache.json", "INSTALLER", "REQUESTED"})
"""Files of a dist-info that tell of the machine that installed it."""
_LEFT_OUT: Final = frozenset({"__pycache__", ".venv", "node_modules", "dist", ".pytest_cache"})

Tree = dict[str, bytes]
"""Files by their paths in a package."""


class PackageError(Exception):
    """A package can't be built; the text says why, and what to do."""


def install(uv: str, target: Path, *, offline: bool = False) -> None:
    """Install what is pinned into a folder, for the platform.

    Args:
        uv: the command.
        target: the folder; it is made anew.
        offline: ask no registry.

    Raises:
        PackageError: a wheel is neither in uv's cache nor to be had.
    """
    shutil.rmtree(target, ignore_errors=True)
    command = [uv, "pip", "install", "-q", "--target", str(target), "--python-platform", PLATFORM]
    command += ["--python-version", PYTHON, "--require-hashes", "--only-binary", ":all:", "--no-deps"]
    command += ["--link-mode", "copy", *(["--offline"] if offline else []), "-r", str(REQUIREMENTS)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own words
    if ran.returncode:
        raise PackageError(f"the wheels for Python {PYTHON} can't be had:\n{ran.stderr.strip()}")


def dependencies(target: Path) -> Tree:
    """Return the files of what was installed into a folder, without commands and without what tells of the machine."""
    found = {
        path.relative_to(target).as_posix(): path.read_bytes()
        for path in sorted(target.rglob("*"))
        if path.is_file() and path.name not in _MACHINES and not _LEFT_OUT & set(path.parts)
    }
    tree = {name: data for name, data in found.items() if not name.startswith(("bin/", ".lock"))}
    return {name: _record(data, tree) if _is_record(name) else data for name, data in tree.items()}


def wheel_of(member: str, dist: Path) -> Path:
    """Return the wheel of a member, of the version that it says of itself.

    Raises:
        PackageError: it is not built.
    """
    folder = "services" if member in SERVICES else "libs"
    project = (ROOT / folder / member / "pyproject.toml").read_text()
    found = re.search(r'^version = "(.+)"$', project, re.MULTILINE)
    wheel = dist / f"mti_{member}-{found[1] if found else '?'}-py3-none-any.whl"
    if not wheel.is_file():
        raise PackageError(f"{wheel.name} is not in {dist}: run `make package`, which builds the wheels first")
    return wheel


def members(dist: Path) -> Tree:
    """Return the files of the members' wheels.

    Raises:
        PackageError: one is not built.
    """
    tree: Tree = {}
    for member in MEMBERS:
        with zipfile.ZipFile(wheel_of(member, dist)) as wheel:
            tree |= {name: wheel.read(name) for name in wheel.namelist() if not name.endswith("/")}
    return tree


def package(service: str, packages: Mapping[str, bytes]) -> bytes:
    """Return the package of a service.

    Args:
        service: its name.
        packages: what is installed beside it.
    """
    folder = ROOT / "services" / service
    tree = {name: (folder / name).read_bytes() for name in ("function_app.py", "host.json")}
    tree |= {str(PACKAGES / name): data for name, data in packages.items()}
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name in sorted(tree):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, tree[name], compresslevel=6)
    return written.getvalue()


def image_context() -> bytes:
    """Return what an image is built from, for `docker build - < image.tar.gz`."""
    written = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=written, mode="wb", mtime=0, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(_of_the_image()):
            entry = tarfile.TarInfo(path.relative_to(ROOT).as_posix())
            data = path.read_bytes()
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return written.getvalue()


def _of_the_image() -> Iterator[Path]:
    for name in IMAGE:
        start = ROOT / name
        for path in [start] if start.is_file() else start.rglob("*"):
            if path.is_file() and not _LEFT_OUT & set(path.parts) and path.suffix != ".pyc":
                yield path


def _is_record(name: str) -> bool:
    return name.endswith(".dist-info/RECORD")


def _record(data: bytes, tree: Mapping[str, bytes]) -> bytes:
    """Return a RECORD with the lines of files that are there."""
    lines = data.decode().splitlines()
    return "".join(f"{line}\n" for line in lines if line.rsplit(",", 2)[0].strip('"') in tree).encode()


def write(dist: Path, uv: str, *, offline: bool = False) -> list[Path]:
    """Write all packages, with their bills of materials and licences, and return what was written.

    Raises:
        PackageError: one can't be built.
    """
    target = ROOT / ".cache" / "packages"
    install(uv, target, offline=offline)
    packages = {**dependencies(target), **members(dist)}
    documents = {"image.tar.gz": image_context()}
    for service in SERVICES:
        documents[f"{service}.zip"] = package(service, packages)
        documents[f"{service}.cdx.json"] = bill_of_materials(service, packages, REQUIREMENTS.read_text())
        documents[f"{service}.licenses.txt"] = licenses(packages)
    for name, data in documents.items():
        (dist / name).write_bytes(data)
    return [dist / name for name in documents]


def main() -> None:
    """Write them, and say how large they are."""
    parser = argparse.ArgumentParser(prog="python -m infra.packages", description=__doc__)
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="the folder, which has the wheels")
    parser.add_argument("--uv", default=os.environ.get("UV", "uv"), help="the command uv")
    parser.add_argument("--offline", action="store_true", help="ask no registry")
    asked = parser.parse_args()
    try:
        for path in write(asked.dist, asked.uv, offline=asked.offline):
            sys.stdout.write(f"{path.name}: {path.stat().st_size:,} bytes\n")
    except PackageError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
