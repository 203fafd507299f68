"""From a message to indicators, books and dead letters."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mti.common.contracts import Oversize, PageChunk, page_message
from mti.common.contracts.chunks import fits
from mti.common.errors import BusUnavailable
from mti.common.ports.bus import Outgoing, Received
from mti.common.ports.settlement import Complete, DeadLetter
from mti.common.registry import Feed, FeedFormat, Registry
from mti.normalizer.emitting import Emitter
from mti.normalizer.handler import NormalizeHandler
from mti.normalizer.records import ChunkBooks, IndicatorCounts
from tests.normalizer.world import (
    CONTOSO,
    CUSTOMER,
    FABRIKAM,
    GRID,
    MSSP,
    UNROUTED,
    Outbox,
    World,
    at,
    chunk,
    content,
    message,
    received,
    replayed,
    row,
    sha256,
    stix,
    world,
)

pytestmark = pytest.mark.pure

EICAR = stix(pattern="[file:hashes.MD5 = '44d88612fea8a8f36de82e1278abb02f']", name="eicar.com")
BAD_HASH = stix("bad", pattern="[file:hashes.MD5 = 'beef']")
NO_PATTERN = stix("none", pattern=" ")


def id_of(found: Received) -> str:
    return str(found.properties["cloudEvents_id"])


async def handled(there: World, found: Received) -> ChunkBooks:
    """Handle a message that must succeed, and return its books."""
    assert await there.normalizer()([found]) == [Complete()]
    books = await there.ledger.read(str(found.subject), id_of(found))
    assert books is not None
    return books


async def refused(there: World, found: Received) -> DeadLetter:
    [outcome] = await there.normalizer()([found])
    assert isinstance(outcome, DeadLetter)
    return outcome


async def test_seven_sightings_of_a_hash_are_one_indicator(there: World) -> None:
    books = await handled(there, message(*[stix(time=at(hours=hour)) for hour in range(7)]))
    assert books == ChunkBooks(detections=7, new=1, suppressed=6, indicators=IndicatorCounts(new=1))
    [found] = there.indicators.objects(CONTOSO)
    assert (found["created"], found["modified"]) == ("2026-11-24T12:00:00.000Z", "2026-11-24T18:00:00.000Z")


async def test_a_detection_with_two_hashes_is_two_indicators_and_new_once(there: World) -> None:
    books = await handled(there, message(row(), csv=True))
    assert books == ChunkBooks(detections=1, new=1, indicators=IndicatorCounts(new=2))
    assert len(there.indicators.objects(CONTOSO)) == 2


async def test_a_source_goes_to_each_of_its_workspaces_in_its_session(there: World) -> None:
    await handled(there, message(stix()))
    assert [(sent.session_id, sent.subject) for sent in there.indicators.sent] == [(CONTOSO, CONTOSO), (MSSP, MSSP)]
    assert there.indicators.objects(CONTOSO) == there.indicators.objects(MSSP)


async def test_a_policy_of_its_own_makes_indicators_of_its_own(there: World) -> None:
    books = await handled(there, message(stix(name="Offer for Jane Doe.pdf"), source=GRID))
    [default], [strict] = there.indicators.objects(CONTOSO), there.indicators.objects(FABRIKAM)
    assert default["id"] == strict["id"]
    assert (default["confidence"], strict["confidence"]) == (80, 50)
    assert "Jane" not in str(strict)
    assert books == ChunkBooks(detections=1, new=1, indicators=IndicatorCounts(new=1))
    assert await there.known.sources() == [GRID]


async def test_the_best_outcome_of_all_policies_is_the_detections(there: World) -> None:
    await handled(there, message(stix(), source=GRID))
    books = await handled(there, message(stix(time=at(days=6)), source=GRID))
    assert books == ChunkBooks(detections=1, refreshed=1, indicators=IndicatorCounts(refreshed=1))
    assert [sent.session_id for sent in there.indicators.sent[2:]] == [FABRIKAM]


async def test_what_is_known_is_not_sent_again(there: World) -> None:
    await handled(there, message(stix()))
    sent = len(there.indicators.sent)
    books = await handled(there, message(stix(time=at(days=3))))
    assert books == ChunkBooks(detections=1, suppressed=1)
    assert len(there.indicators.sent) == sent


async def test_a_chunk_that_was_handled_is_completed_at_once(there: World) -> None:
    await handled(there, message(stix()))
    sent = len(there.indicators.sent)
    await handled(there, message(stix()))
    await handled(there, message(stix(), epoch=1))
    assert len(there.indicators.sent) == sent
    assert (await there.ledger.totals(CUSTOMER)).detections == 1


async def test_large_chunks_are_sent_in_messages_of_a_hundred_that_fit(there: World) -> None:
    await handled(there, message(*[stix(str(number), name="é" * 200) for number in range(400)]))
    sizes = [len(content(sent)["objects"]) for sent in there.indicators.sent if sent.session_id == CONTOSO]
    assert sizes == [100, 100, 100, 100]
    assert all(fits(sent) for sent in there.indicators.sent)


async def test_test_files_are_counted_and_neither_sent_nor_dead_lettered(there: World) -> None:
    books = await handled(there, message(EICAR, stix()))
    assert books == ChunkBooks(detections=2, new=1, rejected={"TestFile": 1}, indicators=IndicatorCounts(new=1))
    assert there.indicators.values(CONTOSO) == {sha256("a file")}
    assert there.pages.sent == []


async def test_what_is_rejected_goes_round_to_be_dead_lettered_reason_by_reason(there: World) -> None:
    original = message(BAD_HASH, stix(), NO_PATTERN, stix("bad too", pattern="[file:hashes.MD5 = '']"))
    books = await handled(there, original)
    assert books.rejected == {"BadHash": 2, "NoPattern": 1}
    assert books.new == 1
    hashes, patterns = there.pages.sent
    assert hashes.to == patterns.to == "normalizer"
    assert content(hashes)["records"][0] == BAD_HASH
    assert len(content(hashes)["records"]) == 2
    assert content(patterns)["records"] == [NO_PATTERN]
    outcome = await refused(there, received(hashes))
    assert outcome.reason == "BadHash"
    assert outcome.description == (
        "contoso/malware_customer: 2 detections, the first one: the MD5 'beef' has 4 characters and not 32; "
        "nothing has such a hash: purge them, and tell Mimecast if there are many"
    )
    assert (await there.ledger.totals(CUSTOMER)).detections == 4


async def test_a_chunk_of_nothing_but_a_rejected_detection_is_not_swallowed_as_a_duplicate(there: World) -> None:
    original = message(BAD_HASH)
    await handled(there, original)
    [part] = there.pages.sent
    assert part.message_id != original.message_id
    assert part.properties["cloudEvents_id"] != id_of(original)


async def test_a_detection_that_no_message_could_hold_is_dead_lettered_by_name(there: World) -> None:
    found = PageChunk(
        source=CUSTOMER,
        feed=Feed.MALWARE_CUSTOMER,
        region="eu",
        format=FeedFormat.STIX,
        oversize=[Oversize(size=300_000, sha256=sha256("it"), excerpt="[")],
    )
    assert (await handled(there, received(page_message(found)))).rejected == {"DetectionTooLarge": 1}
    [part] = there.pages.sent
    assert (await refused(there, received(part))).reason == "DetectionTooLarge"


async def test_rejected_detections_that_are_replayed_in_vain_are_counted_once(there: World) -> None:
    await handled(there, message(BAD_HASH, stix()))
    [part] = there.pages.sent
    await handled(there, replayed(part))
    totals = await there.ledger.totals(CUSTOMER)
    assert (totals.detections, totals.new, +totals.rejected) == (2, 1, {"BadHash": 1})
    assert totals.closed
    second = there.pages.sent[1]
    assert second.message_id != part.message_id
    assert (await refused(there, received(second))).reason == "BadHash"


async def test_rejected_detections_that_an_upgrade_can_read_move_in_the_books(there: World) -> None:
    await handled(there, message(BAD_HASH, stix()))
    [part] = there.pages.sent
    # What a later release makes of the same record: here the record itself is mended.
    mended = chunk(stix("mended")).message(id="the part's id", source=CUSTOMER, subject=CUSTOMER)
    found = replayed(part)
    found = received(mended, properties={**found.properties, **mended.properties})
    books = await handled(there, found)
    assert (books.replayed_from_rejected, books.corrects) == (True, {"BadHash": 1})
    totals = await there.ledger.totals(CUSTOMER)
    assert (totals.chunks, totals.detections, totals.new, totals.rejected.total()) == (1, 2, 2, 0)
    assert (totals.indicators_new, totals.closed) == (2, True)


async def test_a_replay_of_what_is_not_counted_as_rejected_moves_nothing(there: World) -> None:
    await handled(there, message(BAD_HASH))
    [part] = there.pages.sent
    await there.store.container("ledger").delete(CUSTOMER, str(part.properties["mti_rejected_from"]))
    await there.ledger.write(CUSTOMER, str(part.properties["mti_rejected_from"]), ChunkBooks(detections=1, new=1))
    assert (await handled(there, replayed(part))).corrects == {}
    totals = await there.ledger.totals(CUSTOMER)
    assert (totals.detections, totals.new, totals.rejected.total()) == (1, 1, 0)


async def test_a_source_that_nobody_has_is_dead_lettered_with_the_cure(there: World) -> None:
    outcome = await refused(there, message(stix(), source="tailspin/malware_customer"))
    assert outcome.reason == "UnknownSource"
    assert "'tailspin/malware_customer'" in outcome.description
    assert "replay" in outcome.description


async def test_a_chunk_of_a_removed_tenant_is_set_aside_under_a_reason_of_its_own(there: World) -> None:
    gone = [route for route in there.registry.routes if route.source == CUSTOMER]
    sources = {name: source for name, source in there.registry.sources.items() if name != CUSTOMER}
    routes = [route for route in there.registry.routes if route not in gone]
    there.registry = replace(there.registry, sources=sources, routes=routes, removed=gone)
    outcome = await refused(there, message(stix()))
    assert outcome.reason == "TenantRemoved"
    assert f"mti tenants resume {gone[0].tenant}" in outcome.description
    assert there.indicators.sent == []


async def test_a_source_that_is_new_is_known_before_its_first_chunk_is_refused(there: World) -> None:
    class Provider:
        current = replace(there.registry, sources={}, routes=[])

        async def latest(self) -> Registry:
            self.current = there.registry
            return self.current

    handler = NormalizeHandler(
        Provider(),
        Emitter(there.known, there.indicators),
        there.ledger,
        there.offsets,
        pages=there.pages,
        to="normalizer",
    )
    assert await handler([message(stix())]) == [Complete()]
    assert there.indicators.sent


async def test_a_source_that_leads_nowhere_is_dead_lettered_with_the_cure(there: World) -> None:
    outcome = await refused(there, message(stix(), source=UNROUTED))
    assert (outcome.reason, "destination" in outcome.description) == ("NoRoute", True)


@pytest.mark.parametrize(
    "changes", [{"cloudEvents_source": f"/sources/{GRID}"}, {"cloudEvents_subject": GRID}], ids=["source", "subject"]
)
async def test_a_body_of_another_source_than_its_envelope_goes_nowhere(there: World, changes: dict[str, Any]) -> None:
    original = message(stix())
    forged = received(page_message(chunk(stix())), properties={**original.properties, **changes})
    outcome = await refused(there, forged)
    assert outcome.reason == "SourceMismatch"
    assert there.indicators.sent == []
    assert await there.known.sources() == []


async def test_what_a_body_says_of_feed_and_region_is_not_believed(there: World) -> None:
    forged = chunk(stix()).model_copy(update={"region": "us", "feed": Feed.MALWARE_GRID})
    await handled(there, received(page_message(forged)))
    assert there.indicators.objects()[0]["labels"][:3] == ["mimecast", "feed:malware_customer", "region:eu"]


async def test_an_unknown_version_of_the_contract_is_never_guessed_at(there: World) -> None:
    original = message(stix())
    newer = received(
        page_message(chunk(stix())), properties={**original.properties, "cloudEvents_type": "mimecast.ti.page.v2"}
    )
    assert (await refused(there, newer)).reason == "UnsupportedSchema"


async def test_one_bad_message_does_not_sink_its_neighbours(there: World) -> None:
    bad = Received(body=b"", message_id="bad")
    outcomes = await there.normalizer()([message(stix("a")), bad, message(stix("b"))])
    assert [type(outcome) for outcome in outcomes] == [Complete, DeadLetter, Complete]
    assert there.indicators.values(CONTOSO) == {sha256("a"), sha256("b")}


async def test_while_the_bus_does_not_answer_nothing_is_remembered(there: World) -> None:
    class Down(Outbox):
        async def send(self, messages: Sequence[Outgoing]) -> None:
            raise BusUnavailable("it is down")

    there.indicators = Down()
    with pytest.raises(BusUnavailable):
        await there.normalizer()([message(stix())])
    assert await there.known.sources() == []
    assert await there.ledger.sources() == []


async def test_the_offset_of_a_source_only_grows(there: World) -> None:
    first, second = message(stix("a")), message(stix("b"))
    await handled(there, second)
    await handled(there, first)
    offset = await there.offsets.load(CUSTOMER)
    assert (offset.sequence_number, offset.chunk) == (second.sequence_number, id_of(second))


FILES = st.sampled_from("abc")
RECORDS = st.one_of(
    st.builds(lambda file, hours: stix(file, at(hours=hours)), FILES, st.integers(0, 1000)),
    st.sampled_from([EICAR, BAD_HASH, NO_PATTERN, stix()[:1]]),
    st.builds(
        lambda one, other: stix(
            pattern=f"[file:hashes.'SHA-256' = '{sha256(one)}'] OR [file:hashes.'SHA-256' = '{sha256(other)}']"
        ),
        FILES,
        FILES,
    ),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(RECORDS, min_size=1, max_size=6), min_size=1, max_size=4), st.sampled_from([CUSTOMER, GRID]))
def test_the_sums_close_whatever_comes(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[list[Any]], source: str
) -> None:
    async def run() -> None:
        async with world(tmp_path_factory.mktemp("world")) as there:
            for records in chunks:
                assert await there.normalizer()([message(*records, source=source)]) == [Complete()]
            totals = await there.ledger.totals(source)
            assert totals.closed
            distinct = {str(records) for records in chunks}
            assert totals.chunks == len(distinct)
            known = [entry for scope in await there.known.sources() for entry in await there.everything_known(scope)]
            assert totals.indicators_new == len(known)
            assert totals.indicators_refreshed == sum(entry.refreshes for entry in known)

    asyncio.run(run())


async def test_the_same_chunk_gives_the_same_bytes_in_any_process(there: World, tmp_path: Any) -> None:
    found = message(*[row(str(number), at(minutes=number)) for number in range(50)], csv=True)
    await handled(there, found)
    (tmp_path / "other").mkdir()
    async with world(tmp_path / "other") as other:
        other.clock = type(other.clock)(at(days=300))
        await handled(other, found)
        assert other.indicators.sent == there.indicators.sent


async def test_a_row_without_a_recipient_or_with_one_gives_the_same_indicator(there: World) -> None:
    await handled(there, message(row(RecipientAddress="somebody@contoso.example"), csv=True))
    assert "somebody" not in str(there.indicators.objects())
    assert "somebody" not in str([entry.body() for entry in await there.everything_known(CUSTOMER)])


async def test_a_sighting_after_the_validity_brings_the_indicator_back(there: World) -> None:
    await handled(there, message(stix()))
    books = await handled(there, message(stix(time=at(days=45))))
    assert books.refreshed == 1
    newest = there.indicators.objects(CONTOSO)[-1]
    assert (newest["created"], newest["valid_until"]) == ("2026-11-24T12:00:00.000Z", "2027-02-07T12:00:00.000Z")
