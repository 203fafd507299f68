"""`mti console` as a process: it says where it is, serves, asks for its token where it has one, and ends when told."""

import re
from pathlib import Path

import httpx
import pytest

from mti.stack.launching.processes import Process
from tests.support.cli import mti_here, start
from tests.support.estates import made
from tests.support.waiting import in_time


async def link_of(process: Process) -> str:
    """Return the link that the command prints."""
    assert process.stderr is not None
    said = ""
    while (found := re.search(r"http://\S+", said)) is None:
        line = await in_time(process.stderr.readline())
        assert line, said
        said += line.decode()
    return found[0]


async def ended(process: Process) -> int:
    process.terminate()
    await in_time(process.communicate())
    assert process.returncode is not None
    return process.returncode


async def test_it_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    estate = await made(tmp_path, 2)
    process = await start("console", "--data", estate.data, "--port", "0")
    link = await link_of(process)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        page = await client.get(link)
        assert (page.status_code, "Overview" in page.text) == (200, True)
        assert (await client.get(link, headers={"Host": "evil.example"})).status_code == 400
        foreign = {"Origin": "http://evil.example"}
        refused = await client.post(f"{link}/pauses/lift", data={"source": "x"}, headers=foreign)
        assert refused.status_code == 403
    assert await ended(process) == 0


async def test_with_a_token_only_its_link_leads_in(tmp_path: Path) -> None:
    process = await start("console", "--data", tmp_path, "--port", "0", "--token")
    link = await link_of(process)
    where = link.partition("/enter")[0]
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        assert (await client.get(f"{where}/static/console.css")).status_code == 401
        assert (await client.get(link)).status_code == 200
        assert (await client.get(f"{where}/static/console.css")).status_code == 200
    assert await ended(process) == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--host", "console.example.com"), "is no address"),
        (("--host", "0.0.0.0"), "say with --name what browsers call it"),
        (("--host", "192.0.2.7"), "can't listen on 192.0.2.7"),
    ],
)
def test_where_it_cannot_listen_it_says_why(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, str], says: str
) -> None:
    said = mti_here(capsys, "console", "--data", tmp_path, *words)
    assert said.status == 2
    assert says in said.err
