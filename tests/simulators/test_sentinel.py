"""What the simulated Sentinel takes and refuses when nothing is planned to go wrong."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import orjson
import pytest

from mti.simulators.feed import Observable
from mti.simulators.sentinel import SentinelSettings, SentinelSimulator, UploadLimit, WorkspaceSpec
from tests.simulators.clients import HeldClock, access, indicator, sha256, token_form, upload
from tests.simulators.world import APP, DIRECTORY, OTHER_WORKSPACE, WORKSPACE


@asynccontextmanager
async def sentinel(clock: HeldClock, **settings: object) -> AsyncIterator[SentinelSimulator]:
    workspaces = [WorkspaceSpec(id=WORKSPACE), WorkspaceSpec(id=OTHER_WORKSPACE)]
    habits = SentinelSettings.model_validate(settings)
    async with SentinelSimulator(workspaces, [APP], habits, now=clock) as sim:
        yield sim


class TestToken:
    async def test_a_secret_or_an_assertion_gets_a_token(self, clock: HeldClock, http: httpx.AsyncClient) -> None:
        part = base64.urlsafe_b64encode(b'{"iss":"app-id"}').decode().rstrip("=")
        assertion = {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": f"{part}.{part}.c2ln",
        }
        form = token_form(APP)
        async with sentinel(clock) as sim:
            url = f"{sim.base_url}/{DIRECTORY}/oauth2/v2.0/token"
            by_secret = await http.post(url, data=form)
            del form["client_secret"]
            by_assertion = await http.post(url, data=form | assertion)
            not_a_jwt = await http.post(url, data=form | assertion | {"client_assertion": "a.b"})
        assert {"access_token", "expires_in", "token_type"} <= set(by_secret.json())
        assert by_assertion.status_code == 200
        assert not_a_jwt.status_code == 400

    @pytest.mark.parametrize(
        ("change", "status", "error", "number"),
        [
            ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
            ({"client_id": "wrong"}, 400, "unauthorized_client", 700016),
            ({"scope": "https://graph.microsoft.com/.default"}, 400, "invalid_scope", 70011),
            ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ],
    )
    async def test_refusals_are_in_the_words_of_the_directory(
        self, clock: HeldClock, http: httpx.AsyncClient, change: dict[str, str], status: int, error: str, number: int
    ) -> None:
        async with sentinel(clock) as sim:
            answer = await http.post(f"{sim.base_url}/{DIRECTORY}/oauth2/v2.0/token", data=token_form(APP) | change)
        assert answer.status_code == status
        assert answer.json()["error"] == error
        assert answer.json()["error_description"].startswith(f"AADSTS{number}: ")
        assert answer.json()["error_codes"] == [number]

    async def test_an_unknown_directory_or_a_json_body_is_refused(
        self, clock: HeldClock, http: httpx.AsyncClient
    ) -> None:
        async with sentinel(clock) as sim:
            elsewhere = await http.post(f"{sim.base_url}/{WORKSPACE}/oauth2/v2.0/token", data=token_form(APP))
            as_json = await http.post(f"{sim.base_url}/{DIRECTORY}/oauth2/v2.0/token", json=token_form(APP))
        assert elsewhere.json()["error_codes"] == [90002]
        assert as_json.status_code == 400


class TestAdmission:
    async def test_token_role_and_workspace_are_checked(self, clock: HeldClock, http: httpx.AsyncClient) -> None:
        async with sentinel(clock, token_seconds=100) as sim:
            headers = await access(http, sim.base_url, APP)

            async def ask(workspace: str, bearing: dict[str, str]) -> int:
                return (await upload(http, sim.base_url, workspace, bearing, [indicator(1)])).status_code

            assert await ask(WORKSPACE, {}) == 401
            assert await ask(WORKSPACE, {"Authorization": "Bearer nonsense"}) == 401
            assert await ask(OTHER_WORKSPACE, headers) == 403
            assert await ask("00000000-0000-0000-0000-00000000000c", headers) == 404
            assert await ask(WORKSPACE.upper(), headers) == 200
            clock.forward(seconds=100)
            assert await ask(WORKSPACE, headers) == 401

    async def test_a_workspace_is_missing_until_it_is_created(self, clock: HeldClock, http: httpx.AsyncClient) -> None:
        async with SentinelSimulator([WorkspaceSpec(id=WORKSPACE, exists=False)], [APP], now=clock) as sim:
            headers = await access(http, sim.base_url, APP)
            assert (await upload(http, sim.base_url, WORKSPACE, headers, [indicator(1)])).status_code == 404
            await http.post(f"{sim.base_url}/_sim/workspaces/{WORKSPACE}", json={"exists": True})
            assert (await upload(http, sim.base_url, WORKSPACE, headers, [indicator(1)])).status_code == 200
            await http.post(f"{sim.base_url}/_sim/tokens/revoke")
            assert (await upload(http, sim.base_url, WORKSPACE, headers, [indicator(1)])).status_code == 401

    async def test_requests_that_are_bad_as_a_whole(self, clock: HeldClock, http: httpx.AsyncClient) -> None:
        async with sentinel(clock, max_bytes=60_000) as sim:
            headers = await access(http, sim.base_url, APP)
            url = f"{sim.base_url}/workspaces/{WORKSPACE}/threat-intelligence-stix-objects:upload"
            body = {"sourcesystem": "Mimecast", "stixobjects": [indicator(1)]}
            version = {"api-version": "2024-02-01-preview"}

            async def ask(content: object, params: dict[str, str] = version) -> int:
                raw = content if isinstance(content, bytes) else orjson.dumps(content)
                return (await http.post(url, params=params, headers=headers, content=raw)).status_code

            assert await ask(body) == 200
            assert await ask(body, {}) == 400
            assert await ask(body, {"api-version": "2099-01-01"}) == 400
            assert await ask(body | {"sourcesystem": "Microsoft Sentinel"}) == 400
            assert await ask({"stixobjects": [indicator(1)]}) == 400
            assert await ask(body | {"stixobjects": []}) == 400
            assert await ask(body | {"stixobjects": {}}) == 400
            assert await ask(b"{") == 400
            assert await ask(b"[]") == 400
            assert await ask(body | {"stixobjects": [indicator(n) for n in range(100)]}) == 200
            assert await ask(body | {"stixobjects": [indicator(n) for n in range(101)]}) == 400
            assert await ask(body | {"stixobjects": [indicator(1, description="x" * 60_000)]}) == 413


class TestRecords:
    @pytest.mark.parametrize(
        "unfit",
        [
            {"id": None},
            {"id": "indicator--1"},
            {"id": "malware--00000000-0000-0000-0000-000000000001"},
            {"type": "malware", "id": "malware--00000000-0000-0000-0000-000000000001"},
            {"type": None},
            {"created": None},
            {"modified": "yesterday"},
            {"modified": "2026-11-23T10:00:00.000Z"},
            {"pattern": None},
            {"pattern": ""},
            {"pattern": f"[file:hashes.'SHA-256' = '{sha256(1)}' AND file:name = 'a']"},
            {"pattern": "[file:hashes.'SHA-256' = 'abc']"},
            {"pattern": "file:hashes.MD5 = 'a'"},
            {"pattern_type": None},
            {"valid_from": None},
            {"valid_until": "2026-11-24T10:00:00.000Z"},
            {"valid_until": "2026-13-24T10:00:00.000Z"},
            {"confidence": 101},
            {"confidence": "80"},
            {"revoked": "true"},
            {"labels": "a"},
            {"created_by_ref": "Mimecast"},
            {"extensions": []},
            {"extensions": {"mimecast": {"extension_type": "property-extension"}}},
            {"extensions": {"extension-definition--9a2fca68-3d28-57a0-a8a5-4a2b8a4bb9f0": {"feed": "malware_grid"}}},
        ],
    )
    async def test_an_unfit_record_is_refused_and_its_neighbours_are_taken(
        self, clock: HeldClock, http: httpx.AsyncClient, unfit: dict[str, object]
    ) -> None:
        objects = [indicator(1), indicator(2, **unfit), indicator(3)]
        async with sentinel(clock) as sim:
            answer = await upload(http, sim.base_url, WORKSPACE, await access(http, sim.base_url, APP), objects)
            workspace = sim.workspaces[WORKSPACE]
        assert answer.status_code == 200
        (error,) = answer.json()["errors"]
        assert error["recordIndex"] == 1
        assert error["errorMessages"]
        assert [orjson.loads(record) for record in workspace.objects()] == [objects[0], objects[2]]
        assert workspace.counts["refused_records"] == 1

    @pytest.mark.parametrize(
        ("pattern", "observable"),
        [
            (f"[file:hashes.'SHA-256' = '{sha256(9).upper()}']", ("sha256", sha256(9))),
            ("[file:hashes.MD5 = '" + "a" * 32 + "']", ("md5", "a" * 32)),
            ("[file:hashes.'SHA-1' = '" + "b" * 40 + "']", ("sha1", "b" * 40)),
            ("[url:value = 'https://x.example/it\\'s']", ("url", "https://x.example/it's")),
            ("[ipv4-addr:value = '192.0.2.1']", ("ipv4", "192.0.2.1")),
        ],
    )
    async def test_one_observable_is_read_from_each_pattern(
        self, clock: HeldClock, http: httpx.AsyncClient, pattern: str, observable: tuple[str, str]
    ) -> None:
        async with sentinel(clock) as sim:
            headers = await access(http, sim.base_url, APP)
            answer = await upload(http, sim.base_url, WORKSPACE, headers, [indicator(1, pattern=pattern)])
            workspace = sim.workspaces[WORKSPACE]
        assert (answer.status_code, answer.content) == (200, b"")
        assert workspace.observables() == {Observable(*observable)}
        assert workspace.counts["not_lower_case"] == ("SHA-256" in pattern)

    async def test_records_that_are_no_objects_are_refused_one_by_one(
        self, clock: HeldClock, http: httpx.AsyncClient
    ) -> None:
        async with sentinel(clock) as sim:
            headers = await access(http, sim.base_url, APP)
            answer = await upload(http, sim.base_url, WORKSPACE, headers, [5, indicator(1), None])
        assert [error["recordIndex"] for error in answer.json()["errors"]] == [0, 2]


class TestLimit:
    @pytest.mark.parametrize(("sliding", "allowed"), [(False, [True, True, True]), (True, [True, False, False])])
    async def test_requests_are_limited_a_workspace(
        self, clock: HeldClock, http: httpx.AsyncClient, sliding: bool, allowed: list[bool]
    ) -> None:
        limit = UploadLimit(requests=3, seconds=60, sliding=sliding, retry_after=sliding)
        async with sentinel(clock, limit=limit) as sim:
            headers = await access(http, sim.base_url, APP)

            async def ask() -> httpx.Response:
                return await upload(http, sim.base_url, WORKSPACE, headers, [indicator(1)])

            first = [(await ask()).status_code]
            clock.forward(seconds=50)
            first += [(await ask()).status_code for _ in range(2)]
            limited = await ask()
            clock.forward(seconds=10)
            then = [(await ask()).status_code == 200 for _ in range(3)]
        assert first == [200, 200, 200]
        message = "Rate limit is exceeded. Try again in 10 seconds."
        assert (limited.status_code, limited.json()) == (429, {"statusCode": 429, "message": message})
        assert limited.headers.get("Retry-After") == ("10" if sliding else None)
        assert then == allowed
        assert sim.workspaces[WORKSPACE].counts["rate_limited"] == 1 + then.count(False)


class TestTruth:
    async def test_the_last_upload_of_an_id_is_its_state(self, clock: HeldClock, http: httpx.AsyncClient) -> None:
        later = "2026-11-24T11:00:00.000Z"
        async with sentinel(clock) as sim:
            headers = await access(http, sim.base_url, APP)
            for record in (
                indicator(1),
                indicator(1),
                indicator(1, modified=later, revoked=True),
                indicator(1),
                indicator(2, pattern=indicator(1)["pattern"]),
                indicator(3),
            ):
                await upload(http, sim.base_url, WORKSPACE, headers, [record])
            url = f"{sim.base_url}/_sim/workspaces/{WORKSPACE}"
            found = (await http.get(url, params={"objects": "1", "observables": "1"})).json()
            assert (await http.get(f"{sim.base_url}/_sim/workspaces/none")).status_code == 404
            state = (await http.get(f"{sim.base_url}/_sim/state")).json()
        ids = [indicator(number)["id"] for number in (1, 2)]
        assert found["accepted_objects"] == 6
        assert found["distinct_ids"] == 3
        assert found["distinct_observables"] == 2
        assert found["identical_resends"] == 2
        assert found["went_back"] == 1
        assert found["revived"] == 1
        assert found["doubled"] == [["sha256", sha256(1), ids]]
        assert len(found["objects"]) == 6
        assert found["objects"][2]["revoked"] is True
        assert found["observables"][0] == ["sha256", sha256(1), ids[0], "2026-11-24T10:00:00.000Z", False]
        assert state["workspaces"][WORKSPACE]["requests"] == 6
        assert state["statuses"] == {"token 200": 1, "upload 200": 6}

    async def test_the_same_id_of_two_source_systems_is_two_objects(
        self, clock: HeldClock, http: httpx.AsyncClient
    ) -> None:
        async with sentinel(clock) as sim:
            headers = await access(http, sim.base_url, APP)
            for source in ("Mimecast", "Other"):
                await upload(http, sim.base_url, WORKSPACE, headers, [indicator(1)], sourcesystem=source)
            workspace = sim.workspaces[WORKSPACE]
        assert len(workspace.state) == 2
        assert workspace.counts["identical_resends"] == 0

    async def test_other_supported_types_are_kept(self, clock: HeldClock, http: httpx.AsyncClient) -> None:
        times = {"created": "2026-11-24T10:00:00Z", "modified": "2026-11-24T10:00:00Z"}
        record = {"type": "identity", "id": "identity--00000000-0000-0000-0000-000000000001", **times}
        async with sentinel(clock) as sim:
            headers = await access(http, sim.base_url, APP)
            answer = await upload(http, sim.base_url, WORKSPACE, headers, [record])
        assert answer.content == b""
        assert list(sim.workspaces[WORKSPACE].objects()) == [orjson.dumps(record)]
