"""Metrics and the spans of calls: what is counted, under which names, and how many series that makes."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from opentelemetry.semconv._incubating.attributes import messaging_attributes
from opentelemetry.semconv.attributes import error_attributes, http_attributes, server_attributes, url_attributes
from opentelemetry.trace import SpanKind

from mti.common.errors import Pause
from mti.common.pauses import PauseState
from mti.common.telemetry import active, attributes, calling, labelled
from tests.support.recorded import attributes_of, recorded, series

pytestmark = pytest.mark.pure

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


class Turned:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        return None


def pause(reason: str = "RoleMissing") -> PauseState:
    return PauseState(reason=reason, description="…", since=NOW, probed=NOW, until=NOW + timedelta(minutes=5))


def test_detections_are_counted_by_tenant_and_outcome_and_the_rejected_by_reason() -> None:
    with recorded() as there:
        measure = active().instruments
        measure.fetched("contoso/malware_customer", 10)
        measure.detections("contoso/malware_customer", {"new": 3, "refreshed": 0, "suppressed": 5}, {"TestFile": 2})
        measure.detections("grid:eu", {"new": 1, "refreshed": 0, "suppressed": 0}, {})
    assert there.points("mti.detections.fetched") == {series(mti_tenant="contoso"): 10}
    assert there.points("mti.detections") == {
        series(mti_tenant="contoso", mti_outcome="new"): 3,
        series(mti_tenant="contoso", mti_outcome="suppressed"): 5,
        series(mti_tenant="contoso", mti_outcome="rejected"): 2,
        series(mti_tenant="grid:eu", mti_outcome="new"): 1,
    }
    assert there.points("mti.detections.rejected") == {series(mti_tenant="contoso", mti_reason="TestFile"): 2}


def test_tenants_beyond_the_bound_are_other() -> None:
    with recorded(tenants=2) as there:
        for number in (1, 2, 3, 4, 1):
            active().instruments.fetched(f"tenant-{number}/malware_customer", 1)
    assert there.points("mti.detections.fetched") == {
        series(mti_tenant="tenant-1"): 2,
        series(mti_tenant="tenant-2"): 1,
        series(mti_tenant="other"): 2,
    }


def test_reasons_that_messages_make_up_do_not_make_series_without_end() -> None:
    with recorded() as there:
        for number in range(1000):
            active().instruments.dead_lettered("raw-pages", f"Reason{number}")
    found = there.points("mti.dead_letters")
    assert len(found) == 101
    assert found[series(messaging_destination_name="raw-pages", mti_reason="other")] == 900


def test_freshness_is_the_age_of_the_detection_and_never_negative() -> None:
    with recorded() as there:
        active().instruments.fresh("contoso/malware_customer", 90.0)
        active().instruments.fresh("contoso/malware_customer", -5.0)
    assert there.histogram("mti.freshness") == [90.0]


class TestPauses:
    def test_what_is_paused_is_counted_until_it_is_not(self) -> None:
        with recorded(Turned()) as there:
            pauses = active().instruments.pauses
            pauses.record("destination", "w1", "contoso", pause())
            pauses.record("destination", "w2", "contoso", pause())
            pauses.record("source", "fabrikam/malware_customer", "fabrikam", pause("CredentialsRefused"))
            assert there.points("mti.pauses") == {
                series(mti_kind="destination", mti_tenant="contoso", mti_reason="RoleMissing"): 2,
                series(mti_kind="source", mti_tenant="fabrikam", mti_reason="CredentialsRefused"): 1,
            }
            pauses.record("destination", "w1", "contoso", None)
            found = there.points("mti.pauses")
        assert found[series(mti_kind="destination", mti_tenant="contoso", mti_reason="RoleMissing")] == 1

    def test_a_pause_that_another_instance_ended_is_forgotten_when_its_time_is_over(self) -> None:
        clock = Turned()
        with recorded(clock) as there:
            active().instruments.pauses.record("destination", "w1", "contoso", pause())
            clock.time += timedelta(minutes=6)
            assert list(there.points("mti.pauses").values()) == [0]
            assert active().instruments.pauses.observe() == []


class TestCalls:
    def test_a_call_is_a_client_span_by_the_conventions_with_whose_it_is(self) -> None:
        with (
            recorded() as there,
            labelled(tenant="contoso", source="contoso/malware_customer"),
            calling("mimecast", "POST", "https://eu-api.mimecast.com", "/api/get-feed") as call,
        ):
            call.answered(200)
        span = there.span("POST /api/get-feed")
        assert span.kind is SpanKind.CLIENT
        assert attributes_of(span) == {
            "http.request.method": "POST",
            "server.address": "eu-api.mimecast.com",
            "server.port": 443,
            "url.full": "https://eu-api.mimecast.com:443/api/get-feed",
            "url.template": "/api/get-feed",
            "mti.api": "mimecast",
            "mti.tenant": "contoso",
            "mti.source": "contoso/malware_customer",
            "http.response.status_code": 200,
        }
        assert there.points("mti.requests") == {series(mti_api="mimecast", mti_tenant="contoso"): 1}
        (key,) = there.points("http.client.request.duration")
        assert not {name for name, _ in key} & {"mti.source", "mti.tenant", "url.full"}

    def test_a_rate_limit_is_counted_apart(self) -> None:
        with recorded() as there, labelled(tenant="contoso"), calling("sentinel", "POST", "https://x", "/u") as call:
            call.answered(429)
        assert there.points("mti.requests.throttled") == {series(mti_api="sentinel", mti_tenant="contoso"): 1}
        span = there.span("POST /u")
        assert (span.status.is_ok, attributes_of(span)["error.type"]) == (False, "429")

    def test_a_call_without_an_answer_names_the_kind_of_failure_and_not_its_words(self) -> None:
        with recorded() as there:
            with pytest.raises(httpx.ConnectError), calling("sentinel", "POST", "https://x", "/u"):
                raise httpx.ConnectError("words with a secret")
            with pytest.raises(Pause), calling("sentinel", "POST", "https://x", "/u"):
                raise Pause("RedirectRefused", "words with a secret")
        assert [attributes_of(span)["error.type"] for span in there.spans] == ["ConnectError", "RedirectRefused"]
        assert "secret" not in "".join(span.to_json() for span in there.spans)
        errors = {dict(key)["error.type"] for key in there.points("http.client.request.duration")}
        assert errors == {"ConnectError", "RedirectRefused"}

    def test_credentials_and_queries_of_an_address_stay_out(self) -> None:
        address = "http://user:secret@host:8080/base?key=secret"
        with recorded() as there, calling("mimecast", "POST", address, "/api"):
            pass
        assert "secret" not in there.spans[0].to_json()
        assert attributes_of(there.spans[0])["url.full"] == "http://host:8080/base/api"


def test_names_are_those_of_the_conventions() -> None:
    known = {
        value
        for module in (messaging_attributes, http_attributes, server_attributes, url_attributes, error_attributes)
        for value in vars(module).values()
        if isinstance(value, str)
    }
    ours = {
        value
        for name, value in vars(attributes).items()
        if name.isupper() and isinstance(value, str) and value.startswith(("messaging.", "http.", "server.", "error."))
    }
    assert ours
    assert ours <= known
