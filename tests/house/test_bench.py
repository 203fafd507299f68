"""What `make bench` does with its figures: a claim that does not hold, or was not measured, is said."""

import gc
import json
from pathlib import Path

import pytest

from tests.bench import results
from tests.bench.bench_scaling import Pace, pace_of
from tests.bench.claims import Claim, failures, read, write
from tests.bench.floor import as_in_a_service
from tests.bench.normalizer_process import Moment
from tests.bench.results import Result, report

pytestmark = pytest.mark.pure
PAGE = """
| name in `build/bench.json` | claim | what it is |
|---|---|---|
| `slow_vs_fast` | ≤ 2.5 | the slow way against the fast one |
| `share` | ≥ 0.95 | of a budget |
"""
CLAIMS = (Claim("slow_vs_fast", "≤", 2.5), Claim("share", "≥", 0.95))


def test_the_rows_of_the_table_are_claims() -> None:
    assert tuple(read(PAGE)) == CLAIMS


def test_claims_are_held_against_the_median() -> None:
    found = {"slow_vs_fast": Result((1.0, 2.5, 9.0)), "share": Result((0.0, 0.95, 1.0))}
    assert not list(failures(CLAIMS, found, all_ran=True))


def test_a_claim_that_does_not_hold_is_said_with_its_figure() -> None:
    found = {"slow_vs_fast": Result((1.0, 2.6, 9.0)), "share": Result((0.9,))}
    assert list(failures(CLAIMS, found, all_ran=True)) == [
        "slow_vs_fast is 2.6, claimed is ≤ 2.5",
        "share is 0.9, claimed is ≥ 0.95",
    ]


def test_a_claim_that_nothing_measured_fails_when_every_benchmark_ran() -> None:
    assert list(failures(CLAIMS, {"share": Result((1.0,))}, all_ran=True)) == ["slow_vs_fast was not measured"]
    assert not list(failures(CLAIMS, {"share": Result((1.0,))}, all_ran=False))


def test_the_page_claims_something_of_each_name_once() -> None:
    names = [claim.name for claim in read((Path(__file__).parents[2] / "docs" / "performance.md").read_text())]
    assert names
    assert len(names) == len(set(names))


def test_the_file_has_the_median_by_name_and_the_runs_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "build" / "bench.json", {"share": Result((0.9, 0.8, 1.0), {"seconds": 3.0})}, quick=True)
    found = json.loads((tmp_path / "build" / "bench.json").read_text())
    assert found["share"] == 0.9
    assert found["quick"] is True
    assert found["details"]["share"] == {"median": 0.9, "runs": [0.9, 0.8, 1.0], "raw": {"seconds": 3.0}}


def test_processes_share_out_what_a_chunk_takes_but_for_the_stores_transactions() -> None:
    one = Pace(processes=1, wall=0.012, processor=0.010, held=0.002, namespace=0.001)
    two = Pace(processes=2, wall=0.007, processor=0.012, held=0.002, namespace=0.001)
    assert one.on(3) == pytest.approx(0.010)
    assert two.on(3) == pytest.approx(0.002 + 0.005)
    assert two.on(2) == pytest.approx(0.007), "the two cores are enough for the namespace"
    busy = Pace(processes=4, wall=0.007, processor=0.012, held=0.002, namespace=0.006)
    assert (busy.on(5), busy.on(2)) == pytest.approx((0.006, 0.009))


def test_a_chunk_counts_once_every_process_is_at_work_and_a_part_of_the_backlog_is_gone() -> None:
    early = [Moment(at=at, processor=at / 2, held=at / 10) for at in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)]
    late = [Moment(at=at, processor=at / 4, held=0.0) for at in (4.0, 6.0)]
    found = pace_of([early, late], 0.5)
    assert (found.processes, found.namespace) == (2, 0.5)
    assert found.wall == pytest.approx(2 / 3), "from 4 to 6: two chunks of the one, and one of the other"
    assert found.processor == pytest.approx((1.0 + 0.5) / 3)
    assert found.held == pytest.approx(0.2 / 3)


def test_a_name_is_reported_once_and_with_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "RESULTS", {})
    report("share", [1.0], seconds=2.0)
    with pytest.raises(ValueError, match="two benchmarks report share"):
        report("share", [1.0])
    with pytest.raises(ValueError, match="without a run"):
        report("other", [])


def test_what_is_measured_as_in_a_service_collects_garbage_as_seldom_and_the_floor_does_not() -> None:
    found = gc.get_threshold()
    usual = (700, 10, 10)  # Python's own; a test that ran a service in this process has set another.
    try:
        gc.set_threshold(*usual)
        with as_in_a_service():
            assert gc.get_threshold()[0] > 10 * usual[0]
        assert gc.get_threshold() == usual
    finally:
        gc.set_threshold(*found)
