"""Remediation on the simulated Mimecast: who may ask for what, and what becomes of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from mti.simulators.mimecast import (
    AccountV2,
    Endpoint,
    Mailed,
    MimecastFault,
    MimecastFaultKind,
    MimecastSettings,
    MimecastSimulator,
)
from tests.simulators.clients import HeldClock, bearer, sha256, signed
from tests.simulators.world import CONTOSO, FABRIKAM, NORTHWIND

CREATE = "/api/ttp/remediation/create"
CREATE_V2 = "/api/ttp/remediation/v2/create"
GET = "/api/ttp/remediation/get-incident"
FILE = sha256(1)
HOLDER = CONTOSO.model_copy(update={"mail": {FILE: Mailed(messages=4, failing=1)}})
READER = NORTHWIND.model_copy(update={"remediation": ("read",)})
ASK = {"reason": "Incident 7", "searchBy": "hash", "hashOrMessageId": FILE}


@asynccontextmanager
async def mimecast(clock: HeldClock, account: AccountV2 = HOLDER) -> AsyncIterator[MimecastSimulator]:
    async with MimecastSimulator([account, READER, FABRIKAM], {}, MimecastSettings(), now=clock) as sim:
        yield sim


async def post(
    http: httpx.AsyncClient, sim: MimecastSimulator, path: str, headers: dict[str, str], **entry: object
) -> httpx.Response:
    return await http.post(sim.base_url + path, headers=headers, json={"data": [entry]})


async def test_a_file_is_identified_some_time_later_and_remediated_later_still(
    clock: HeldClock, http: httpx.AsyncClient
) -> None:
    async with mimecast(clock) as sim:
        headers = await bearer(http, sim.base_url, HOLDER)
        created = (await post(http, sim, CREATE, headers, **ASK)).json()
        assert created["meta"] == {"status": 200}
        assert created["fail"] == []
        incident = created["data"][0]
        assert (incident["identified"], incident["successful"], incident["failed"]) == (0, 0, 0)
        assert incident["searchCriteria"]["fileHash"] == FILE
        counts = []
        for _ in range(3):
            clock.forward(seconds=60)
            (seen,) = (await post(http, sim, GET, headers, id=incident["id"])).json()["data"]
            counts.append((seen["identified"], seen["successful"], seen["failed"], seen["restored"]))
    assert counts == [(4, 0, 0, 0), (4, 0, 0, 0), (4, 3, 1, 0)]


async def test_the_newer_endpoint_takes_its_own_fields(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with mimecast(clock) as sim:
        headers = await bearer(http, sim.base_url, HOLDER)
        taken = await post(http, sim, CREATE_V2, headers, reason="r", searchBy="hash", hash=FILE)
        assert taken.status_code == 200
        assert (await post(http, sim, CREATE_V2, headers, **ASK)).status_code == 400
        assert (await post(http, sim, CREATE, headers, reason="r", hash=FILE)).status_code == 400
        listed = {"reason": "r", "searchBy": "message_ids", "messageIds": ["<1@a.example>"]}
        assert (await post(http, sim, CREATE_V2, headers, **listed)).status_code == 200
    assert [incident.kind for incident in sim.remediations.incidents] == ["hash", "messageId"]


@pytest.mark.parametrize(
    "change",
    [
        {"hashOrMessageId": FILE[:-1]},
        {"hashOrMessageId": f"{FILE[:-1]}g"},
        {"hashOrMessageId": ""},
        {"hashOrMessageId": 7},
        {"reason": ""},
        {"searchBy": "sender"},
        {"searchBy": "messageId", "hashOrMessageId": "1@a.example"},
        {"start": "yesterday"},
        {"start": "2026-11-24T12:00:00+0000", "end": "2026-11-23T12:00:00+0000"},
        {"colour": "red"},
    ],
)
async def test_what_makes_no_sense_is_refused(
    clock: HeldClock, http: httpx.AsyncClient, change: dict[str, object]
) -> None:
    async with mimecast(clock) as sim:
        headers = await bearer(http, sim.base_url, HOLDER)
        answer = await post(http, sim, CREATE, headers, **(ASK | change))
        assert answer.status_code == 400
        assert answer.json()["fail"][0]["errors"][0]["message"]
    assert sim.remediations.incidents == []


async def test_who_may_not_is_refused(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with mimecast(clock) as sim:
        reader, holder = await bearer(http, sim.base_url, READER), await bearer(http, sim.base_url, HOLDER)
        forbidden = await post(http, sim, CREATE, reader, **ASK)
        assert forbidden.status_code == 403
        assert "Threat Remediation | Edit" in forbidden.json()["fail"][0]["errors"][0]["message"]
        assert (await post(http, sim, CREATE, {"Authorization": "Bearer nonsense"}, **ASK)).status_code == 401
        assert (await post(http, sim, CREATE, {}, **ASK)).status_code == 401
        id = (await post(http, sim, CREATE, holder, **ASK)).json()["data"][0]["id"]
        assert (await post(http, sim, GET, reader, id=id)).status_code == 404, "another account's"
        assert (await post(http, sim, GET, holder, id="none")).status_code == 404
        clock.forward(seconds=3600)
        assert (await post(http, sim, GET, holder, id=id)).status_code == 401, "the token has expired"


async def test_a_signed_request_of_the_former_api_is_taken_too(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with mimecast(clock) as sim:
        answer = await post(http, sim, CREATE, signed(FABRIKAM, clock(), path=CREATE), **ASK)
        assert answer.status_code == 200


async def test_it_misbehaves_when_it_is_told_to(clock: HeldClock, http: httpx.AsyncClient) -> None:
    async with mimecast(clock) as sim:
        headers = await bearer(http, sim.base_url, HOLDER)
        sim.faults.add(MimecastFault(kind=MimecastFaultKind.FAIL, endpoint=Endpoint.REMEDIATE, message="Not now."))
        sim.faults.add(MimecastFault(kind=MimecastFaultKind.STATUS, endpoint=Endpoint.REMEDIATION, status=500))
        failed = await post(http, sim, CREATE, headers, **ASK)
        assert (failed.status_code, failed.json()["data"]) == (200, [])
        id = (await post(http, sim, CREATE, headers, **ASK)).json()["data"][0]["id"]
        assert (await post(http, sim, GET, headers, id=id)).status_code == 500
        assert (await post(http, sim, GET, headers, id=id)).status_code == 200
