"""The normalizer as a process of its own, on a real bus and a real file."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import yaml
from azure.servicebus import ServiceBusSubQueue

from mti.common.adapters.packed import packed
from mti.common.adapters.servicebus import ServiceBus
from mti.common.adapters.servicebus.received import from_sdk
from mti.common.adapters.sqlite import SqliteStore
from mti.common.contracts import IndicatorBatch, decode, page_message
from mti.normalizer.configuration import NormalizerSettings
from mti.normalizer.records import Ledger
from mti.normalizer.worker import run
from tests.normalizer.world import CUSTOMER, chunk, sha256, stix
from tests.support.bus import INDICATORS, RAW_PAGES, connected, running_namespace
from tests.support.waiting import PATIENCE, in_time

WORKSPACE = "00000000-0000-0000-0000-00000000000a"
TENANTS = {
    "tenants": [
        {
            "id": "contoso",
            "mimecast": {
                "api": "2.0",
                "region": "eu",
                "client_id": "env:CONTOSO_MIMECAST_ID",
                "client_secret": "env:CONTOSO_MIMECAST_SECRET",
            },
            "feeds": ["malware_customer"],
            "destinations": [{"workspace_id": WORKSPACE, "auth": "managed_identity"}],
        }
    ]
}


@asynccontextmanager
async def running(settings: NormalizerSettings) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(run(settings, stop))
    try:
        yield
    finally:
        stop.set()
        await in_time(task)


async def dead_letter(bus: ServiceBus) -> tuple[str, str]:
    receiver = bus._client.get_subscription_receiver(
        RAW_PAGES.name, str(RAW_PAGES.subscription), sub_queue=ServiceBusSubQueue.DEAD_LETTER
    )
    async with receiver:
        [found] = await receiver.receive_messages(max_message_count=1, max_wait_time=PATIENCE)
        return str(found.dead_letter_reason), str(found.dead_letter_error_description)


async def test_a_chunk_becomes_indicators_in_the_session_of_its_workspace_and_its_rest_a_dead_letter(
    tmp_path: Path,
) -> None:
    tenants = tmp_path / "tenants.yaml"
    tenants.write_text(yaml.safe_dump(TENANTS))
    database = tmp_path / "normalizer.db"
    async with running_namespace(tmp_path / "bus") as namespace, connected(namespace) as bus:
        settings = NormalizerSettings.from_environment(
            servicebus_connection_string=namespace.connection_string,
            store=f"sqlite:{database}",
            tenants_file=tenants,
        )
        async with running(settings):
            broken = stix("bad", pattern="[file:hashes.MD5 = 'beef']")
            await bus.sender(RAW_PAGES).send([page_message(chunk(stix(), broken))])
            async with bus.receiver(INDICATORS, session=WORKSPACE, connect_wait=PATIENCE) as receiver:
                [found] = await receiver.receive_messages(max_message_count=1, max_wait_time=PATIENCE)
                _, batch = decode(from_sdk(found), IndicatorBatch)
            assert [one.pattern for one in batch.objects] == [f"[file:hashes.'SHA-256' = '{sha256('a file')}']"]
            reason, description = await dead_letter(bus)
            assert reason == "BadHash"
            assert description.startswith("contoso/malware_customer: a detection: the MD5 'beef' has 4 characters")
    store = packed(SqliteStore(database))
    try:
        totals = await Ledger(store.container("ledger")).totals(CUSTOMER)
    finally:
        await store.close()
    assert (totals.detections, totals.new, totals.rejected) == (2, 1, {"BadHash": 1})


def test_a_process_without_settings_says_what_is_missing_and_ends_with_status_2() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MTI_")}
    ended = subprocess.run(
        [sys.executable, "-m", "mti.normalizer"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 2
    assert "MTI_TENANTS_FILE: is not set" in ended.stderr
    assert "Traceback" not in ended.stderr
