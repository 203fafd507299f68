"""Dead letters in files: written whole, replayed once, brought back after a purge."""

import json
import random
import stat
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from mti.common.contracts.envelope import REPLAYS
from mti.common.errors import ConfigurationError
from mti.operations.dead_letters import FileReplay, ReplayResult, Selection, append_archive, find, purge, write_archive
from tests.operations.dead_letters.world import EVERYTHING, World, untraced
from tests.publisher.world import CONTOSO
from tests.support.bus import INDICATORS, RAW_PAGES

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def export(there: World, file: Path) -> int:
    return await write_archive(file, find(there.queues, EVERYTHING, there.clock))


def filed(there: World, file: Path, selection: Selection = EVERYTHING, limit: int | None = None) -> FileReplay:
    entities = tuple(queue.entity for queue in there.queues)
    return FileReplay(file, entities, selection, there.clock, random.Random(), limit=limit)


async def replay(there: World, file: Path, selection: Selection = EVERYTHING, limit: int | None = None) -> ReplayResult:
    return await filed(there, file, selection, limit).run(there.replayer())


async def test_a_file_holds_all_that_a_replay_needs_and_a_view_for_people(there: World, tmp_path: Path) -> None:
    sent = there.batch("a")
    await there.die(INDICATORS, sent, reason="ObjectRefused", description="Sentinel said no")
    file = tmp_path / "letters.jsonl"
    assert await export(there, file) == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (line,) = map(json.loads, file.read_text().splitlines())
    assert (line["reason"], line["description"]) == ("ObjectRefused", "Sentinel said no")
    assert line["decoded"]["objects"][0]["id"] == there.indicator("a").id
    assert len(await there.dead(INDICATORS)) == 1
    assert (await replay(there, file)).replayed == 1
    (back,) = await there.drain(INDICATORS, CONTOSO)
    assert (back.body, back.session_id, back.to) == (sent.body, CONTOSO, "publisher")
    assert untraced(back) == {**sent.properties, REPLAYS: 1}
    assert await there.dead(INDICATORS) == []


async def test_a_file_is_replayed_once_and_again_when_its_journal_is_removed(there: World, tmp_path: Path) -> None:
    await there.die(RAW_PAGES, there.page("a"), there.page("b"))
    file = tmp_path / "letters.jsonl"
    await export(there, file)
    first, second = await replay(there, file), await replay(there, file)
    assert (first.replayed, first.already, second.replayed, second.already) == (2, 0, 0, 2)
    assert len(await there.drain(RAW_PAGES)) == 2
    Path(f"{file}.replayed").unlink()
    assert (await replay(there, file)).replayed == 2
    assert len(await there.drain(RAW_PAGES)) == 2


async def test_a_file_that_is_older_than_a_replay_is_not_swallowed_as_its_duplicate(
    there: World, tmp_path: Path
) -> None:
    await there.die(RAW_PAGES, there.page("a"))
    file = tmp_path / "letters.jsonl"
    await export(there, file)
    await there.replay()
    assert len(await there.drain(RAW_PAGES)) == 1
    assert (await replay(there, file)).replayed == 1
    assert len(await there.drain(RAW_PAGES)) == 1


async def test_the_filters_and_the_limit_hold_for_a_file_too(there: World, tmp_path: Path) -> None:
    await there.die(RAW_PAGES, there.page("a"), there.page("b"), there.page("c"), reason="Bug")
    await there.die(INDICATORS, there.batch("a"))
    file = tmp_path / "letters.jsonl"
    await export(there, file)
    chosen = Selection(entity="normalizer")
    assert await filed(there, file, chosen, 2).count() == (2, 0)
    assert (await replay(there, file, chosen, limit=2)).replayed == 2
    assert await filed(there, file, chosen).count() == (3, 2)
    assert (await replay(there, file, chosen)).replayed == 1
    assert len(await there.drain(RAW_PAGES)) == 3
    assert len(await there.dead(INDICATORS)) == 1


async def test_a_line_of_another_namespace_is_refused_and_stays_to_be_done(there: World, tmp_path: Path) -> None:
    await there.die(RAW_PAGES, there.page("a"))
    file = tmp_path / "letters.jsonl"
    await export(there, file)
    right = file.read_text()
    file.write_text(right.replace("raw-pages/sub", "other-pages/sub"))
    refused = await replay(there, file)
    assert (refused.refused, refused.complete) == ({"entity unknown": 1}, False)
    file.write_text(right)
    assert (await replay(there, file)).replayed == 1


async def test_a_number_that_another_dead_letter_has_now_does_not_remove_that_one(there: World, tmp_path: Path) -> None:
    await there.die(RAW_PAGES, there.page("a"), there.page("b"))
    file = tmp_path / "letters.jsonl"
    await export(there, file)
    first, second = map(json.loads, file.read_text().splitlines())
    first["sequence"] = second["sequence"]
    file.write_text(json.dumps(first) + "\n")
    assert (await replay(there, file)).replayed == 1
    assert len(await there.dead(RAW_PAGES)) == 2


@pytest.mark.parametrize(
    "line", ["{}", "not json", '{"entity": "x", "sequence": 1, "message_id": "", "properties": {}, "body": "%"}']
)
async def test_a_line_that_is_no_dead_letter_is_named(there: World, tmp_path: Path, line: str) -> None:
    file = tmp_path / "letters.jsonl"
    file.write_text(f"\n{line}\n")
    with pytest.raises(ConfigurationError, match="line 2 is no dead letter"):
        await replay(there, file)


async def test_a_file_that_is_there_is_not_written_over(there: World, tmp_path: Path) -> None:
    file = tmp_path / "letters.jsonl"
    file.write_text("precious")
    with pytest.raises(ConfigurationError, match="exists already"):
        await export(there, file)
    assert file.read_text() == "precious"


async def test_a_journal_cut_short_by_a_kill_is_read_up_to_there(there: World, tmp_path: Path) -> None:
    await there.die(RAW_PAGES, there.page("a"), there.page("b"))
    file = tmp_path / "letters.jsonl"
    await export(there, file)
    Path(f"{file}.replayed").write_text('{"run":"abc"}\n{"line":1}\n{"li')
    assert (await replay(there, file)).already == 1
    (back,) = await there.drain(RAW_PAGES)
    assert back.message_id.endswith("~y1~xabc")


async def test_what_was_purged_is_logged_and_can_be_brought_back(
    there: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pages = [there.page(str(n)) for n in range(60)]
    await there.die(RAW_PAGES, *pages, reason="NoPattern")
    await there.die(RAW_PAGES, there.page("stays"), reason="Bug")
    file = tmp_path / "logs" / "purged.jsonl"
    planned = await there.plan(Selection(reason="NoPattern"))
    result = await purge(there.queues, planned, partial(append_archive, file))
    assert (result.matched, result.purged, result.by_reason, result.complete) == (60, 60, {"NoPattern": 60}, True)
    logged = [record for record in caplog.records if record.name.endswith("purge")]
    assert len(logged) == 60
    assert f"id {pages[0].message_id}" in logged[0].getMessage()
    assert "source contoso/malware_customer" in logged[0].getMessage()
    assert len(await there.dead(RAW_PAGES)) == 1
    assert (await replay(there, file)).replayed == 60
    assert Counter(found.body for found in await there.drain(RAW_PAGES)) == Counter(page.body for page in pages)
