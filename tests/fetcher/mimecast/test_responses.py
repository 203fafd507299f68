"""Every shape of an answer, and what it means."""

import gzip
import io
import tracemalloc
import zipfile
from datetime import datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from mti.common.errors import Pause, Retry
from mti.common.registry import Feed, FeedFormat
from mti.fetcher.mimecast import FeedPage, FeedRequest, PartlyUnreadable
from mti.fetcher.mimecast.model import Answer
from mti.fetcher.mimecast.responses import decode, judge
from tests.fetcher.mimecast.test_feed_files import HEADER, bundle, indicator, malware, relationship, zipped
from tests.fetcher.world import NOW

pytestmark = pytest.mark.pure

MIB = 1024 * 1024
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
TEXTS = (
    (bundle(indicator("ä"), indicator("b")).decode(), FeedFormat.STIX),
    (f"{HEADER}\nt|a|ä\nt|c|d\n", FeedFormat.CSV),
)
NEXT = "x-mc-threat-feed-next-token"


def page(
    body: bytes | dict[str, Any],
    status: int = 200,
    headers: dict[str, str] | None = None,
    token: str | None = None,
    compress: bool = True,
    accepted: str | None = None,
) -> FeedPage:
    request = FeedRequest(
        source="contoso/malware_customer",
        feed=Feed.MALWARE_CUSTOMER,
        format=FeedFormat.STIX,
        start=NOW,
        end=NOW,
        token=token,
        compress=compress,
    )
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    answer = Answer(status=status, headers=httpx.Headers(headers or {}), body=data)
    return judge(answer, decode(answer, MIB, accepted), request, NOW)


def gz(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def littered(*bodies: bytes) -> bytes:
    """Return an archive with what no feed is, and perhaps one with what is."""
    buffer = io.BytesIO(zipped(*bodies))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.mkdir("feeds/")
        archive.writestr("__MACOSX/._1", b"{not a feed")
        archive.writestr("feeds/.DS_Store", b"\0\0\0\1Bud1")
        archive.writestr("Thumbs.db", b"\xd0\xcf\x11\xe0")
        if bodies:
            archive.writestr("README.txt", b"See the terms of use.")
            archive.writestr("manifest.json", b'{"files": 2}')
    return buffer.getvalue()


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
        (orjson.dumps({"id": "bundle--1", "objects": [indicator("a"), indicator("b")]}), FeedFormat.STIX),
        (gz(bundle(indicator("a"), indicator("b"))), FeedFormat.STIX),
        (gz(f"{HEADER}\nt|a|b\n".encode()) + gz(b"t|c|d"), FeedFormat.CSV),
        (gz(zipped(bundle(indicator("a"), indicator("b")))), FeedFormat.STIX),
        (zipped(gz(bundle(indicator("a"))), gz(bundle(indicator("b")))), FeedFormat.STIX),
        (zipped(zipped(bundle(indicator("a"), indicator("b")))), FeedFormat.STIX),
        (littered(bundle(indicator("a")), bundle(indicator("b"))), FeedFormat.STIX),
        *((text.encode(name), form) for name in ENCODINGS for text, form in TEXTS),
        *((zipped(text.encode(name)), form) for name in ENCODINGS for text, form in TEXTS),
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
        b"",
        b"  \n",
        b"\xef\xbb\xbf",
        gz(b""),
        b'{"data":[],"fail":[]}',
        b'{"meta":{"status":200},"data":[],"fail":[]}',
        b'{"data":[]}',
        b'{"data":null,"fail":null}',
        orjson.dumps(envelope("err_x", "Unable to compress feeds.")),
        orjson.dumps({"fail": [{"code": "x", "message": "unable to compress feeds"}]}),
        zipped(orjson.dumps(envelope("err_threat_intel_feed_no_result_found"))),
        zipped(b""),
        littered(),
        littered(bundle()),
        bundle(),
        orjson.dumps({"type": "bundle", "id": "bundle--1"}),
        orjson.dumps({"type": "bundle", "id": "bundle--1", "objects": None}),
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
        b"<!DOCTYPE html><html></html>",
        b"\n <html>",
        b'{"type":"bundle","objects":[{"type":"ind',
        b"[]",
        b"{}",
        b"{1}",
        b'{"type":"bundle","objects":{}}',
        b'{"meta":{"status":500},"data":[],"fail":[]}',
        b'{"data":[{"id":1}],"fail":[]}',
        b'{"fail":[]}',
        gz(b"<html>"),
        gz(bundle(indicator("a")))[:-9],
        zipped(b"just a note"),
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


@pytest.mark.parametrize(
    ("status", "compress"), [(200, False), (400, True), (500, True)], ids=["not asked to", "400", "500"]
)
def test_unable_to_compress_is_a_failure_wherever_it_can_t_mean_an_empty_window(status: int, compress: bool) -> None:
    with pytest.raises((Retry, Pause)):
        page(envelope("err_x", "Unable to compress feeds."), status, compress=compress)


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("Tue, 24 Nov 2026 12:00:05 GMT", NOW + timedelta(seconds=5)),
        ("Tue, 24 Nov 2026 13:00:05 +0100", NOW + timedelta(seconds=5)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("noon", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        (None, None),
    ],
)
def test_a_page_carries_mimecast_s_own_time_unless_that_is_no_time_of_the_answer(
    said: str | None, moment: datetime | None
) -> None:
    headers = {} if said is None else {"Date": said}
    assert page(bundle(indicator("a")), headers=headers).answered_at == moment


def test_a_rate_limit_carries_its_wait() -> None:
    with pytest.raises(Retry) as caught:
        page(b"", 429, {"X-RateLimit-Reset": "2500"})
    assert caught.value.delay == timedelta(seconds=2.5)


def test_a_success_that_exhausts_the_limit_says_when_the_next_call_is_free() -> None:
    found = page(bundle(), headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2500"})
    assert found.free_in == timedelta(seconds=2.5)


def broken(archive: bytes, name: str = "folder/1") -> bytes:
    """Return the archive with one member whose content does not match its checksum."""
    with zipfile.ZipFile(io.BytesIO(archive)) as read:
        info = read.getinfo(name)
    data = bytearray(archive)
    data[info.header_offset + 30 + len(info.filename) + info.compress_size // 2] ^= 0x55
    return bytes(data)


class TestDamage:
    """A part of a page that can't be read."""

    @pytest.mark.parametrize(
        "body",
        [
            broken(zipped(bundle(indicator("a")), bundle(indicator("b")))),
            zipped(bundle(indicator("a")), b'{"type":"bundle","objects":[{"type":"ind'),
            zipped(bundle(indicator("a")), b"Time|Digest\n2026|" + b"a" * 64),
            zipped(bundle(indicator("a")), b"<html>502</html>"),
            zipped(bundle(indicator("a")), orjson.dumps(envelope("err"))),
            zipped(bundle(indicator("a")), gz(bundle(indicator("b")))[:-9]),
            zipped(f"{HEADER}\nt|a|b\n".encode(), b'{"type":"bundle","objects":5}'),
            f"{HEADER}\nt|a|b\n2026".encode(),
        ],
    )
    def test_is_a_failure_at_first_and_what_has_it_again_and_again_is_set_aside_by_name(self, body: bytes) -> None:
        with pytest.raises(PartlyUnreadable) as caught:
            page(body)
        assert caught.value.reason == "UnreadablePage"
        with pytest.raises(PartlyUnreadable):
            page(body, accepted="other damage")
        found = page(body, accepted=caught.value.damage)
        assert found.detections == 2
        assert [part.reason for file in found.files for part in file.aside] in ([], ["UnreadableMember"])

    def test_of_all_that_there_is_stays_a_failure(self) -> None:
        only = broken(zipped(b"", bundle(indicator("a"))))
        for body in (only, zipped(b"<html>"), zipped(b"\0" * 99, b"{"), zipped(b"note")):
            with pytest.raises(Retry) as caught:
                page(body)
            assert not isinstance(caught.value, PartlyUnreadable)


ODD = {
    "nested beyond all parsers": b'"x":' + b"[" * 3000 + b"]" * 3000,
    "infinite": b'"x":1e999',
    "minus infinite": b'"x":[{"y":-1E+999}]',
    "not a number": b'"x":NaN',
    "infinity": b'"x":-Infinity',
    "a long integer": b'"x":' + b"9" * 5000,
    "quotes in a name": b'"name":"the "newest" one"',
    "no quotes": b'"name":Invoice',
    "a control character": b'"x":"\x01"',
    "a quote too many": b'"name":"the "newest one"',
    "a quote too few": b'"name":"the newest one',
    "a comma too many": b'"x":[1,]',
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize("packed", [True, False])
def test_one_odd_object_is_set_aside_with_its_relatives_and_the_others_go_on(odd: bytes, packed: bool) -> None:
    good = [found for name in "abc" for found in (indicator(name), malware(name), relationship(name, name))]
    strange = b'{"type":"indicator","id":"indicator--odd",' + odd + b"}"
    others = [orjson.dumps(found) for found in (*good, malware("odd"), relationship("odd", "odd"))]
    body = b'{"type":"bundle","id":"bundle--1","objects":[' + b" , ".join([*others[:4], strange, *others[4:]]) + b"]}"
    [file] = page(zipped(body) if packed else body).files
    assert list(file.records) == [[good[at], good[at + 1], good[at + 2]] for at in (0, 3, 6)]
    [aside] = file.aside
    assert (aside.reason, aside.text) == ("UnreadableDetection", strange)


@pytest.mark.parametrize("name", [b"half a face \\ud83d", b"\\udc00\\ud800", b"broken \xff\xfe"])
def test_half_a_character_in_a_name_costs_no_detection_even_beside_what_is_odd(name: bytes) -> None:
    named = b'{"type":"indicator","id":"indicator--named","name":"' + name + b'"}'
    odd = b'{"type":"indicator","id":"indicator--odd","x":NaN}'
    for objects, aside in (([named], 0), ([named, odd], 1)):
        body = b'{"type":"bundle","objects":[' + b",".join(objects) + b"]}"
        [file] = page(body).files
        assert (len(file.records), len(file.aside)) == (1, aside)


def test_objects_that_stand_under_a_name_that_is_there_twice_are_all_read() -> None:
    body = b'{"type":"bundle","objects":[{"type":"indicator","id":"indicator--a"}],"objects":[]}'
    assert page(body).detections == 1


@pytest.mark.parametrize("tail", [b"", b"]", b"]}<html>", b"]}}", b"]}]"])
def test_a_bundle_that_is_not_closed_as_it_was_opened_is_not_taken_apart(tail: bytes) -> None:
    body = b'{"type":"bundle","objects":[{"type":"indicator","id":"indicator--odd","x":NaN}' + tail
    with pytest.raises(Retry) as caught:
        page(body)
    assert caught.value.reason == "UnreadablePage"


def test_odd_objects_beside_each_other_are_counted_one_by_one() -> None:
    odds = [b'{"type":"indicator","id":"indicator--%d",%s}' % (at, odd) for at, odd in enumerate(ODD.values())]
    even = [odd for odd in odds if odd.count(b'"') % 2 == 0]
    body = b'{"type":"bundle","objects":[' + b",".join([*even, b'{"type":"indicator","id":"indicator--good"}'])
    [file] = page(body + b'],"spec_version":"2.0"}').files
    assert [part.text for part in file.aside] == even
    assert len(file.records) == 1


@pytest.mark.parametrize(("method", "name"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "LZMA")])
def test_an_archive_that_is_packed_otherwise_than_by_deflate_is_refused_by_name_and_never_unpacked(
    method: int, name: str
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("feed.json", b" " * (64 * 1024 * 1024))
    bomb = buffer.getvalue()
    tracemalloc.start()
    with pytest.raises(Retry, match=f"packed by {name}") as caught:
        page(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.reason == "UnreadablePage"
    assert peak < 4 * 1024 * 1024


def test_a_stored_archive_is_as_good_as_a_deflated_one() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("feed.json", bundle(indicator("a")))
    assert page(buffer.getvalue()).detections == 1


def test_an_archive_of_countless_members_is_refused_before_any_is_looked_at() -> None:
    entries = b"PK\x01\x02" + b"\x00" * 42
    with pytest.raises(Pause, match="200000 members"):
        page(b"PK\x03\x04" + entries * 200_000)


@pytest.mark.parametrize("field", ["code", "message"])
def test_a_failure_whose_words_nest_without_end_is_told_without_them(field: str) -> None:
    nested = b"[" * 1010 + b"]" * 1010
    body = b'{"fail":[{"errors":[{"retryable":true,"' + field.encode() + b'":' + nested + b"}]}]}"
    with pytest.raises(Retry, match="Mimecast reports a failure"):
        page(body)
