"""Mending a body: checked against the contract, sent under an identity of its own, and the original completed after."""

import json

import pytest

from mti.common.contracts import FetchJob, IndicatorBatch, PageChunk, decode, indicators_message
from mti.common.contracts.envelope import REPLAYS
from mti.common.errors import ConfigurationError
from mti.operations.dead_letters import body_to_edit, one_letter, send_mended
from tests.operations.dead_letters.world import World
from tests.publisher.world import CONTOSO
from tests.support.bus import FETCH_JOBS, INDICATORS, RAW_PAGES

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_mended_batch_goes_to_the_publisher_alone_under_an_id_of_its_new_content(there: World) -> None:
    sent = there.batch("a", "b")
    await there.die(INDICATORS, sent, reason="ObjectRefused")
    (dead,) = await there.dead(INDICATORS)
    queue, letter = await one_letter(there.queues, dead.sequence_number)
    body = json.loads(body_to_edit(letter))
    del body["objects"][1]
    edited = await send_mended(queue, letter, json.dumps(body).encode())
    (back,) = await there.drain(INDICATORS, CONTOSO)
    envelope, batch = decode(back, IndicatorBatch)
    assert batch.objects == [there.indicator("a")]
    assert envelope.id == edited.id == indicators_message(CONTOSO, batch).message_id
    assert (edited.replaces, edited.removed) == (sent.message_id, True)
    assert (back.to, back.session_id, back.properties[REPLAYS]) == ("publisher", CONTOSO, 1)
    assert back.message_id.startswith(f"{sent.message_id}~y1~m")
    assert await there.dead(INDICATORS) == []


async def test_a_mended_chunk_and_a_mended_job_are_what_they_were(there: World) -> None:
    await there.die(RAW_PAGES, there.page("a"))
    await there.die(FETCH_JOBS, there.job())
    for entity, before, after in ((RAW_PAGES, "eu", "us"), (FETCH_JOBS, there.test, "fabrikam")):
        (dead,) = await there.dead(entity)
        queue, letter = await one_letter([there.queue(entity)], dead.sequence_number)
        text = body_to_edit(letter).replace(json.dumps(before)[1:-1].encode(), after.encode())
        assert (await send_mended(queue, letter, text)).removed
    (page,) = await there.drain(RAW_PAGES)
    assert decode(page, PageChunk)[1].region == "us"
    (job,) = await there.drain(FETCH_JOBS)
    envelope, found = decode(job, FetchJob)
    assert (found.source, envelope.source) == ("fabrikam/malware_customer", "/sources/fabrikam/malware_customer")


async def test_a_body_that_does_not_keep_the_contract_is_refused_and_nothing_is_done(there: World) -> None:
    await there.die(INDICATORS, there.batch("a"))
    (dead,) = await there.dead(INDICATORS)
    queue, letter = await one_letter(there.queues, dead.sequence_number)
    body = json.loads(body_to_edit(letter))
    body["objects"][0]["confidence"] = "high"
    del body["source"]
    with pytest.raises(ConfigurationError, match="source: Field required") as refused:
        await send_mended(queue, letter, json.dumps(body).encode())
    assert "objects.0.confidence" in str(refused.value)
    assert len(await there.dead(INDICATORS)) == 1
    assert await there.drain(INDICATORS, CONTOSO) == []


async def test_a_number_that_no_dead_letter_has_is_refused(there: World) -> None:
    with pytest.raises(ConfigurationError, match="no dead letter has the sequence number 987654"):
        await one_letter(there.queues, 987654)


async def test_a_number_that_two_queues_have_asks_for_the_entity(there: World) -> None:
    await there.die(RAW_PAGES, there.page("a"))
    (dead,) = await there.dead(RAW_PAGES)
    with pytest.raises(ConfigurationError, match="--entity"):
        await one_letter([there.queue(RAW_PAGES)] * 2, dead.sequence_number)
