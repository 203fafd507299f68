"""Two publishers as processes; one is stopped (SIGSTOP, as a paused machine would be) while it holds a session."""

import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mti.common.contracts import Indicator, IndicatorBatch, indicators_message
from mti.common.ports.clock import SystemClock
from mti.normalizer.observables import Observable, indicator_id
from mti.operations.revoking import RevokeObservable
from mti.operations.stores import Stores
from mti.publisher.records.versions import PublishedVersions
from mti.simulators.sentinel import SentinelFault, SentinelFaultKind
from tests.publisher.real import place
from tests.publisher.world import CONTOSO, CUSTOMER, hash_of, indicator
from tests.support.bus import INDICATORS
from tests.support.waiting import until

A = Observable("file:hashes.'SHA-256'", hash_of("a"))


def seen(moment: datetime) -> Indicator:
    """Return the indicator of a file that was seen at a moment."""
    times = {"modified": moment, "valid_until": moment + timedelta(days=30)}
    return indicator("a").model_copy(update={"id": indicator_id(A), **times})


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
    async with place(tmp_path) as there:
        sentinel, workspace, store = there.sentinel, there.workspace, there.store
        sender, clock = there.bus.sender(INDICATORS), SystemClock()
        now = datetime.now(UTC).replace(microsecond=0)

        async def send(moment: datetime) -> None:
            batch = IndicatorBatch(source=CUSTOMER, objects=[seen(moment)])
            await sender.send([indicators_message(CONTOSO, batch)])

        def malicious() -> set[str]:
            return {observable.value for observable in workspace.observables()}

        log = tmp_path / "stopped.log"
        async with there.publisher("stopped") as stopped:
            await send(now - timedelta(hours=2))
            await until(lambda: malicious() == {hash_of("a")})
            sentinel.faults.add(SentinelFault(kind=kind, seconds=20, name="stop"))
            await send(now - timedelta(hours=1))
            await until(lambda: sentinel.faults.struck["stop"] == 1)
            os.kill(stopped, signal.SIGSTOP)
            stores = Stores(there.normalizer, there.normalizer, store)
            await RevokeObservable(there.registry, stores, sender, clock).run(A, "a false alarm")
            async with there.publisher("other"):
                await until(lambda: workspace.counts["accepted_objects"] >= accepted)
                os.kill(stopped, signal.SIGCONT)
                versions = PublishedVersions(store.container("published"), clock)

                async def both_say_so() -> bool:
                    [known] = (await versions.look_up(CONTOSO, [indicator_id(A)])).values()
                    return known.revoked and not known.unsure and malicious() == set()

                await until(lambda: said in log.read_text())
                await until(both_say_so)
        assert await there.closes()
