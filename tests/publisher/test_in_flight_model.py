"""Whatever Sentinel answers, in whatever order: each workspace ends with what a few lines of plain Python say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mti.simulation import virtual_time
from tests.publisher.virtual import ModelSentinel, files, publishing, workspace

pytestmark = pytest.mark.timeout(600)

FILES = 420
"""Enough for several requests at once."""
SILENT = "silent"
ANSWERS: Sequence[tuple[int, dict[str, str], str] | str] = (
    (429, {"Retry-After": "3"}, ""),
    (429, {"Retry-After": "70"}, ""),
    (429, {}, "Try again in 8 seconds."),
    (500, {}, ""),
    (503, {"Retry-After": "4"}, ""),
    (200, {}, "<html>"),
    (401, {}, ""),
    (413, {}, ""),
    SILENT,
)


@dataclass(frozen=True)
class Step:
    """Some of the files are seen, at an hour, and so many seconds pass."""

    start: int
    count: int
    hours: int
    size: int
    seconds: float


STEPS = st.builds(
    Step,
    start=st.integers(0, FILES - 1),
    count=st.integers(1, FILES),
    hours=st.integers(0, 5),
    size=st.sampled_from([9, 60, 100]),
    seconds=st.sampled_from([0.0, 0.3, 2.0, 15.0]),
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(STEPS, min_size=2, max_size=6),
    latencies=st.lists(st.sampled_from([0.01, 0.4, 1.0, 6.0, 20.0]), min_size=1, max_size=9),
    troubles=st.dictionaries(st.integers(0, 25), st.sampled_from(ANSWERS), max_size=8),
)
# What was parked last is scheduled and nowhere else when the rest is done.
@example(
    steps=[Step(0, 118, 0, 9, 0.0), Step(39, 296, 0, 9, 0.0), Step(0, 1, 0, 9, 0.0), Step(0, 1, 0, 9, 0.0)],
    latencies=[0.01, 0.01, 20.0, 0.01],
    troubles={7: ANSWERS[1], 5: ANSWERS[0], 20: ANSWERS[0], 2: ANSWERS[0]},
)
def test_every_workspace_ends_with_the_newest_version_of_all_it_was_sent(
    steps: list[Step],
    latencies: list[float],
    troubles: dict[int, tuple[int, dict[str, str], str] | str],
) -> None:
    asked = 0

    def latency(_: str) -> float:
        return latencies[asked % len(latencies)]

    def refuse(_: str) -> httpx.Response | None:
        nonlocal asked
        asked += 1
        trouble = troubles.get(asked)
        if trouble is None:
            return None
        if isinstance(trouble, str):
            raise httpx.ReadError("the connection broke")
        status, headers, text = trouble
        return httpx.Response(status, headers=headers, text=text)

    sentinel = ModelSentinel(latency=latency, refuse=refuse)
    expected: dict[str, datetime] = {}

    async def run() -> None:
        async with publishing(sentinel, in_flight=6) as publisher:
            for step in steps:
                seen = files(FILES, hours=step.hours)[step.start : step.start + step.count]
                for found in seen:
                    expected[found.id] = max(found.modified, expected.get(found.id, found.modified))
                await publisher.send(0, seen, size=step.size)
                await sentinel.clock.sleep(step.seconds)
            await publisher.drained()
            assert publisher.indicators.dead == []

    virtual_time.run(run())
    held = {id: datetime.fromisoformat(version) for (name, id), version in sentinel.held.items()}
    assert held == expected
    assert (sentinel.twice, sentinel.went_back) == (0, 0)
    assert sentinel.most[workspace(0)] <= 6
