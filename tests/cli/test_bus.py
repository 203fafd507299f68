"""`mti bus`, as a developer starts it."""

import json
from pathlib import Path

import httpx
import pytest

from tests.support.cli import mti, mti_here, start
from tests.support.waiting import in_time

ARGUMENTS = ("--port", "0", "--http-port", "0")


async def test_it_says_where_it_listens_and_ends_when_told(tmp_path: Path) -> None:
    process = await start("bus", "--data", tmp_path / "bus", *ARGUMENTS)
    assert process.stdout is not None
    ready = json.loads(await process.stdout.readline())
    async with httpx.AsyncClient() as client:
        stats = (await client.get(f"http://127.0.0.1:{ready['http_port']}/stats")).json()
    assert {"fetch-jobs", "raw-pages/subscriptions/normalizer", "indicators/subscriptions/publisher"} <= set(stats)
    process.terminate()
    out, err = await in_time(process.communicate())
    assert (process.returncode, out) == (0, b"")
    assert b"Traceback" not in err


@pytest.mark.parametrize(
    ("text", "expected"),
    [("{", "Config.json"), ('{"UserConfig": {"Namespaces": [{"Name": "n", "Queues": [{"Nme": "q"}]}]}}', "Nme")],
)
def test_a_bad_config_is_bad_usage_and_names_the_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, expected: str
) -> None:
    (tmp_path / "Config.json").write_text(text)
    said = mti_here(capsys, "bus", "--config", tmp_path / "Config.json", "--data", tmp_path / "bus", *ARGUMENTS)
    assert (said.status, said.out) == (2, "")
    assert expected in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("namespaces", "cause"),
    [
        ('[{"Name": "n", "Queues": [{"Nme": "q"}]}]', "UserConfig.Namespaces[0].Queues[0].Nme"),
        ('[{"Name": "n", "Topics": [{"Name": "t", "Subscriptions": [{"Name": 5}]}]}]', "Subscriptions[0].Name"),
        ("[5]", "UserConfig.Namespaces[0]"),
        ("[]", "UserConfig.Namespaces: "),
    ],
)
async def test_the_last_line_of_a_refused_config_is_a_cause(tmp_path: Path, namespaces: str, cause: str) -> None:
    (tmp_path / "Config.json").write_text(f'{{"UserConfig": {{"Namespaces": {namespaces}}}}}')
    said = await mti("bus", "--config", tmp_path / "Config.json", "--data", tmp_path / "bus", *ARGUMENTS)
    assert said.status == 2
    assert cause in said.err.splitlines()[-1]


async def test_a_missing_config_is_bad_usage(tmp_path: Path) -> None:
    said = await mti("bus", "--config", tmp_path / "nowhere.json", "--data", tmp_path / "bus", *ARGUMENTS)
    assert said.status == 2
    assert "nowhere.json" in said.err
