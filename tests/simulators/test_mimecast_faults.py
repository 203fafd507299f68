"""The simulated Mimecast, told to misbehave."""

import csv
import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import orjson
import pytest

from mti.simulators.feed import Feed, FeedSpec, generate
from mti.simulators.mimecast import MimecastFault, MimecastSettings, MimecastSimulator
from tests.simulators.clients import NEXT, HeldClock, all_pages, bearer, get_feed, members, signed
from tests.simulators.world import CONTOSO, FABRIKAM
from tests.support.waiting import PATIENCE

SPEC = FeedSpec(seed=5, detections=45, distinct=20)


@asynccontextmanager
async def broken(clock: HeldClock, *faults: dict[str, object]) -> AsyncIterator[MimecastSimulator]:
    names = ("contoso/malware_customer", "fabrikam/malware_customer", "grid:eu")
    feeds = {name: Feed(name, SPEC, generate(SPEC, clock())) for name in names}
    rules = [MimecastFault.model_validate(fault) for fault in faults]
    settings = MimecastSettings(page_size=20)
    async with MimecastSimulator([CONTOSO, FABRIKAM], feeds, settings, rules, now=clock) as sim:
        yield sim


async def statuses(
    http: httpx.AsyncClient, sim: MimecastSimulator, headers: dict[str, str], calls: int, **entry: object
) -> list[int]:
    return [(await get_feed(http, sim.base_url, headers, **entry)).status_code for _ in range(calls)]


async def test_a_rule_strikes_its_page_as_often_as_planned(clock: HeldClock, http: httpx.AsyncClient) -> None:
    fault = {"kind": "status", "status": 500, "feed": "contoso/malware_customer", "page": 2, "times": 2}
    async with broken(clock, fault) as sim:
        headers = await bearer(http, sim.base_url, CONTOSO)
        first = await get_feed(http, sim.base_url, headers)
        second = await statuses(http, sim, headers, 3, token=first.headers[NEXT])
        grid = await all_pages(http, sim.base_url, headers, feedType="malware_grid")
    assert first.status_code == 200
    assert second == [500, 500, 200]
    assert {answer.status_code for answer in grid} == {200}
    assert sim.faults.struck == {"fault-1": 2}


async def test_a_rule_waits_for_the_nth_request(clock: HeldClock, http: httpx.AsyncClient) -> None:
    fault = {"kind": "status", "status": 403, "account": "contoso", "nth": 2}
    async with broken(clock, fault) as sim:
        headers = await bearer(http, sim.base_url, CONTOSO)
        assert await statuses(http, sim, headers, 3) == [200, 403, 200]


async def test_random_faults_follow_the_seed(clock: HeldClock, http: httpx.AsyncClient) -> None:
    found = []
    for _ in range(2):
        async with broken(clock, {"kind": "status", "status": 500, "rate": 0.5, "times": None}) as sim:
            found.append(await statuses(http, sim, await bearer(http, sim.base_url, CONTOSO), 20))
    assert found[0] == found[1]
    assert set(found[0]) == {200, 500}


async def test_429_says_when_to_come_back_or_does_not(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with broken(
        clock,
        {"kind": "rate_limited", "retry_after": 7},
        {"kind": "rate_limited", "reset_ms": 1500},
        {"kind": "rate_limited"},
    ) as sim:
        headers = await bearer(http, sim.base_url, CONTOSO)
        answers = [await get_feed(http, sim.base_url, headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429] * 3
    assert [answer.headers.get("Retry-After") for answer in answers] == ["7", None, None]
    assert [answer.headers.get("X-RateLimit-Reset") for answer in answers] == [None, "1500", None]


async def test_html_pages_come_with_502_or_200(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with broken(clock, {"kind": "html"}, {"kind": "html", "status": 200}) as sim:
        headers = await bearer(http, sim.base_url, CONTOSO)
        answers = [await get_feed(http, sim.base_url, headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [502, 200]
    assert all(answer.text.startswith("<html>") for answer in answers)


async def test_bodies_are_cut_short(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with broken(clock, {"kind": "truncated", "times": 3}) as sim:
        headers = await bearer(http, sim.base_url, CONTOSO)
        stix = await get_feed(http, sim.base_url, headers)
        zipped = await get_feed(http, sim.base_url, headers, compress=True)
        table = await get_feed(http, sim.base_url, headers, fileType="csv")
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(stix.content)
    with pytest.raises(zipfile.BadZipFile):
        members(zipped.content)
    *_, last = csv.reader(io.StringIO(table.text), delimiter="|")
    assert len(last) == 1
    assert sim.journal.by_feed["contoso/malware_customer"]["detections_served"] == 0


async def test_connections_are_cut(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with broken(clock, {"kind": "dropped"}, {"kind": "broken_off"}, {"kind": "hang", "seconds": 0.05}) as sim:
        headers = await bearer(http, sim.base_url, CONTOSO)
        for _ in range(3):
            with pytest.raises(httpx.TransportError):
                await get_feed(http, sim.base_url, headers)
        assert (await get_feed(http, sim.base_url, headers)).status_code == 200
    assert [call.status for call in sim.journal.calls] == [0, 0, 0, 200]


async def test_a_hanging_request_does_not_keep_the_server_open(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with broken(clock, {"kind": "hang"}, {"kind": "slow", "seconds": 0.01}) as sim:
        headers = await bearer(http, sim.base_url, CONTOSO)
        with pytest.raises(httpx.ReadTimeout):
            await http.post(
                f"{sim.base_url}/api/ttp/threat-intel/get-feed",
                headers=headers,
                timeout=httpx.Timeout(PATIENCE, read=1),
            )
        assert (await get_feed(http, sim.base_url, headers)).status_code == 200


async def test_failures_come_in_every_form_with_200(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with broken(
        clock,
        {"kind": "fail", "retryable": False, "code": "err_a"},
        {"kind": "fail", "form": "flat_fail", "code": "err_b"},
        {"kind": "fail", "form": "flat_error", "message": "no"},
    ) as sim:
        headers = await bearer(http, sim.base_url, CONTOSO)
        answers = [await get_feed(http, sim.base_url, headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    full, flat, error = (answer.json() for answer in answers)
    assert full["fail"][0]["errors"][0]["code"] == "err_a"
    assert full["fail"][0]["errors"][0]["retryable"] is False
    assert flat["fail"][0]["code"] == "err_b"
    assert error == {"error": {"message": "no"}}


async def test_a_token_can_loop(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with broken(clock, {"kind": "token_loop", "times": None}) as sim:
        headers = await bearer(http, sim.base_url, CONTOSO)
        token = (await get_feed(http, sim.base_url, headers)).headers[NEXT]
        tokens = [(await get_feed(http, sim.base_url, headers, token=token)).headers[NEXT] for _ in range(3)]
    assert tokens == [token] * 3


async def test_a_token_can_vanish(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with broken(clock, {"kind": "token_vanishes", "page": 2}) as sim:
        answers = await all_pages(http, sim.base_url, await bearer(http, sim.base_url, CONTOSO))
    assert len(answers) == 2


async def test_401_makes_the_bearer_token_void(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with broken(clock, {"kind": "unauthorized"}) as sim:
        headers = await bearer(http, sim.base_url, CONTOSO)
        assert await statuses(http, sim, headers, 2) == [401, 401]
        assert await statuses(http, sim, await bearer(http, sim.base_url, CONTOSO), 1) == [200]


async def test_418_lasts_until_somebody_logs_in(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with broken(clock, {"kind": "binding_expired", "account": "fabrikam", "nth": 2}) as sim:
        found = [await statuses(http, sim, signed(FABRIKAM, clock()), 1) for _ in range(4)]
    assert found == [[200], [418], [418], [418]]


async def test_a_small_archive_can_grow_without_end(clock: HeldClock, http: httpx.AsyncClient) -> None:
    size = 32 * 1024 * 1024
    async with broken(clock, {"kind": "zip_bomb", "size": size}) as sim:
        headers = await bearer(http, sim.base_url, CONTOSO)
        answer = await get_feed(http, sim.base_url, headers, compress=True)
    assert len(answer.content) < size // 100
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.infolist()[0].file_size == size


async def test_garbage_stands_among_good_records(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with broken(clock, {"kind": "garbage", "times": 2}) as sim:
        headers = await bearer(http, sim.base_url, CONTOSO)
        stix = await get_feed(http, sim.base_url, headers)
        table = await get_feed(http, sim.base_url, headers, fileType="csv")
    objects = stix.json()["objects"]
    found = [entry for entry in objects if entry["type"] == "indicator"]
    assert len(objects) == 64
    assert sum("pattern" not in entry for entry in found) == 1
    assert sum("pattern" in entry and not entry["pattern"].endswith("']") for entry in found) == 1
    assert sum(not entry["valid_from"].startswith("2026") for entry in found if "pattern" in entry) >= 1
    ids = {entry["id"] for entry in found}
    orphans = [entry for entry in objects if entry["type"] == "relationship" and entry["source_ref"] not in ids]
    assert len(orphans) == 1
    rows = list(csv.reader(io.StringIO(table.text), delimiter="|"))
    assert len(rows) == 23
    assert sum(len(row) == 1 for row in rows) == 1
    counts = sim.journal.by_feed["contoso/malware_customer"]
    assert counts["garbage bad_timestamp"] == 2
    assert counts["garbage short_row"] == 1


async def test_faults_of_the_token_endpoint(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with broken(clock, {"kind": "status", "status": 500, "endpoint": "oauth"}) as sim:
        form = {"grant_type": "client_credentials", "client_id": "contoso-id", "client_secret": "contoso-secret"}
        assert (await http.post(f"{sim.base_url}/oauth/token", data=form)).status_code == 500
        assert (await http.post(f"{sim.base_url}/oauth/token", data=form)).status_code == 200


async def test_faults_are_planned_and_taken_back_over_http(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with broken(clock) as sim:
        url = f"{sim.base_url}/_sim/faults"
        rules = [
            {"name": "down", "kind": "status", "status": 503, "times": None},
            {"kind": "html", "account": "fabrikam"},
        ]
        planned = await http.post(url, json=rules)
        headers = await bearer(http, sim.base_url, CONTOSO)
        assert planned.json() == {"names": ["down", "fault-2"]}
        assert await statuses(http, sim, headers, 2) == [503, 503]
        listed = (await http.get(url)).json()
        assert (listed["down"]["struck"], listed["fault-2"]["struck"]) == (2, 0)
        assert (await http.delete(f"{url}/down")).status_code == 200
        assert (await http.delete(f"{url}/down")).status_code == 404
        assert await statuses(http, sim, headers, 1) == [200]
        assert (await http.post(url, json={"kind": "earthquake"})).status_code == 400
        assert (await http.post(url, content=b"{")).status_code == 400
        await http.delete(url)
        assert (await http.get(url)).json() == {}
