"""A purge keeps a copy, or is not done."""

from pathlib import Path

import pytest

from mti.operations.dead_letters.archive import read_archive
from mti.stack.layout import namespace_config
from servicebus_local import Namespace
from tests.operations.dead_letters.world import page
from tests.support.bus import RAW_PAGES, connected
from tests.support.cli import mti

pytestmark = pytest.mark.timeout(180)
PURGE = ("dlq", "purge", "--all", "--yes", "--without-books")


async def test_without_a_folder_a_purge_wants_a_file_and_removes_nothing_without_it(tmp_path: Path) -> None:
    async with Namespace(namespace_config(), tmp_path / "bus") as namespace, connected(namespace) as bus:
        await bus.sender(RAW_PAGES).send([page("a")])
        async with bus.receiver(RAW_PAGES) as receiver:
            (found,) = await receiver.receive_messages(max_message_count=1, max_wait_time=5)
            await receiver.dead_letter_message(found, reason="NoPattern")
        azure = {"MTI_SERVICEBUS_CONNECTION_STRING": namespace.connection_string}

        refused = await mti(*PURGE, env=azure)
        assert (refused.status, refused.out) == (2, "")
        assert "--out FILE" in refused.err
        for place in (tmp_path, tmp_path / "bus" / "nobody" / "\0"):
            refused = await mti(*PURGE, "--out", str(place).replace("\0", "x/" * 3000), env=azure)
            assert refused.status == 2
            assert "Traceback" not in refused.err
            assert "can't be written" in refused.err
        assert (await mti("dlq", "list", "--json", env=azure)).document["total"] == 1
        assert (await mti("dlq", "purge", "--all", "--dry-run", env=azure)).status == 0

        kept = tmp_path / "kept" / "letters.jsonl"
        done = await mti(*PURGE, "--out", kept, "--json", env=azure)
        assert (done.status, done.document["purged"], done.document["kept_in"]) == (0, 1, str(kept)), done.err
        assert (await mti("dlq", "list", "--json", env=azure)).document["total"] == 0
        assert [letter.reason for _, letter in [each async for each in read_archive(kept)]] == ["NoPattern"]
        assert kept.stat().st_mode & 0o777 == 0o600
