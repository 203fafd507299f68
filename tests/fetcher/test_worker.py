"""The fetcher as a process of its own, on a real bus, a real file and a Mimecast over HTTP."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from mti.common.adapters.servicebus.received import from_sdk
from mti.common.adapters.sqlite import SqliteStore
from mti.common.contracts import PageChunk, decode
from mti.fetcher.configuration import FetcherSettings
from mti.fetcher.records.checkpoint import SourceCheckpoint
from mti.fetcher.records.checkpoints import checkpoints_in
from mti.fetcher.worker import run
from mti.simulators import Feed, FeedSpec, MimecastSimulator, generate
from mti.simulators.mimecast import MimecastSettings
from tests.fetcher.world import CONTOSO, CUSTOMER, SECRETS
from tests.support.bus import RAW_PAGES, connected, counts, running_namespace
from tests.support.waiting import PATIENCE, in_time, until


def tenants(base_url: str) -> str:
    tenant = {
        "id": "contoso",
        "mimecast": {
            "api": "2.0",
            "region": "eu",
            "base_url": base_url,
            "client_id": "env:CONTOSO_ID",
            "client_secret": "env:CONTOSO_SECRET",
        },
        "feeds": ["malware_customer"],
        "destinations": [{"workspace_id": "00000000-0000-0000-0000-00000000000a", "auth": "managed_identity"}],
    }
    return yaml.safe_dump({"tenants": [tenant]})


async def test_a_run_until_idle_publishes_the_whole_feed_and_covers_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CONTOSO_ID", "CONTOSO_SECRET"):
        monkeypatch.setenv(name, SECRETS[name])
    started = datetime.now(UTC)
    feed = Feed(CUSTOMER, spec := FeedSpec(detections=50, page_size=20), generate(spec, started))
    file = tmp_path / "tenants.yaml"
    async with (
        MimecastSimulator([CONTOSO], {CUSTOMER: feed}, MimecastSettings()) as mimecast,
        running_namespace(tmp_path / "bus") as namespace,
        connected(namespace) as bus,
    ):
        file.write_text(tenants(mimecast.base_url))
        settings = FetcherSettings.from_environment(
            servicebus_connection_string=namespace.connection_string,
            store=f"sqlite:{tmp_path / 'fetcher.db'}",
            tenants_file=file,
            allow_loopback=True,
            until_idle=True,
            run_started=started,
        )
        stop = asyncio.Event()
        worker = asyncio.create_task(run(settings, stop))
        detections = 0
        try:
            async with bus.receiver(RAW_PAGES) as receiver:
                while detections < 50:
                    for message in await receiver.receive_messages(max_message_count=10, max_wait_time=PATIENCE):
                        detections += decode(from_sdk(message), PageChunk)[1].detections
                        await receiver.complete_message(message)

            async def no_job_is_left() -> bool:
                found = await counts(namespace, "fetch-jobs")
                return not (found["active"] or found["locked"])

            await until(no_job_is_left)
        finally:
            stop.set()
            await in_time(worker)
    assert detections == 50
    store = SqliteStore(tmp_path / "fetcher.db")
    try:
        found = await checkpoints_in(store.container("checkpoints")).load(CUSTOMER, SourceCheckpoint())
    finally:
        await store.close()
    assert found.value.covered_until is not None
    assert found.value.covered_until >= started


def test_a_process_without_settings_says_what_is_missing_and_ends_with_status_2() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MTI_")}
    ended = subprocess.run(
        [sys.executable, "-m", "mti.fetcher"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 2
    assert "MTI_TENANTS_FILE: is not set" in ended.stderr
    assert "Traceback" not in ended.stderr
