"""What travels on the bus: identities follow from content, bodies fit, and nothing is guessed at."""

import gzip
import hashlib
import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from mti.common.contracts import (
    FetchJob,
    Indicator,
    IndicatorBatch,
    Oversize,
    PageChunk,
    copy_id,
    cut,
    decode,
    digest,
    envelope_of,
    indicators_message,
    indicators_messages,
    job_message,
    page_message,
    timestamp,
)
from mti.common.contracts.chunks import HEADROOM, MESSAGE_LIMIT, Unsent, message_size
from mti.common.contracts.envelope import PARKS, REPLAYS, RETRIES
from mti.common.errors import Poison, UnsupportedSchema
from mti.common.ports.bus import Outgoing, Received
from mti.common.registry import Feed, FeedFormat

pytestmark = pytest.mark.pure

WHEN = datetime(2026, 11, 24, 10, 15, 30, 99000, tzinfo=UTC)


def received(message: Outgoing, **changes: Any) -> Received:
    fields: dict[str, Any] = {
        "body": message.body,
        "message_id": message.message_id,
        "to": message.to,
        "subject": message.subject,
        "session_id": message.session_id,
        "properties": message.properties,
    }
    return Received(**{**fields, **changes})


def chunk(*names: str, source: str = "contoso/malware_customer") -> PageChunk:
    return PageChunk(
        source=source,
        feed=Feed.MALWARE_CUSTOMER,
        region="eu",
        format=FeedFormat.CSV,
        header=["FileName"],
        records=[[name] for name in names],
    )


def indicator(number: int, modified: datetime = WHEN) -> Indicator:
    return Indicator(
        id=f"indicator--00000000-0000-5000-8000-{number:012}",
        created=WHEN,
        modified=modified,
        name=f"number {number}",
        pattern=f"[file:hashes.'SHA-256' = '{number:064x}']",
        valid_from=WHEN,
        valid_until=WHEN.replace(year=2027),
        confidence=80,
    )


def random_records(count: int, size: int, seed: int = 7) -> list[list[Any]]:
    rng = random.Random(seed)
    return [[rng.randbytes(size).hex()] for _ in range(count)]


def cut_csv(records: list[list[Any]], **options: Any) -> list[tuple[PageChunk, Outgoing]]:
    return list(
        cut(
            records,
            source="grid:eu",
            feed=Feed.MALWARE_GRID,
            region="eu",
            format=FeedFormat.CSV,
            header=["N"],
            **options,
        )
    )


def test_a_message_is_read_back_as_it_was_written() -> None:
    envelope, found = decode(received(page_message(chunk("a", "b|c"))), PageChunk)
    assert found == chunk("a", "b|c")
    assert (envelope.type, envelope.source) == ("mimecast.ti.page.v1", "/sources/contoso/malware_customer")


def test_the_envelope_is_cloudevents_and_the_body_is_gzipped_json() -> None:
    message = page_message(chunk("a"))
    assert message.properties["cloudEvents_specversion"] == "1.0"
    assert message.properties["cloudEvents_id"] == message.message_id
    assert json.loads(gzip.decompress(message.body))["records"] == [["a"]]


def test_the_same_content_has_the_same_identity_and_other_content_another() -> None:
    assert page_message(chunk("a")) == page_message(chunk("a"))
    others = [chunk("b"), chunk("a", "a"), chunk("a", source="fabrikam/malware_customer")]
    assert len({page_message(other).message_id for other in [chunk("a"), *others]}) == 4


def test_a_refetch_after_a_reset_passes_duplicate_detection_and_is_the_same_thing() -> None:
    first, again = page_message(chunk("a")), page_message(chunk("a"), epoch=2)
    assert again.message_id == f"{first.message_id}~e2"
    assert envelope_of(received(again)).id == envelope_of(received(first)).id


def test_the_identity_of_a_batch_is_its_destination_with_ids_and_versions() -> None:
    def id_of(destination: str, *objects: Indicator) -> str:
        return indicators_message(destination, IndicatorBatch(source="grid:eu", objects=list(objects))).message_id

    one = id_of("w1", indicator(1), indicator(2))
    assert one == id_of("w1", indicator(1), indicator(2))
    newer = indicator(2, modified=WHEN.replace(hour=11))
    assert (
        len({one, id_of("w2", indicator(1), indicator(2)), id_of("w1", indicator(1), newer), id_of("w1", indicator(1))})
        == 4
    )


def test_the_identity_of_a_batch_ends_with_its_destination() -> None:
    """The same bytes, put together in another way: each part under its length, and the destination as the rest."""
    batch = IndicatorBatch(source="grid:eu", objects=[indicator(1), indicator(2)])
    versions = [f"{found.id}@{timestamp(found.modified)}" for found in batch.objects]
    parts = [part.encode() for part in ("mimecast.ti.indicators.v1", "grid:eu", *versions)]
    shared = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    assert [found.message_id for found in indicators_messages(["w1", "w2", "w\u00e9"], batch)] == [
        hashlib.sha256(shared + destination.encode()).hexdigest()[:40] for destination in ("w1", "w2", "w\u00e9")
    ]


@pytest.mark.parametrize(("run", "suffix"), [(None, ""), ("r7", "~br7")])
def test_the_identity_of_a_batch_is_what_it_has_always_been(run: str | None, suffix: str) -> None:
    batch = IndicatorBatch(source="grid:eu", objects=[indicator(1), indicator(2)])
    message = indicators_message("00000000-0000-0000-0000-00000000000a", batch, run=run)
    assert message.message_id == f"0c8cfbaad34fe197786fa6a65df454283b4940dc{suffix}"
    assert message.properties == {
        "cloudEvents_specversion": "1.0",
        "cloudEvents_id": "0c8cfbaad34fe197786fa6a65df454283b4940dc",
        "cloudEvents_source": "/sources/grid:eu",
        "cloudEvents_type": "mimecast.ti.indicators.v1",
        "cloudEvents_subject": "00000000-0000-0000-0000-00000000000a",
        "content_encoding": "gzip",
        "mti_objects": 2,
    }


def test_a_batch_goes_into_the_session_of_its_destination() -> None:
    message = indicators_message("w1", IndicatorBatch(source="grid:eu", objects=[indicator(1)]))
    assert message.session_id == "w1"
    assert b"w1" not in gzip.decompress(message.body)


def test_a_backfill_says_so_in_its_message_id() -> None:
    batch = IndicatorBatch(source="grid:eu", objects=[indicator(1)])
    assert indicators_message("w1", batch, run="r7").message_id == indicators_message("w1", batch).message_id + "~br7"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([(RETRIES, 1)], "abc~r1"),
        ([(RETRIES, 1), (RETRIES, 2)], "abc~r2"),
        ([(RETRIES, 2), (PARKS, 1)], "abc~r2~p1"),
        ([(PARKS, 1), (RETRIES, 1), (PARKS, 2)], "abc~r1~p2"),
        ([(REPLAYS, 3), (REPLAYS, 4)], "abc~y4"),
    ],
)
def test_a_copy_on_purpose_has_a_message_id_that_was_not_used_before(
    steps: list[tuple[str, int]], expected: str
) -> None:
    id = "abc"
    for counter, count in steps:
        id = copy_id(id, counter, count)
    assert id == expected


def test_two_timers_send_the_same_job_and_a_later_revision_sends_another() -> None:
    assert job_message("grid:eu", 4) == job_message("grid:eu", 4)
    assert job_message("grid:eu", 4).message_id != job_message("grid:eu", 5).message_id
    assert decode(received(job_message("grid:eu", 4)), FetchJob)[1].source == "grid:eu"


def test_an_unknown_major_version_is_never_guessed_at() -> None:
    message = page_message(chunk("a"))
    future = received(message, properties={**message.properties, "cloudEvents_type": "mimecast.ti.page.v2"})
    with pytest.raises(UnsupportedSchema, match=r"mimecast.ti.page.v2.*upgrade"):
        decode(future, PageChunk)


def test_a_field_that_a_newer_minor_version_added_is_ignored() -> None:
    message = page_message(chunk("a"))
    body = {**json.loads(gzip.decompress(message.body)), "added_later": 1}
    found = decode(received(message, body=gzip.compress(json.dumps(body).encode())), PageChunk)[1]
    assert found == chunk("a")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"rubbish",
        gzip.compress(b"{}", mtime=0)[:-4],
        gzip.compress(b"[]", mtime=0),
        gzip.compress(b'{"source": 1}', mtime=0),
        gzip.compress(b"\xff", mtime=0),
    ],
)
def test_a_body_that_is_not_the_contract_is_poison_with_a_cure(body: bytes) -> None:
    with pytest.raises(Poison) as failure:
        decode(received(page_message(chunk("a")), body=body), PageChunk)
    assert failure.value.reason == "MalformedBody"
    assert "mti dlq show" in failure.value.description


def test_a_body_that_unpacks_without_end_is_poison() -> None:
    bomb = gzip.compress(b" " * (65 * 1024 * 1024))
    with pytest.raises(Poison, match="unpacks to more than"):
        decode(received(page_message(chunk("a")), body=bomb), PageChunk)


def test_a_message_of_a_stranger_has_no_envelope_and_is_poison() -> None:
    stranger = replace(received(page_message(chunk("a"))), properties={})
    with pytest.raises(Poison) as failure:
        decode(stranger, PageChunk)
    assert failure.value.reason == "MalformedEnvelope"


@settings(deadline=None)
@given(st.lists(st.integers(0, 400_000), max_size=12), st.integers(1, 50))
def test_every_record_is_in_exactly_one_chunk_in_order_and_every_message_fits(
    sizes: list[int], records_limit: int
) -> None:
    records: list[list[Any]] = [
        [f"{number}:" + random.Random(number).randbytes(size // 2).hex()] for number, size in enumerate(sizes)
    ]
    found = cut_csv(records, records_limit=records_limit)
    kept = [record for piece, _ in found for record in (piece.records or [[rest.excerpt] for rest in piece.oversize])]
    assert [str(record[0]).removeprefix('["').split(":")[0] for record in kept] == [str(n) for n in range(len(sizes))]
    assert all(message_size(message) <= MESSAGE_LIMIT - HEADROOM for _, message in found)
    assert sum(piece.detections for piece, _ in found) == len(records)


def test_a_detection_that_no_message_can_hold_leaves_its_measure() -> None:
    found = cut_csv([["small"], *random_records(1, 300_000), ["tail"]])
    sizes = [piece.oversize[0].size for piece, _ in found if piece.oversize]
    assert sizes == [600_004]
    assert [piece.records for piece, _ in found if piece.records] == [[["small"]], [["tail"]]]


def test_chunks_are_cut_by_size_when_they_do_not_compress() -> None:
    found = cut_csv(random_records(200, 4_000))
    assert len(found) > 1
    assert sum(len(piece.records) for piece, _ in found) == 200


def nested(depth: int) -> Any:
    found: Any = []
    for _ in range(depth):
        found = [found]
    return found


ODD: dict[str, Any] = {
    "200 lists": nested(200),
    "260 lists": nested(260),
    "1000 lists": nested(1000),
    "20000 lists": nested(20_000),
    "objects": [{"x": [{"y": nested(230)}]}],
    "infinite": [float("inf")],
    "not a number": [{"x": float("nan")}],
    "a long integer": [10**30],
    "half a character": ["\ud83d"],
    "half a character in a name": [{"\udc00": 1}],
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize("place", [0, 57, 99])
def test_a_record_that_would_not_be_read_again_is_set_aside_and_its_neighbours_go_on(odd: Any, place: int) -> None:
    good = [[f"{number}"] for number in range(99)]
    found = cut_csv([*good[:place], odd, *good[place:]])
    kept = [record for piece, _ in found for record in piece.records]
    assert kept == good
    [rest] = [rest for piece, _ in found for rest in piece.oversize]
    assert rest.reason == "UnreadableDetection"
    assert rest.size > 2
    assert rest.excerpt
    for piece, message in found:
        assert decode(received(message), PageChunk)[1] == piece


def test_odd_records_among_each_other_are_set_aside_one_by_one() -> None:
    found = cut_csv([*ODD.values()])
    assert [len(piece.oversize) for piece, _ in found] == [1] * len(ODD)
    assert len({message.message_id for _, message in found}) == len(ODD)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.lists(
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
                lambda inner: (
                    st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3)
                ),
                max_leaves=8,
            ),
            max_size=4,
        ),
        max_size=12,
    )
)
def test_whatever_a_record_holds_it_is_read_as_it_was_sent_or_set_aside(records: list[list[Any]]) -> None:
    found = cut_csv(records)
    assert sum(piece.detections for piece, _ in found) == len(records)
    for piece, message in found:
        assert decode(received(message), PageChunk)[1] == piece


def test_what_no_message_can_be_unpacked_to_is_cut_smaller() -> None:
    found = cut_csv([["a" * 40_000_000], ["b" * 40_000_000]])
    assert [len(piece.records) for piece, _ in found] == [1, 1]
    assert [decode(received(message), PageChunk)[1].detections for _, message in found] == [1, 1]


def test_what_could_not_be_read_at_its_source_follows_in_chunks_of_its_own() -> None:
    unsent = [Unsent("UnreadableMember", "the file 'x' is broken", b"x\xff" * 5000)]
    first, last = cut_csv([["a"]], unsent=unsent)
    [rest] = last[0].oversize
    assert (len(first[0].records), rest.reason, rest.size) == (1, "UnreadableMember", 10_000)
    assert decode(received(last[1]), PageChunk)[1] == last[0]


def test_when_a_page_was_sent_travels_with_it_and_does_not_make_it_another_thing() -> None:
    [(early, first)] = cut_csv([["a"]], answered_at=WHEN)
    [(late, second)] = cut_csv([["a"]], answered_at=WHEN.replace(day=25))
    [(undated, third)] = cut_csv([["a"]])
    assert {envelope_of(received(each)).id for each in (first, second, third)} == {envelope_of(received(first)).id}
    assert {each.message_id for each in (first, second, third)} == {first.message_id}
    assert [decode(received(each), PageChunk)[1].answered_at for each in (first, second, third)] == [
        early.answered_at,
        late.answered_at,
        undated.answered_at,
    ]


def test_an_identity_is_that_of_releases_that_did_not_send_the_time() -> None:
    assert envelope_of(received(page_message(chunk("a")))).id == digest(
        PageChunk.TYPE,
        "contoso/malware_customer",
        b'{"feed":"malware_customer","format":"csv","header":["FileName"],"oversize":[],"records":[["a"]],'
        b'"region":"eu","source":"contoso/malware_customer"}',
    )


RECORDS = st.lists(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=8,
        ),
        max_size=3,
    ),
    max_size=3,
)
MOMENTS = st.none() | st.datetimes(
    datetime(1900, 1, 1),  # noqa: DTZ001  Hypothesis wants it without
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
)
LEFT = st.builds(
    Oversize,
    size=st.integers(0, 10),
    sha256=st.text(max_size=3),
    excerpt=st.text(max_size=3),
    reason=st.none() | st.just("TooOdd"),
    fault=st.none() | st.text(max_size=3),
)


@given(RECORDS, MOMENTS, st.lists(LEFT, max_size=2))
def test_a_chunk_is_written_and_known_as_a_dump_of_its_model_would_be(
    records: list[list[JsonValue]], answered_at: datetime | None, oversize: list[Oversize]
) -> None:
    page = chunk().model_copy(update={"records": records, "answered_at": answered_at, "oversize": oversize})
    message = page_message(page)
    assert gzip.decompress(message.body) == page.canonical()
    undated = page.model_copy(update={"answered_at": None})
    assert page.written().identity == undated.canonical()
    assert message.message_id == digest(PageChunk.TYPE, page.source, undated.canonical())
