"""What the fetcher tells of its work: calls in the name of a tenant, jobs with traces of their own, counts, pauses."""

from pathlib import Path

from mti.common.contracts.envelope import TRACEPARENT
from mti.simulators import MimecastFault, MimecastFaultKind
from tests.fetcher.world import CUSTOMER, GRID, world
from tests.support.recorded import attributes_of, recorded, series

GET_FEED = "POST /api/ttp/threat-intel/get-feed"


async def test_a_call_says_for_whom_and_by_whose_account_and_nothing_secret(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        with recorded() as seen:
            await there.fetch(GRID)
        secrets = [value for value in there.environ.values() if len(value) >= 8]
    (call, *_) = [span for span in seen.spans if span.name == GET_FEED]
    found = attributes_of(call)
    assert (found["mti.tenant"], found["mti.source"], found["http.response.status_code"]) == ("contoso", GRID, 200)
    assert [span.name for span in seen.spans if "token" in span.name] == ["POST /oauth/token"]
    everything = "".join(span.to_json() for span in seen.spans)
    assert "Bearer" not in everything
    assert not [secret for secret in secrets if secret in everything]


async def test_detections_are_counted_once_they_are_confirmed(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        with recorded() as seen:
            await there.fetch(CUSTOMER)
        assert seen.points("mti.detections.fetched") == {series(mti_tenant="contoso"): there.truth(CUSTOMER)}


async def test_the_job_of_each_page_begins_a_trace(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await there.schedule().run_once()
        traces = {str(found.properties[TRACEPARENT]).split("-")[1] for found in there.queue.waiting}
        assert len(traces) == len(there.queue.waiting) == 3
        await there.step()
        traces |= {str(found.properties[TRACEPARENT]).split("-")[1] for found in there.queue.waiting}
    assert len(traces) == 4


async def test_a_pause_is_shown_until_the_source_is_fetched_again(tmp_path: Path) -> None:
    fault = MimecastFault(kind=MimecastFaultKind.STATUS, status=403, feed=CUSTOMER)
    async with world(tmp_path, fault) as there:
        with recorded(there.clock) as seen:
            await there.fetch(CUSTOMER)
            paused = series(mti_kind="source", mti_tenant="contoso", mti_reason="PermissionMissing")
            assert seen.points("mti.pauses") == {paused: 1}
            there.clock.turn(hours=1)
            await there.fetch(CUSTOMER)
            assert seen.points("mti.pauses") in ({}, {paused: 0})
