"""Both services make of some 150 pages, ordinary and odd, exactly what they made when `golden/made.json` was written:
identities, bodies, books, dead letters, and what is known."""

import json
from pathlib import Path

import pytest

from tests.normalizer.golden.made import FILE, made


@pytest.mark.parametrize("one_process", [False, True])
async def test_what_is_made_of_the_golden_pages_has_not_changed(tmp_path: Path, one_process: bool) -> None:
    expected = json.loads(FILE.read_text())
    found = json.loads(json.dumps(await made(tmp_path, one_process=one_process)))
    assert found.keys() == expected.keys()
    assert {name: found[name] for name in expected if found[name] != expected[name]} == {}
