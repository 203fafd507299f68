"""What the replaced connector did wrong when it sent its indicators on, and can't happen here."""

from pathlib import Path

import httpx
import pytest

from mti.publisher.sentinel.client import TIMEOUT
from mti.simulators.sentinel import SentinelFault, SentinelFaultKind
from tests.publisher.world import CONTOSO, completed, hash_of, indicator, message, messages_of, reasons, world
from tests.support.waiting import PATIENCE

NAMES = [f"file-{number}" for number in range(500)]


def test_defect_07_every_post_has_a_time_limit() -> None:
    assert httpx.Timeout(connect=10, read=30, write=30, pool=30) == TIMEOUT


async def test_defect_07_a_post_that_hangs_is_given_up_and_sent_again(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        there.faults(SentinelFault(kind=SentinelFaultKind.HANG, seconds=600, times=2))
        there.timeout = httpx.Timeout(PATIENCE, read=2)
        assert completed(await there.publisher()([message(indicator("a"))]))
        assert there.holds() == {hash_of("a")}
        assert there.count("requests") == 3


@pytest.mark.parametrize("kind", [SentinelFaultKind.STATUS, SentinelFaultKind.RATE_LIMITED, SentinelFaultKind.DROPPED])
async def test_defect_07_a_post_that_fails_is_sent_again(tmp_path: Path, kind: SentinelFaultKind) -> None:
    async with world(tmp_path) as there:
        there.faults(SentinelFault(kind=kind, status=500, nth=3, times=7))
        assert completed(await there.publisher()(messages_of(NAMES, 100)))
        assert there.holds() == {hash_of(name) for name in NAMES}


async def test_defect_07_a_partial_answer_is_no_success_for_what_it_refuses(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        there.faults(SentinelFault(kind=SentinelFaultKind.REFUSE_RECORD, holds=indicator("b").id, times=None))
        outcomes = await there.publisher()([message(indicator("a")), message(indicator("b"))])
        assert reasons(outcomes) == ["Complete", "ObjectRefused"]
        assert there.holds() == {hash_of("a")}
        assert (await there.checkpoint()).counts.accepted == 1


async def test_defect_08_a_failure_at_one_request_resends_none_of_those_before_it(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        there.faults(SentinelFault(kind=SentinelFaultKind.STATUS, status=403, nth=4, times=1))
        backlog = messages_of(NAMES, 100)
        # The fourth and the fifth are under way at once, and either may be the one that is refused.
        found = reasons(await there.publisher()(backlog))
        assert found[:3] == ["Complete"] * 3
        assert sorted(found[3:]) == ["Complete", "Park"]
        there.clock.turn(minutes=1)
        assert completed(await there.publisher()(backlog))
        assert there.count("identical_resends") == 0
        assert len(there.sentinel.workspaces[CONTOSO].state) == 500
        assert there.count("requests") == 6
