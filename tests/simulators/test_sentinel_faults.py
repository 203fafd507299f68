"""The simulated Sentinel, told to misbehave."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from mti.simulators.sentinel import SentinelFault, SentinelSimulator, WorkspaceSpec
from tests.simulators.clients import HeldClock, access, indicator, sha256, token_form, upload
from tests.simulators.world import APP, DIRECTORY, WORKSPACE


@asynccontextmanager
async def broken(clock: HeldClock, *faults: dict[str, object]) -> AsyncIterator[SentinelSimulator]:
    rules = [SentinelFault.model_validate(fault) for fault in faults]
    async with SentinelSimulator([WorkspaceSpec(id=WORKSPACE)], [APP], faults=rules, now=clock) as sim:
        yield sim


async def statuses(http: httpx.AsyncClient, sim: SentinelSimulator, calls: int, objects: int = 1) -> list[int]:
    headers = await access(http, sim.base_url, APP)
    batch = [indicator(number) for number in range(objects)]
    return [(await upload(http, sim.base_url, WORKSPACE, headers, batch)).status_code for _ in range(calls)]


async def test_500s_come_in_a_row(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with broken(clock, {"kind": "status", "nth": 2, "times": 7}) as sim:
        assert await statuses(http, sim, 9) == [200, *[500] * 7, 200]
    assert sim.workspaces[WORKSPACE].counts["accepted_objects"] == 2


async def test_429_says_the_delay_in_text_header_both_or_nowhere(clock: HeldClock, http: httpx.AsyncClient) -> None:
    ways = ("text", "header", "both", "nowhere")
    rules = [{"kind": "rate_limited", "told": told, "seconds": 3} for told in ways]
    async with broken(clock, *rules) as sim:
        headers = await access(http, sim.base_url, APP)
        answers = [await upload(http, sim.base_url, WORKSPACE, headers, [indicator(1)]) for _ in ways]
    assert [answer.status_code for answer in answers] == [429] * 4
    assert ["in 3 seconds" in answer.json()["message"] for answer in answers] == [True, False, True, False]
    assert [answer.headers.get("Retry-After") for answer in answers] == [None, "3", "3", None]


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("kind", ["dropped", "hang"])
async def test_a_lost_answer_hides_whether_the_objects_were_taken(
    clock: HeldClock, http: httpx.AsyncClient, kind: str, accepted: bool
) -> None:
    async with broken(clock, {"kind": kind, "accepted": accepted, "seconds": 0.05}) as sim:
        headers = await access(http, sim.base_url, APP)
        with pytest.raises(httpx.TransportError):
            await upload(http, sim.base_url, WORKSPACE, headers, [indicator(1)])
        workspace = sim.workspaces[WORKSPACE]
        assert workspace.counts["accepted_objects"] == int(accepted)
        assert (await upload(http, sim.base_url, WORKSPACE, headers, [indicator(1)])).status_code == 200
    assert workspace.counts["identical_resends"] == int(accepted)
    assert workspace.statuses == {0: 1, 200: 1}


async def test_chosen_objects_are_refused_and_the_others_taken(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with broken(
        clock,
        {"kind": "refuse_record", "holds": sha256(1).upper(), "times": None},
        {"kind": "refuse_record", "holds": indicator(3)["id"]},
    ) as sim:
        headers = await access(http, sim.base_url, APP)
        batch = [indicator(number) for number in range(5)]
        answers = [await upload(http, sim.base_url, WORKSPACE, headers, batch) for _ in range(2)]
    refused = [[error["recordIndex"] for error in answer.json()["errors"]] for answer in answers]
    assert refused == [[1, 3], [1]]
    assert sim.workspaces[WORKSPACE].counts["accepted_objects"] == 7


async def test_requests_fail_by_what_they_hold(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with broken(
        clock,
        {"kind": "status", "status": 400, "holds": sha256(7), "times": None},
        {"kind": "status", "status": 400, "over_objects": 50, "times": None},
        {"kind": "status", "status": 413, "over_bytes": 10_000, "times": None},
    ) as sim:
        found = [(await statuses(http, sim, 1, objects))[0] for objects in (1, 7, 8, 51)]
        headers = await access(http, sim.base_url, APP)
        wide = await upload(http, sim.base_url, WORKSPACE, headers, [indicator(1, description="x" * 10_000)])
    assert found == [200, 200, 400, 400]
    assert wide.status_code == 413


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refusal_lasts_until_it_is_taken_back(clock: HeldClock, http: httpx.AsyncClient, status: int) -> None:
    rule = {"name": "no", "kind": "status", "status": status, "workspace": WORKSPACE.upper(), "times": None}
    async with broken(clock, rule) as sim:
        assert await statuses(http, sim, 3) == [status] * 3
        await http.delete(f"{sim.base_url}/_sim/faults/no")
        assert await statuses(http, sim, 1) == [200]


async def test_an_html_page_and_a_slow_answer(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with broken(clock, {"kind": "html", "status": 502}, {"kind": "slow", "seconds": 0.01}) as sim:
        assert await statuses(http, sim, 2) == [502, 200]


async def test_the_token_endpoint_fails_too(clock: HeldClock, http: httpx.AsyncClient) -> None:
    kinds = ("status", "rate_limited", "slow", "dropped", "hang")
    rules = [{"kind": kind, "endpoint": "token", "seconds": 0.01} for kind in kinds]
    async with broken(clock, *rules) as sim:
        url = f"{sim.base_url}/{DIRECTORY}/oauth2/v2.0/token"
        found = [(await http.post(url, data=token_form(APP))).status_code for _ in range(3)]
        for _ in range(2):
            with pytest.raises(httpx.TransportError):
                await http.post(url, data=token_form(APP))
    assert found == [500, 429, 200]
