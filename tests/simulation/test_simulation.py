"""The simulation in small: the real services are fair in it, and it notices when something is not."""

import json
from dataclasses import replace

import pytest

from mti.simulation import Comparison, Noise, Parameters, RunResult, compared, simulate
from mti.simulation.parameters import Costs
from tests.support.cli import mti, mti_here

pytestmark = pytest.mark.xdist_group("fairness")

SMALL = Parameters(
    tenants=60, minutes=20, seed=7, noise=Noise(backlog=8_000, dead=12, hanging=2, throttled=8), jobs=4, sessions=8
)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compared(SMALL)


def test_quiet_tenants_do_not_notice_a_backlog_a_dead_region_hanging_accounts_and_throttled_workspaces(
    comparison: Comparison,
) -> None:
    assert comparison.faults == []
    assert comparison.alone.missing == comparison.beside.missing == 0
    assert len(comparison.alone.arrivals) == len(comparison.beside.arrivals) > 30


def test_the_noise_is_really_there(comparison: Comparison) -> None:
    assert comparison.beside.backlog_fetched >= 8_000
    assert comparison.beside.throttled > 0
    assert comparison.alone.throttled == comparison.alone.backlog_fetched == 0
    assert comparison.beside.tenants - comparison.alone.tenants == 1 + 12 + 2 + 8


def test_nothing_is_dead_lettered(comparison: Comparison) -> None:
    runs = (comparison.alone, comparison.beside)
    assert {name: depth.dead for run in runs for name, depth in run.depths.items()} == {
        "fetch-jobs": 0,
        "raw-pages": 0,
        "indicators": 0,
    }


def test_a_normalizer_that_can_not_keep_up_holds_the_backlog_back_and_not_the_others() -> None:
    slow = replace(
        SMALL,
        minutes=15,
        onset=1,
        noise=Noise(backlog=12_000, dead=0, hanging=0, throttled=0),
        costs=Costs(normalizer_kilobyte=0.05),
    )
    alone, run = (simulate(slow, noisy=noisy) for noisy in (False, True))
    assert run.delay.p50 < alone.delay.p50 + 15
    assert run.delay.p95 < alone.delay.p95 + 15
    assert run.depths["raw-pages"].peak < 40
    assert run.backlog_fetched > 5_000


def test_the_same_seed_gives_the_same_run() -> None:
    short = replace(SMALL, minutes=15, onset=1, noise=Noise(backlog=0, dead=3, hanging=1, throttled=2))
    assert simulate(short, noisy=True) == simulate(short, noisy=True)


def test_the_verdict_names_what_is_unfair(comparison: Comparison) -> None:
    late = [replace(arrival, freshness=900.0, delay=600.0, accepted=False) for arrival in comparison.beside.arrivals]
    unfair = Comparison(comparison.alone, replace(comparison.beside, arrivals=late))
    assert not unfair.fair
    assert [fault.split(" of quiet")[0] for fault in unfair.faults] == [
        "the p95 of the freshness",
        "the p95 of the delay",
        f"{len(late)} detections",
    ]


def test_the_document_says_both_runs_and_the_verdict(comparison: Comparison) -> None:
    document = json.loads(json.dumps(comparison.document()))
    assert document["fair"] is True
    assert document["with_noise"]["measured"] == len(comparison.beside.arrivals)
    assert document["without_noise"]["delay_seconds"]["p95"] == comparison.alone.delay.p95
    assert isinstance(comparison.alone, RunResult)


async def test_the_command_prints_one_document_and_its_verdict_as_the_status() -> None:
    said = await mti(
        "simulate", "--tenants", "20", "--minutes", "19", "--backlog", "3000", "--dead", "2", "--hanging", "1",
        "--throttled", "2", "--json",
    )  # fmt: skip
    assert said.status == 0, said.err
    assert said.document["fair"] is True


@pytest.mark.parametrize(
    ("arguments", "word"), [(["--tenants", "50"], "none is quiet"), (["--minutes", "10"], "nothing to be measured")]
)
def test_what_can_not_be_simulated_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], word: str
) -> None:
    said = mti_here(capsys, "simulate", *arguments)
    assert said.status == 2
    assert word in " ".join(said.err.split())
