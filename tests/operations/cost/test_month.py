"""A month by hand, and the constants of the templates and of the code that it is computed with."""

import re
from datetime import timedelta
from inspect import signature
from math import exp
from pathlib import Path

import pytest

from mti.common.hosting.queue_consumer import QueueConsumer
from mti.common.hosting.session_consumer import ACCEPTING, SessionConsumer
from mti.common.registry.file import Defaults
from mti.common.settings import TenantsSettings
from mti.fetcher.configuration import FetcherSettings
from mti.normalizer.configuration import NormalizerSettings
from mti.operations.cost import quantities as constants
from mti.operations.cost.assumptions import DAYS, SECONDS, Assumptions, Bus, Capacity, Hosting
from mti.operations.cost.measured import Measured, Step
from mti.operations.cost.month import CORES, GIB, billed_throughput, month
from mti.operations.cost.moving import moving
from mti.operations.cost.prices import list_prices
from mti.operations.cost.quantities import quantities

BICEP = Path(__file__).parents[3] / "infra" / "bicep"
NOTHING = Measured(**dict.fromkeys(Measured.model_fields, Step()))


def of(**steps: Step) -> Measured:
    return NOTHING.model_copy(update=steps)


def test_fetches_are_as_many_as_the_interval_says() -> None:
    found = quantities(Assumptions(tenants=1000, interval=5), NOTHING)
    assert found.jobs == pytest.approx(1000 * 12 * 730)


def test_a_detection_is_fetched_as_often_as_windows_overlap() -> None:
    found = quantities(Assumptions(tenants=10, detections=100, interval=5, overlap=15), NOTHING)
    assert found.detections == pytest.approx(4 * 10 * 100 * DAYS)


def test_few_detections_spread_over_as_many_chunks_as_may_be_and_many_fill_them() -> None:
    few = quantities(Assumptions(tenants=1, detections=288, repeats=0, interval=5, overlap=0), NOTHING)
    assert few.chunks == pytest.approx(few.jobs * (1 - exp(-1)))
    assert few.messages == pytest.approx(few.chunks)
    many = quantities(Assumptions(tenants=1, detections=288 * 4000, repeats=0, interval=5, overlap=0), NOTHING)
    assert many.chunks == pytest.approx(many.jobs * 10)
    assert many.messages == pytest.approx(many.jobs * 40)


def test_sentinel_bills_what_is_uploaded_and_what_stays_active() -> None:
    assumed = Assumptions(tenants=2, detections=100, repeats=0.5, validity=34, republished=8.5, row=1.0)
    found = quantities(assumed, NOTHING)
    assert found.uploads == pytest.approx(2 * 50 * DAYS)
    assert found.republished == pytest.approx(2 * 50 * 34 * DAYS / 8.5)
    assert found.sentinel_gb == pytest.approx((found.uploads + found.republished) * 1024 / 1e9)
    assert month(assumed, NOTHING, list_prices()).sentinel == pytest.approx(4.30 * found.sentinel_gb)


def test_request_units_are_those_of_the_steps_as_often_as_they_are_taken() -> None:
    one = Step(request_units=1)
    assumed = Assumptions(
        tenants=10, detections=144, repeats=0.5, interval=10, overlap=10, tenants_seconds=60, replicas=2
    )
    runs, jobs = SECONDS / 60, 10 * 6 * 730
    expected = {
        "registry_read": 3 * 2 * runs,
        "registry_whole": 3 * 2 * SECONDS / 300,
        "registry_tenant": 3 * 2 * SECONDS / 300 * 10,
        "schedule": runs,
        "schedule_source": runs * 10,
        "job": jobs,
        "chunk_fetched": jobs * (1 - exp(-2)),
        "chunk": jobs * (1 - exp(-2)),
        "offset": 10 * 2 * 730,
        "detection_new": 10 * 72 * DAYS,
        "detection_known": 10 * 72 * DAYS,
        "detection_remembered": 10 * 144 * DAYS,
        "message": jobs * (1 - exp(-0.5)),
        "batch": jobs * (1 - exp(-0.5)),
        "object_new": 10 * 72 * DAYS,
    }
    for name in Measured.model_fields:
        found = quantities(assumed, of(**{name: one})).request_units
        assert found == pytest.approx(expected.get(name, 0.0)), name


def test_functions_are_billed_a_second_an_execution() -> None:
    assumed = Assumptions(tenants=100, hosting=Hosting.FUNCTIONS, detections=0, memory=2)
    found = month(assumed, NOTHING, list_prices())
    executions = 43_800 + 100 * 8760
    costs = {line.what: line.cost for line in found.lines}
    assert found.quantities.executions == executions
    assert costs["functions, time"] == pytest.approx((executions * 2 - 100_000) * 0.000026)
    assert costs["functions, executions"] == pytest.approx((executions / 1e6 - 0.25) * 0.40)


def test_container_apps_are_billed_for_their_replicas() -> None:
    found = month(Assumptions(replicas=2, busy=0.5), NOTHING, list_prices())
    costs = {line.what: line.cost for line in found.lines}
    cores = 2 * 1.25 * SECONDS
    assert costs["container apps, cores"] == pytest.approx((cores / 2 - 180_000) * 0.000024 + cores / 2 * 0.000003)
    assert costs["container apps, memory"] == pytest.approx((2 * 2.5 * SECONDS - 360_000) * 0.000003)


def test_premium_costs_a_messaging_unit_and_no_operations() -> None:
    found = month(Assumptions(bus=Bus.PREMIUM), NOTHING, list_prices())
    [line] = [line for line in found.lines if line.what == "bus"]
    assert line.cost == pytest.approx(0.928 * 730)


def test_standard_costs_its_base_and_what_receivers_ask_for_in_vain() -> None:
    found = month(Assumptions(), NOTHING, list_prices())
    [line] = [line for line in found.lines if line.what == "bus"]
    assert line.quantity == pytest.approx(SECONDS * (20 + 4 / 30))
    assert line.cost == pytest.approx(10 + (line.quantity / 1e6 - 13) * 0.80)


def test_receives_that_bring_nothing_may_be_left_out() -> None:
    assert quantities(Assumptions(empty_receives=False), NOTHING).bus_operations == 0
    found = quantities(Assumptions(hosting=Hosting.FUNCTIONS), NOTHING)
    assert found.bus_operations == pytest.approx(3 * SECONDS / 60)


def test_autoscale_is_billed_for_a_tenth_at_least_and_for_its_peaks() -> None:
    assumed = Assumptions(store=Capacity.AUTOSCALE, peak=3)
    assert billed_throughput(0, assumed) == 400
    assert billed_throughput(SECONDS * 1000, assumed) == 3000
    found = month(assumed, NOTHING, list_prices())
    [line] = [line for line in found.lines if line.what == "store, requests"]
    busy = of(registry_read=Step(request_units=10_000))
    assert line.cost == pytest.approx(0.012 * 4 * 730)
    assert month(assumed, busy, list_prices()).total > found.total


def test_logs_beyond_five_gigabytes_cost() -> None:
    steps = of(job=Step(log_bytes=1000))
    found = month(Assumptions(tenants=1000), steps, list_prices())
    [line] = [line for line in found.lines if line.what == "logs"]
    assert line.cost == pytest.approx((8.76 - 5) * 2.30)


def test_all_of_it_is_the_sum_of_the_lines_and_the_tenants_share_it() -> None:
    found = month(Assumptions(tenants=40), NOTHING, list_prices())
    assert found.total == pytest.approx(sum(line.cost for line in found.lines))
    assert found.a_tenant == pytest.approx(found.total / 40)
    assert found.document()["total"] == found.total


def test_moving_an_indicator_by_hand() -> None:
    steps = of(
        detection_new=Step(request_units=6, writes=1),
        detection_known=Step(request_units=1),
        object_new=Step(request_units=4, writes=1),
        chunk=Step(request_units=40, reads=4),
        message=Step(bus_operations=3),
    )
    found = moving(steps, list_prices(), sightings=3)
    assert found.request_units == pytest.approx(6 + 2 * 1 + 4 + 3 * 0.1)
    assert found.operations == pytest.approx(2 + 3 * 0.01 + 0.03)
    assert found.cost == pytest.approx((found.request_units * 0.25 + 0.03 * 0.80) / 1e6)
    assert found.sentinel == pytest.approx(4.30 * 1536 / 1e9)
    assert found.operations_vs_naive == pytest.approx(20 / found.operations)
    assert found.on_autoscale == pytest.approx((found.request_units * 3 * 0.012 / 100 / 3600 * 1e6 + 0.03 * 0.80) / 1e6)
    assert found.cost_vs_life == pytest.approx(found.cost_vs_sentinel / (1 + 30 / 8.5))


def test_the_replicas_are_those_of_the_template() -> None:
    text = (BICEP / "modules" / "containerApps.bicep").read_text()
    sizes = re.findall(r"^  (\w+): \{ cpu: json\('([\d.]+)'\), memory: '([\d.]+)Gi' \}", text, re.MULTILINE)
    assert {name: float(cpu) for name, cpu, _ in sizes} == CORES
    assert {name: float(memory) for name, _, memory in sizes} == GIB


def test_the_defaults_are_those_of_the_template_and_of_the_code() -> None:
    template, assumed = (BICEP / "main.bicep").read_text(), Assumptions()
    assert f"param functionMemory int = {assumed.memory * 1024:.0f}" in template
    assert f"param cosmosMaxThroughput int = {assumed.max_throughput}" in template
    assert f"param cosmosCapacity string = '{assumed.store.value}'" in template
    defaults = Defaults()
    assert timedelta(minutes=assumed.interval) == defaults.poll_interval
    assert timedelta(minutes=assumed.overlap) == defaults.overlap
    assert assumed.tenants_seconds == TenantsSettings.model_fields["tenants_seconds"].default
    receivers = (FetcherSettings, "fetcher_concurrency"), (NormalizerSettings, "normalizer_concurrency")
    assert sum(settings.model_fields[name].default for settings, name in receivers) == constants.RECEIVERS
    assert signature(QueueConsumer).parameters["wait"].default == constants.RECEIVE_SECONDS
    assert signature(SessionConsumer).parameters["session_wait"].default == constants.ACCEPT_SECONDS
    assert constants.ACCEPTING == ACCEPTING
