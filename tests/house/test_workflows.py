"""The workflows keep to their rules, and what they run does what it says: without GitHub and without Azure."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
import yaml
from aiohttp import web

from mti.simulators.serving import LoopbackServer
from tests.support.processes import start_python

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / ".cache" / "house" / "bin"
"""Where `make setup` puts the tools; apart from what the tests run with."""
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
RELEASE = run_path(str(ROOT / ".github" / "release.py"))


def jobs() -> list[tuple[str, dict[str, Any]]]:
    found = []
    for file in FILES:
        found += [(f"{file.stem}/{name}", job) for name, job in yaml.safe_load(file.read_text())["jobs"].items()]
    return found


@pytest.mark.parametrize(
    "command",
    [
        ("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, FILES)),
        ("zizmor", "--offline", "--no-progress", "--persona", "regular", ".github/workflows"),
        ("actionlint", "-shellcheck=", "-pyflakes=", *map(str, FILES)),
    ],
    ids=lambda command: command[0],
)
def test_a_tool_that_knows_workflows_finds_nothing(command: tuple[str, ...]) -> None:
    found = subprocess.run(
        [HOUSE / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_every_action_is_pinned_by_a_commit_with_its_version() -> None:
    for file in FILES:
        for line in re.findall(r"uses: (.+)", file.read_text()):
            assert re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), f"{file.name}: {line}"


def test_nothing_is_permitted_but_what_a_job_asks_for() -> None:
    assert all(yaml.safe_load(file.read_text())["permissions"] == {} for file in FILES)
    writes = {(name, right) for name, job in jobs() for right, kind in job["permissions"].items() if kind == "write"}
    assert writes == {
        ("release/image", "packages"),
        ("release/publish", "contents"),
        ("deploy/what-if", "id-token"),
        ("deploy/deploy", "id-token"),
    }


def test_no_job_runs_for_ever_and_none_reads_a_secret() -> None:
    assert all(job["timeout-minutes"] <= 90 for _, job in jobs())
    assert [file.name for file in FILES if "secrets." in file.read_text()] == []


@pytest.mark.parametrize(
    ("version", "changelog", "release", "says"),
    [
        ("0.2.0", "## [0.2.0] - 2027-01-01\n\n- New.\n", ("0.2.0", "https://a.test/0.2.0"), []),
        ("0.2.0", "## [Unreleased]\n", ("0.2.0", "https://a.test/0.2.0"), ["no heading"]),
        ("0.2.0", "## [0.2.0]\n- New.\n", ("0.1.0", "https://a.test/0.1.0"), ["of version 0.1.0", "does not hold"]),
        ("0.2.0", "## [0.2.0]\n- New.\n", ("0.2.0", "https://a.example/0.2.0"), ["is nowhere"]),
    ],
)
def test_a_tag_is_released_when_all_say_its_version(
    version: str, changelog: str, release: tuple[str, str], says: list[str]
) -> None:
    notes = RELEASE["notes_of"](version, changelog)
    text = f'{{"version": "{release[0]}", "address": "{release[1]}"}}'
    found = RELEASE["faults"](version, notes, text)
    assert len(found) == len(says)
    assert all(part in fault for part, fault in zip(says, found, strict=True))


def test_the_address_is_the_one_that_the_workflow_fills() -> None:
    address = RELEASE["address_of"]("owner/mti", "0.2.0")
    right, wrong = (f'{{"version": "0.2.0", "address": "{each}"}}' for each in (address, "https://a.test/0.2.0"))
    assert RELEASE["faults"]("0.2.0", "- New.\n", right, "owner/mti") == []
    (fault,) = RELEASE["faults"]("0.2.0", "- New.\n", wrong, "owner/mti")
    assert address in fault
    pushed = re.findall(r"HEAD:refs/tags/(packages-\$TAG)", (ROOT / ".github/workflows/release.yml").read_text())
    assert pushed, "TAG is v0.2.0"
    assert address.endswith("/packages-v0.2.0")


@pytest.fixture
async def raw() -> AsyncIterator[LoopbackServer]:
    """Serve files: one that comes with the second try, one behind a redirect, and one that is another."""
    late = iter([404])

    async def direct(_: web.Request) -> web.Response:
        return web.Response(status=next(late, 200), body=b"package")

    async def moved(_: web.Request) -> web.Response:
        raise web.HTTPFound("/direct.zip")

    async def other(_: web.Request) -> web.Response:
        return web.Response(body=b"another")

    routes = [("GET", "/direct.zip", direct), ("GET", "/moved.zip", moved), ("GET", "/other.zip", other)]
    async with LoopbackServer(routes) as server:
        yield server


@pytest.mark.parametrize(
    ("names", "status", "says"),
    [
        (["direct"], 0, "has what it ought to have"),
        (["direct", "moved"], 1, "/moved.zip: HTTP 302"),
        (["other"], 1, "/other.zip: is another file than other.zip"),
    ],
)
async def test_a_release_is_made_when_its_address_gives_out_its_files_directly(
    raw: LoopbackServer, tmp_path: Path, names: list[str], status: int, says: str
) -> None:
    for name in names:
        (tmp_path / f"{name}.zip").write_bytes(b"package")
    env = {"TRIES": "2", "PAUSE": "0", "ADDRESS": raw.base_url}
    process = await start_python(
        ".github/release.py", "published", str(tmp_path), env=env, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == status, said.decode()
    assert says in said.decode()


def test_the_notes_are_those_of_the_version_alone() -> None:
    changelog = "## [Unreleased]\n- Later.\n\n## [0.2.0] - 2027-01-01\n\n- New.\n\n## [0.1.0]\n- Old.\n"
    assert RELEASE["notes_of"]("0.2.0", changelog) == "- New.\n"
    assert RELEASE["notes_of"]("0.1.0", changelog) == "- Old.\n"


@pytest.fixture
async def app() -> AsyncIterator[LoopbackServer]:
    """Serve an app that answers with an error, then with the version before, and then with the new one."""
    answers = iter([web.Response(status=503), web.json_response({"version": "0.1.0"})])

    async def health(_: web.Request) -> web.Response:
        return next(answers, None) or web.json_response({"service": "fetcher", "version": "0.2.0"})

    async with LoopbackServer([("GET", "/api/health", health)]) as server:
        yield server


@pytest.mark.parametrize(("version", "tries", "status"), [("0.2.0", "3", 0), ("0.2.0", "2", 1), ("0.3.0", "4", 1)])
async def test_the_smoke_test_waits_for_the_version_that_was_deployed(
    app: LoopbackServer, version: str, tries: str, status: int
) -> None:
    env = {"TRIES": tries, "PAUSE": "0"}
    url = f"{app.base_url}/api/health"
    process = await start_python(".github/smoke.py", url, version, env=env, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == status, said.decode()
