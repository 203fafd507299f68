"""What the simulated Mimecast does when nothing is planned to go wrong."""

import base64
import csv
import io
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import parsedate_to_datetime

import httpx
import orjson
import pytest

from mti.simulators.feed import CsvForm, Feed, FeedSpec, generate, truth_of
from mti.simulators.mimecast import (
    CallLimit,
    EmptyFeed,
    LastPage,
    LimitHeaders,
    MimecastSettings,
    MimecastSimulator,
    ResetForm,
)
from tests.simulators.clients import (
    FEED,
    NEXT,
    HeldClock,
    all_pages,
    bearer,
    get_feed,
    members,
    patterns,
    signed,
)
from tests.simulators.world import CONTOSO, FABRIKAM, NORTHWIND

SPEC = FeedSpec(seed=5, detections=45, distinct=20)


@asynccontextmanager
async def mimecast(clock: HeldClock, spec: FeedSpec = SPEC, **settings: object) -> AsyncIterator[MimecastSimulator]:
    names = ("contoso/malware_customer", "fabrikam/malware_customer", "grid:eu")
    feeds = {name: Feed(name, spec, generate(spec, clock())) for name in names}
    habits = MimecastSettings.model_validate({"page_size": 20, **settings})
    async with MimecastSimulator([CONTOSO, NORTHWIND, FABRIKAM], feeds, habits, now=clock) as sim:
        yield sim


class TestBearer:
    async def test_all_pages_hold_the_whole_window(self, clock: HeldClock, http: httpx.AsyncClient) -> None:
        async with mimecast(clock) as sim:
            headers = await bearer(http, sim.base_url, CONTOSO)
            answers = await all_pages(http, sim.base_url, headers, start=clock.form(days=7), end=clock.form())
        assert [len(answer.json()["objects"]) // 3 for answer in answers] == [20, 20, 5]
        truth = truth_of(sim.feeds["contoso/malware_customer"].detections)
        assert len(patterns(answers)) == truth.detections
        found = {pattern.split("'")[-2].lower() for pattern in patterns(answers)}
        assert found == {observable.value for observable in truth.observables}
        assert NEXT not in answers[-1].headers

    async def test_wrong_credentials_and_forms_are_refused(self, clock: HeldClock, http: httpx.AsyncClient) -> None:
        form = {"grant_type": "client_credentials", "client_id": "contoso-id", "client_secret": "contoso-secret"}
        async with mimecast(clock) as sim:
            url = f"{sim.base_url}/oauth/token"
            assert (await http.post(url, data=form | {"client_secret": "wrong"})).status_code == 401
            assert (await http.post(url, data=form | {"client_id": "wrong"})).status_code == 401
            assert (await http.post(url, data=form | {"grant_type": "password"})).status_code == 400
            assert (await http.post(url, json=form)).status_code == 400
            answer = await http.post(url, data=form)
        assert answer.json()["expires_in"] == 3600
        assert answer.json()["token_type"] == "Bearer"

    async def test_a_token_expires(self, clock: HeldClock, http: httpx.AsyncClient) -> None:
        async with mimecast(clock, bearer_seconds=60) as sim:
            headers = await bearer(http, sim.base_url, CONTOSO)
            assert (await get_feed(http, sim.base_url, headers)).status_code == 200
            clock.forward(seconds=60)
            answer = await get_feed(http, sim.base_url, headers)
            assert answer.status_code == 401
            assert answer.json()["fail"][0]["code"] == "TokenExpired"
            unknown = await get_feed(http, sim.base_url, {"Authorization": "Bearer nonsense"})
            assert unknown.status_code == 401


class TestSignature:
    async def test_a_signed_request_is_served(self, clock: HeldClock, http: httpx.AsyncClient) -> None:
        async with mimecast(clock) as sim:
            answer = await get_feed(http, sim.base_url, signed(FABRIKAM, clock()), fileType="csv")
        assert answer.status_code == 200
        assert answer.text.startswith("Timestamp|SHA256|")

    async def test_whatever_is_not_signed_right_is_refused(self, clock: HeldClock, http: httpx.AsyncClient) -> None:
        good = signed(FABRIKAM, clock())
        cases = {
            "another path": signed(FABRIKAM, clock(), path="/api/login/login"),
            "a whole URL": signed(FABRIKAM, clock(), path=f"http://127.0.0.1{FEED}"),
            "another secret": signed(FABRIKAM, clock(), secret_key=base64.b64encode(b"wrong").decode()),
            "an old date": signed(FABRIKAM, clock() - timedelta(minutes=16)),
            "another id": good | {"x-mc-req-id": str(uuid.uuid4())},
            "no uuid": good | {"x-mc-req-id": "1"},
            "another app": good | {"x-mc-app-id": "other"},
            "an ISO date": good | {"x-mc-date": clock().isoformat()},
            "no authorization": {name: value for name, value in good.items() if name != "Authorization"},
            "no date": {name: value for name, value in good.items() if name != "x-mc-date"},
        }
        async with mimecast(clock) as sim:
            for what, headers in cases.items():
                answer = await get_feed(http, sim.base_url, headers)
                assert answer.status_code == 401, what
            assert (await get_feed(http, sim.base_url, good)).status_code == 200
            assert (await get_feed(http, sim.base_url, good)).status_code == 401, "an id used twice"

    @pytest.mark.parametrize("new_keys", [False, True])
    async def test_a_login_renews_an_expired_binding(
        self, clock: HeldClock, http: httpx.AsyncClient, new_keys: bool
    ) -> None:
        proof = base64.b64encode(b"admin@fabrikam.example:pass:word").decode()
        headers = {
            "Authorization": f"Basic-Cloud {proof}",
            "x-mc-app-id": FABRIKAM.app_id,
            "x-mc-api-version": "2014.6.1",
        }
        body = {"data": [{"userName": FABRIKAM.email, "accessKey": FABRIKAM.access_key}]}
        async with mimecast(clock, new_keys_on_login=new_keys) as sim:
            sim.expire_binding("fabrikam")
            expired = await get_feed(http, sim.base_url, signed(FABRIKAM, clock()))
            assert expired.status_code == 418
            url = f"{sim.base_url}/api/login/login"
            wrong = headers | {"Authorization": f"Basic-Cloud {base64.b64encode(b'a:b').decode()}"}
            assert (await http.post(url, headers=wrong, json=body)).status_code == 401
            assert (await http.post(url, headers=headers, json={"data": [{}]})).status_code == 400
            old = headers | {"x-mc-api-version": "1"}
            assert (await http.post(url, headers=old, json=body)).status_code == 400
            entry = (await http.post(url, headers=headers, json=body)).json()["data"][0]
            assert (entry["accessKey"] == FABRIKAM.access_key) is not new_keys
            renewed = FABRIKAM.model_copy(update={"access_key": entry["accessKey"]})
            again = await get_feed(http, sim.base_url, signed(renewed, clock(), secret_key=entry["secretKey"]))
            assert again.status_code == 200
            state = (await http.get(f"{sim.base_url}/_sim/state")).json()
        assert state["logins"] == {"fabrikam": 1}

    async def test_discovery_names_the_base_of_an_account(self, clock: HeldClock, http: httpx.AsyncClient) -> None:
        async with mimecast(clock) as sim:
            url = f"{sim.base_url}/api/login/discover-authentication"
            answer = await http.post(url, json={"data": [{"emailAddress": FABRIKAM.email}]})
            assert answer.json()["data"][0]["region"] == {"code": "eu", "api": sim.base_url}
            assert (await http.post(url, json={"data": [{"emailAddress": "x@y.example"}]})).status_code == 404


class TestRequest:
    @pytest.mark.parametrize(
        "entry",
        [
            {"feedType": "malware_world"},
            {"fileType": "xml"},
            {"compress": "yes"},
            {"start": "2026-11-17"},
            {"end": 5},
            {"start": "2026-11-24T10:00:00+0000", "end": "2026-11-23T10:00:00+0000"},
            {"token": "unknown"},
        ],
    )
    async def test_an_unfit_request_is_refused(
        self, clock: HeldClock, http: httpx.AsyncClient, entry: dict[str, object]
    ) -> None:
        async with mimecast(clock) as sim:
            answer = await get_feed(http, sim.base_url, await bearer(http, sim.base_url, CONTOSO), **entry)
        assert answer.status_code == 400
        assert answer.json()["meta"] == {"status": 400}
        assert answer.json()["fail"][0]["errors"][0]["retryable"] is False

    @pytest.mark.parametrize("end", ["Z", "+00:00", "+0000"])
    @pytest.mark.parametrize("strict", [True, False])
    async def test_dates_may_end_as_published_clients_write_them_unless_it_is_strict(
        self, clock: HeldClock, http: httpx.AsyncClient, end: str, strict: bool
    ) -> None:
        async with mimecast(clock, strict=strict) as sim:
            headers = await bearer(http, sim.base_url, CONTOSO)
            answer = await get_feed(http, sim.base_url, headers, start=clock.form(days=3)[:-5] + end)
        assert answer.status_code == (400 if strict and end != "+0000" else 200)

    @pytest.mark.parametrize("strict", [True, False])
    async def test_a_token_is_bound_to_its_account_and_feed_and_dates_beside_it_count_for_nothing_unless_it_is_strict(
        self, clock: HeldClock, http: httpx.AsyncClient, strict: bool
    ) -> None:
        async with mimecast(clock, strict=strict) as sim:
            headers = await bearer(http, sim.base_url, CONTOSO)
            other = await bearer(http, sim.base_url, NORTHWIND)
            token = (await get_feed(http, sim.base_url, headers, feedType="malware_grid")).headers[NEXT]

            async def ask(who: dict[str, str], **entry: object) -> int:
                return (await get_feed(http, sim.base_url, who, token=token, **entry)).status_code

            dated = 400 if strict else 200
            assert await ask(headers, feedType="malware_grid", start=clock.form(days=1)) == dated
            assert await ask(headers, feedType="malware_grid", end=clock.form()) == dated
            assert await ask(other, feedType="malware_grid") == 400
            assert await ask(headers) == 400
            assert await ask(headers, feedType="malware_grid") == 200

    async def test_all_fields_are_optional(self, clock: HeldClock, http: httpx.AsyncClient) -> None:
        async with mimecast(clock) as sim:
            headers = await bearer(http, sim.base_url, CONTOSO)
            answers = [
                await http.post(sim.base_url + FEED, headers=headers, content=body)
                for body in (b"", b"{}", b'{"data":[]}', b'{"data":[{}]}')
            ]
            bad = [
                (await http.post(sim.base_url + FEED, headers=headers, content=body)).status_code
                for body in (b"{", b"[]", b'{"data":5}', b'{"data":[{},{}]}')
            ]
        assert {answer.status_code for answer in answers} == {200}
        assert {answer.text.partition("|")[0] for answer in answers} == {"Timestamp"}
        assert bad == [400] * 4

    async def test_a_feed_that_is_not_enabled_is_forbidden(self, clock: HeldClock, http: httpx.AsyncClient) -> None:
        account = CONTOSO.model_copy(update={"enabled": ("malware_grid",)})
        async with MimecastSimulator([account], {}, now=clock) as sim:
            answer = await get_feed(http, sim.base_url, await bearer(http, sim.base_url, account))
        assert answer.status_code == 403


class TestAnswer:
    async def test_the_token_header_comes_in_any_case(self, clock: HeldClock, http: httpx.AsyncClient) -> None:
        names = set()
        async with mimecast(clock) as sim:
            headers = await bearer(http, sim.base_url, CONTOSO)
            for _ in range(5):
                raw = (await get_feed(http, sim.base_url, headers)).headers.raw
                names |= {name for name, _ in raw if name.lower() == NEXT.encode()}
        assert len(names) > 1

    @pytest.mark.parametrize("file_type", ["stix", "csv"])
    async def test_a_zip_has_one_or_more_members(
        self, clock: HeldClock, http: httpx.AsyncClient, file_type: str
    ) -> None:
        async with mimecast(clock, zip_members=3) as sim:
            headers = await bearer(http, sim.base_url, CONTOSO)
            answer = await get_feed(http, sim.base_url, headers, compress=True, fileType=file_type)
        assert answer.headers["Content-Type"] == "application/octet-stream"
        parts = members(answer.content)
        assert len(parts) == 3
        if file_type == "stix":
            assert sum(len(orjson.loads(part)["objects"]) for part in parts) == 60
        else:
            assert sum(len(part.splitlines()) - 1 for part in parts) == 20

    async def test_the_content_type_can_mislead(self, clock: HeldClock, http: httpx.AsyncClient) -> None:
        async with mimecast(clock, content_type="text/html") as sim:
            answer = await get_feed(http, sim.base_url, await bearer(http, sim.base_url, CONTOSO))
        assert answer.headers["Content-Type"] == "text/html"
        assert answer.json()["type"] == "bundle"

    @pytest.mark.parametrize("empty", list(EmptyFeed))
    async def test_an_empty_window(self, clock: HeldClock, http: httpx.AsyncClient, empty: EmptyFeed) -> None:
        window = {"start": clock.form(days=90), "end": clock.form(days=80)}
        async with mimecast(clock, SPEC.model_copy(update={"csv": CsvForm()}), empty=empty) as sim:
            headers = await bearer(http, sim.base_url, CONTOSO)
            stix = await get_feed(http, sim.base_url, headers, **window)
            table = await get_feed(http, sim.base_url, headers, fileType="csv", **window)
            packed = await get_feed(http, sim.base_url, headers, compress=True, **window)
        assert (stix.status_code, table.status_code, packed.status_code) == (200, 200, 200)
        if empty is EmptyFeed.FILE:
            assert stix.json()["objects"] == []
            assert len(table.text.splitlines()) == 1
        elif empty is EmptyFeed.NOTHING:
            assert (stix.content, table.content, packed.content) == (b"", b"", b"")
        elif empty is EmptyFeed.NO_DATA:
            assert stix.json() == {"meta": {"status": 200}, "data": [], "fail": []}
        else:
            error = stix.json()["fail"][0]["errors"][0]
            assert error["code"] == "err_threat_intel_feed_no_result_found"
            assert error["message"] == "No results found for threat intel feed."
            said = packed.json()["fail"][0]["errors"][0]["message"]
            assert (said == "Unable to compress feeds.") == (empty is EmptyFeed.UNABLE_TO_COMPRESS)
        assert NEXT not in stix.headers

    @pytest.mark.parametrize("last_page", list(LastPage))
    async def test_a_window_ends_in_each_way_that_clients_know(
        self, clock: HeldClock, http: httpx.AsyncClient, last_page: LastPage
    ) -> None:
        async with mimecast(clock, last_page=last_page) as sim:
            headers = await bearer(http, sim.base_url, CONTOSO)
            tokens: list[str | None] = []
            served: list[bool] = []
            while len(tokens) < 10 and (not tokens or tokens[-1] is not None):
                beside = {"token": tokens[-1]} if tokens else {}
                answer = await get_feed(http, sim.base_url, headers, **beside)
                served.append("objects" in answer.json())
                tokens.append(answer.headers.get(NEXT))
        if last_page is LastPage.NO_TOKEN:
            assert all(served)
        elif last_page is LastPage.EMPTY:
            assert served == [True] * (len(served) - 1) + [False]
        else:
            assert not any(served[-3:])
            assert tokens[-1] is not None
            assert (tokens[-1] == tokens[-2]) == (last_page is LastPage.EMPTY_SAME_TOKEN)

    async def test_every_answer_has_a_date(self, clock: HeldClock, http: httpx.AsyncClient) -> None:
        async with mimecast(clock) as sim:
            headers = await bearer(http, sim.base_url, CONTOSO)
            answer = await get_feed(http, sim.base_url, headers)
        assert parsedate_to_datetime(answer.headers["Date"]) == clock().replace(microsecond=0)

    @pytest.mark.parametrize("dashed", [True, False])
    @pytest.mark.parametrize("form", list(ResetForm))
    async def test_the_limit_is_said_in_each_form_that_clients_know(
        self, clock: HeldClock, http: httpx.AsyncClient, dashed: bool, form: ResetForm
    ) -> None:
        async with mimecast(clock, limit=CallLimit(calls=1, seconds=40, dashed=dashed, reset=form)) as sim:
            headers = await bearer(http, sim.base_url, CONTOSO)
            answer = await get_feed(http, sim.base_url, headers)
        found = int(answer.headers["X-Rate-Limit-Reset" if dashed else "X-RateLimit-Reset"])
        whole = int(clock().timestamp()) + 40
        assert (
            found
            == {
                ResetForm.MILLISECONDS: 40_000,
                ResetForm.EPOCH_SECONDS: whole,
                ResetForm.EPOCH_MILLISECONDS: whole * 1000,
            }[form]
        )

    async def test_late_rows_are_in_the_window_of_their_own_time(
        self, clock: HeldClock, http: httpx.AsyncClient
    ) -> None:
        async with mimecast(clock) as sim:
            headers = await bearer(http, sim.base_url, CONTOSO)
            window = {"start": clock.form(minutes=20), "end": clock.form(minutes=5)}
            before = await all_pages(http, sim.base_url, headers, fileType="csv", **window)
            batch = {"feed": "contoso/malware_customer", "count": 3, "age_seconds": 600}
            made = (await http.post(f"{sim.base_url}/_sim/late", json=batch)).json()["observables"]
            after = await all_pages(http, sim.base_url, headers, fileType="csv", **window)
            unknown = await http.post(f"{sim.base_url}/_sim/late", json={"feed": "nobody"})
            unfit = await http.post(f"{sim.base_url}/_sim/late", json={"count": 0})
        shown = {row["SHA256"].lower() for row in csv.DictReader(io.StringIO(after[0].text), delimiter="|")}
        assert {value for _, value, _ in made} <= shown
        assert not any(value in answer.text.lower() for answer in before for _, value, _ in made)
        assert (unknown.status_code, unfit.status_code) == (404, 400)

    @pytest.mark.parametrize("shown", list(LimitHeaders))
    async def test_calls_are_limited_an_account(
        self, clock: HeldClock, http: httpx.AsyncClient, shown: LimitHeaders
    ) -> None:
        limit = CallLimit(calls=2, seconds=10, headers=shown, retry_after=shown is LimitHeaders.NEVER)
        async with mimecast(clock, limit=limit) as sim:
            headers = await bearer(http, sim.base_url, CONTOSO)
            answers = [await get_feed(http, sim.base_url, headers) for _ in range(3)]
            other = await get_feed(http, sim.base_url, signed(FABRIKAM, clock()))
            clock.forward(seconds=10)
            later = await get_feed(http, sim.base_url, headers)
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert (other.status_code, later.status_code) == (200, 200)
        on = ["x-ratelimit-reset" in answer.headers for answer in answers]
        assert on == {"always": [True] * 3, "limited": [False, False, True], "never": [False] * 3}[shown]
        if shown is LimitHeaders.NEVER:
            assert answers[2].headers["Retry-After"] == "10"
        else:
            assert answers[2].headers["X-RateLimit-Reset"] == "10000"
            assert answers[2].headers["X-RateLimit-Remaining"] == "0"

    async def test_the_truth_is_handed_out(self, clock: HeldClock, http: httpx.AsyncClient) -> None:
        async with mimecast(clock) as sim:
            headers = await bearer(http, sim.base_url, CONTOSO)
            await all_pages(http, sim.base_url, headers)
            truth = (await http.get(f"{sim.base_url}/_sim/truth", params={"feed": "grid:eu"})).json()
            state = (await http.get(f"{sim.base_url}/_sim/state", params={"calls": 10})).json()
        assert list(truth) == ["grid:eu"]
        assert truth["grid:eu"]["detections"] == 45
        assert sum(row[2] for row in truth["grid:eu"]["observables"]) == 45
        assert state["feeds"]["contoso/malware_customer"] == {"requests": 3, "pages": 3, "detections_served": 45}
        assert [(call["account"], call["page"], call["status"]) for call in state["calls"]] == [
            ("contoso", 1, 200),
            ("contoso", 2, 200),
            ("contoso", 3, 200),
        ]
