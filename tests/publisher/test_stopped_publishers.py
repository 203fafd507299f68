"""Two publishers as processes; one is stopped (SIGSTOP, as a paused machine would be) while it holds a session."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from mti.common.adapters.sqlite import SqliteStore
from mti.common.contracts import Indicator, IndicatorBatch, indicators_message
from mti.common.ports.clock import SystemClock
from mti.common.registry import load_registry
from mti.normalizer.observables import Observable, indicator_id
from mti.operations.destinations import DestinationAudit
from mti.operations.revoking import RevokeObservable
from mti.operations.stores import Stores
from mti.publisher.records.versions import PublishedVersions
from mti.simulators.sentinel import App, SentinelFault, SentinelFaultKind, SentinelSimulator, WorkspaceSpec
from tests.publisher.world import APP_ID, CONTOSO, CUSTOMER, DIRECTORY, SECRET, hash_of, indicator
from tests.support.bus import INDICATORS, connected, running_namespace
from tests.support.processes import start_python
from tests.support.waiting import in_time, until

LOCK = 8
"""Seconds that the subscription locks a session for."""
A = Observable("file:hashes.'SHA-256'", hash_of("a"))


def seen(moment: datetime) -> Indicator:
    """Return the indicator of a file that was seen at a moment."""
    times = {"modified": moment, "valid_until": moment + timedelta(days=30)}
    return indicator("a").model_copy(update={"id": indicator_id(A), **times})


def tenants(url: str) -> dict[str, Any]:
    to = {
        "workspace_id": CONTOSO,
        "endpoint": url,
        "authority": url,
        "azure_tenant_id": DIRECTORY,
        "auth": "client_secret",
        "client_id": APP_ID,
        "client_secret": "env:APP_SECRET",
    }
    account = {"api": "2.0", "region": "eu", "client_id": "env:ID", "client_secret": "env:SECRET"}
    tenant = {"id": "contoso", "mimecast": account, "feeds": ["malware_customer"], "destinations": [to]}
    return {"tenants": [tenant]}


@asynccontextmanager
async def publisher(environment: dict[str, str], log: Path) -> AsyncIterator[int]:
    """Run one and yield its process id; it is killed in the end, whether it is stopped or not."""
    with log.open("wb") as file:
        process = await start_python(
            "-m", "tests.publisher.short_locks", str(LOCK), env=environment, stderr=file.fileno()
        )
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGKILL)
        await in_time(process.communicate())


@pytest.mark.parametrize(
    ("kind", "accepted", "said"),
    [
        (SentinelFaultKind.SLOW, 3, "what the books say is sent again"),
        (SentinelFaultKind.RATE_LIMITED, 2, "its session's lock ran out before a request"),
    ],
    ids=["after its request was sent", "while it waits to send it"],
)
async def test_what_is_withdrawn_while_a_publisher_is_stopped_stays_revoked_when_it_goes_on(
    tmp_path: Path, kind: SentinelFaultKind, accepted: int, said: str
) -> None:
    app = App(azure_tenant_id=DIRECTORY, client_id=APP_ID, client_secret=SecretStr(SECRET), workspaces=(CONTOSO,))
    async with (
        SentinelSimulator([WorkspaceSpec(id=CONTOSO)], [app]) as sentinel,
        running_namespace(tmp_path / "bus", publisher={"LockDuration": f"PT{LOCK}S"}) as namespace,
        connected(namespace) as bus,
    ):
        workspace = sentinel.workspaces[CONTOSO]
        file = tmp_path / "tenants.yaml"
        file.write_text(yaml.safe_dump(tenants(sentinel.base_url)))
        environment = {
            **os.environ,
            "MTI_SERVICEBUS_CONNECTION_STRING": namespace.connection_string,
            "MTI_STORE": f"sqlite:{tmp_path / 'publisher.db'}",
            "MTI_TENANTS_FILE": str(file),
            "MTI_ALLOW_LOOPBACK": "true",
            "APP_SECRET": SECRET,
        }
        registry, sender, clock = load_registry(file, allow_loopback=True), bus.sender(INDICATORS), SystemClock()
        store = SqliteStore(tmp_path / "publisher.db")
        normalizer = SqliteStore(tmp_path / "normalizer.db")
        now = datetime.now(UTC).replace(microsecond=0)

        async def send(moment: datetime) -> None:
            batch = IndicatorBatch(source=CUSTOMER, objects=[seen(moment)])
            await sender.send([indicators_message(CONTOSO, batch)])

        def malicious() -> set[str]:
            return {observable.value for observable in workspace.observables()}

        log = tmp_path / "stopped.log"
        async with publisher(environment, log) as stopped:
            await send(now - timedelta(hours=2))
            await until(lambda: malicious() == {hash_of("a")})
            sentinel.faults.add(SentinelFault(kind=kind, seconds=20, name="stop"))
            await send(now - timedelta(hours=1))
            await until(lambda: sentinel.faults.struck["stop"] == 1)
            os.kill(stopped, signal.SIGSTOP)
            stores = Stores(normalizer, normalizer, store)
            await RevokeObservable(registry, stores, sender, clock).run(A, "a false alarm")
            async with publisher(environment, tmp_path / "other.log"):
                await until(lambda: workspace.counts["accepted_objects"] >= accepted)
                os.kill(stopped, signal.SIGCONT)
                versions = PublishedVersions(store.container("published"), clock)

                async def both_say_so() -> bool:
                    [known] = (await versions.look_up(CONTOSO, [indicator_id(A)])).values()
                    return known.revoked and not known.unsure and malicious() == set()

                await until(lambda: said in log.read_text())
                await until(both_say_so)
        audit = DestinationAudit(registry, normalizer, store, clock)
        books, missing = await audit.of(registry.destinations[CONTOSO])
        assert (books.closed, missing) == (True, {})
        await store.close()
        await normalizer.close()
