"""Every shape of an answer, and what it means."""

from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from mti.common.errors import Pause, Retry
from mti.common.registry import Feed, FeedFormat
from mti.fetcher.mimecast import FeedPage, FeedRequest
from mti.fetcher.mimecast.model import Answer
from mti.fetcher.mimecast.responses import page_of
from tests.fetcher.mimecast.test_records import HEADER, bundle, indicator, zipped
from tests.fetcher.world import NOW

MIB = 1024 * 1024
NEXT = "x-mc-threat-feed-next-token"


def page(
    body: bytes | dict[str, Any], status: int = 200, headers: dict[str, str] | None = None, token: str | None = None
) -> FeedPage:
    request = FeedRequest(
        source="contoso/malware_customer",
        feed=Feed.MALWARE_CUSTOMER,
        format=FeedFormat.STIX,
        start=NOW,
        end=NOW,
        token=token,
    )
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    return page_of(Answer(status=status, headers=httpx.Headers(headers or {}), body=data), request, NOW, MIB)


def envelope(code: str, message: str = "", **fields: Any) -> dict[str, Any]:
    return {"meta": {"status": 200}, "data": [], "fail": [{"errors": [{"code": code, "message": message, **fields}]}]}


@pytest.mark.parametrize("name", [NEXT, NEXT.upper(), "X-Mc-Threat-Feed-Next-Token"])
def test_the_token_s_header_may_have_any_case(name: str) -> None:
    assert page(bundle(indicator("a")), headers={name: "next"}).token == "next"


@pytest.mark.parametrize("headers", [{}, {NEXT: ""}, {NEXT: "  "}])
def test_no_token_is_the_end(headers: dict[str, str]) -> None:
    assert page(bundle(indicator("a")), headers=headers).token is None


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (bundle(indicator("a"), indicator("b")), FeedFormat.STIX),
        (b"\xef\xbb\xbf \n" + bundle(indicator("a"), indicator("b")), FeedFormat.STIX),
        (f"{HEADER}\nt|a|b\nt|c|d\n".encode(), FeedFormat.CSV),
        (zipped(bundle(indicator("a")), bundle(indicator("b"))), FeedFormat.STIX),
        (zipped(f"{HEADER}\nt|a|b\n".encode(), b"", f"{HEADER}\nt|c|d".encode()), FeedFormat.CSV),
    ],
)
@pytest.mark.parametrize("content_type", ["text/html", "application/json", "text/csv", ""])
def test_the_body_says_what_it_is(body: bytes, form: FeedFormat, content_type: str) -> None:
    found = page(body, headers={"Content-Type": content_type})
    [file] = found.files
    assert file.format is form
    assert found.detections == 2


@pytest.mark.parametrize(
    "body",
    [
        bundle(),
        orjson.dumps({"type": "bundle", "id": "bundle--1"}),
        HEADER.encode(),
        zipped(),
        zipped(bundle()),
        orjson.dumps(envelope("err_threat_intel_feed_no_result_found")),
        orjson.dumps(envelope("err_other", "No results found for threat intel feed.")),
        orjson.dumps({"fail": [{"code": "err_threat_intel_feed_no_result_found", "message": "x"}]}),
    ],
)
@pytest.mark.parametrize("token", [None, "next"])
def test_nothing_to_give_is_an_empty_page_and_goes_on_where_a_token_leads(body: bytes, token: str | None) -> None:
    found = page(body, headers={NEXT: token} if token else {})
    assert found.files == []
    assert found.token == token


def test_nothing_to_give_is_no_failure_under_another_status_either() -> None:
    assert page(envelope("err_threat_intel_feed_no_result_found"), 404).token is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"<!DOCTYPE html><html></html>",
        b"\n <html>",
        b'{"type":"bundle","objects":[{"type":"ind',
        b"[]",
        b"{}",
        b"{1}",
        b'{"type":"bundle","objects":{}}',
        b'{"meta":{"status":200},"data":[],"fail":[]}',
        b"upstream connect error or disconnect/reset before headers",
        f"{HEADER}\nt|a|b\n2026".encode(),
        zipped(bundle(indicator("a")))[:-30],
        zipped(b"<html>"),
        zipped(orjson.dumps(envelope("err"))),
        b"PK\x03\x04nonsense",
        b"\x00\x01\x02",
    ],
)
def test_what_is_no_feed_file_is_tried_again_and_never_the_end(body: bytes) -> None:
    with pytest.raises(Retry) as caught:
        page(body)
    assert caught.value.reason == "UnreadablePage"


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason"),
    [
        (200, envelope("err_x", retryable=True), Retry, "MimecastFailure"),
        (200, envelope("err_x", retryable=False), Pause, "RequestRefused"),
        (200, envelope("err_x"), Retry, "MimecastFailure"),
        (200, {"fail": [{"code": "x", "message": "y"}]}, Retry, "MimecastFailure"),
        (200, {"error": {"message": "y"}}, Retry, "MimecastFailure"),
        (200, {"fail": ["?", {"errors": []}, 7]}, Retry, "MimecastFailure"),
        (400, envelope("err_x", retryable=False), Pause, "RequestRefused"),
        (400, {"fail": [{"code": "x", "message": "y"}]}, Pause, "RequestRefused"),
        (400, b"", Pause, "RequestRefused"),
        (400, b"<html>", Retry, "UnreadablePage"),
        (401, b"<html>", Pause, "CredentialsRefused"),
        (403, {"error": {"message": "y"}}, Pause, "PermissionMissing"),
        (403, b"<html>", Retry, "UnreadablePage"),
        (404, envelope("err_x", retryable=False), Pause, "FeedNotFound"),
        (409, envelope("err_x", retryable=False), Retry, "MimecastUnavailable"),
        (418, envelope("err_x", retryable=False), Pause, "BindingExpired"),
        (429, b"", Retry, "MimecastRateLimited"),
        (500, b"<html>", Retry, "MimecastUnavailable"),
        (502, b"{", Retry, "MimecastUnavailable"),
        (503, envelope("err_x", retryable=False), Retry, "MimecastUnavailable"),
    ],
)
def test_a_refusal_says_what_is_to_be_done(
    status: int, body: bytes | dict[str, Any], kind: type[Exception], reason: str
) -> None:
    with pytest.raises(kind) as caught:
        page(body, status)
    assert isinstance(caught.value, (Retry, Pause))
    assert caught.value.reason == reason


@pytest.mark.parametrize(("status", "retryable"), [(400, False), (404, False), (200, False), (410, None)])
def test_a_refusal_of_a_request_with_a_token_is_the_token_s(status: int, retryable: bool | None) -> None:
    with pytest.raises(Pause) as caught:
        page(envelope("err_x", "no such token abc-def", retryable=retryable), status, token="abc-def")
    assert caught.value.reason == "TokenRefused"
    assert "abc-def" not in caught.value.description


def test_a_rate_limit_carries_its_wait() -> None:
    with pytest.raises(Retry) as caught:
        page(b"", 429, {"X-RateLimit-Reset": "2500"})
    assert caught.value.delay == timedelta(seconds=2.5)


def test_a_success_that_exhausts_the_limit_says_when_the_next_call_is_free() -> None:
    found = page(bundle(), headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2500"})
    assert found.free_in == timedelta(seconds=2.5)
