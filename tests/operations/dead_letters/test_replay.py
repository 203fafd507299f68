"""What a replay promises: it goes where it came from, it is what it was, and the bus does not swallow it."""

from dataclasses import replace

import pytest
from azure.servicebus.amqp import AmqpAnnotatedMessage

from mti.common.contracts import IndicatorBatch, decode
from mti.common.contracts.envelope import REFUSAL, REFUSAL_DESCRIPTION, REJECTED_FROM, REPLAYS, RETRIES
from mti.common.ports.bus import Outgoing, PropertyValue
from mti.operations.dead_letters import NoJudge, Replayer, ReplayOptions, Selection
from tests.operations.dead_letters.world import Watch, World, untraced
from tests.publisher.world import CONTOSO, FABRIKAM, TurnedClock
from tests.support.bus import FETCH_JOBS, INDICATORS, RAW_PAGES
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_replay_keeps_body_session_and_identity_and_goes_to_its_subscription_alone(there: World) -> None:
    sent = there.batch("a", "b")
    await there.die(INDICATORS, sent, reason="UnknownDestination")
    result = await there.replay()
    (back,) = await there.drain(INDICATORS, CONTOSO)
    assert (result.matched, result.replayed, result.complete) == (1, 1, True)
    assert (back.body, back.session_id, back.subject, back.to) == (sent.body, CONTOSO, CONTOSO, "publisher")
    assert back.content_type == sent.content_type
    assert untraced(back) == {**sent.properties, REPLAYS: 1}
    assert (back.properties[REPLAYS], back.message_id) == (1, f"{sent.message_id}~y1")
    assert await there.dead(INDICATORS) == []


async def test_a_replay_within_the_window_is_not_swallowed_by_duplicate_detection(there: World) -> None:
    await there.die(RAW_PAGES, there.page("a"))
    for count in (1, 2, 3):
        assert (await there.replay()).replayed == 1
        (back,) = await there.drain(RAW_PAGES)
        assert back.properties[REPLAYS] == count
        await there.die(
            RAW_PAGES, replace(there.page("a"), message_id=f"{back.message_id}~k", properties=back.properties)
        )


async def test_a_job_goes_back_to_its_queue(there: World) -> None:
    await there.die(FETCH_JOBS, there.job(), reason="UnknownSource")
    assert (await there.replay()).replayed == 1
    (back,) = await there.drain(FETCH_JOBS)
    assert (back.body, back.to) == (there.job().body, "*")


async def test_the_marks_of_a_refusal_and_the_reason_of_death_are_taken_off(there: World) -> None:
    marks: dict[str, PropertyValue] = {
        REFUSAL: "ObjectRefused",
        REFUSAL_DESCRIPTION: "Sentinel said no",
        RETRIES: 8,
        REJECTED_FROM: "chunk",
    }
    message = there.batch("a")
    await there.die(INDICATORS, replace(message, properties={**message.properties, **marks}))
    await there.replay()
    (back,) = await there.drain(INDICATORS, CONTOSO)
    assert set(untraced(back)) == {*message.properties, REPLAYS, REJECTED_FROM}


async def test_retries_begin_anew_under_message_ids_that_were_never_used(there: World) -> None:
    message = there.page("a")
    await there.die(
        RAW_PAGES,
        replace(message, message_id=f"{message.message_id}~r8", properties={**message.properties, RETRIES: 8}),
    )
    await there.replay()
    (back,) = await there.drain(RAW_PAGES)
    assert RETRIES not in back.properties
    assert back.message_id == f"{message.message_id}~r8~y1"


async def test_what_was_replayed_three_times_is_refused_unless_forced(there: World) -> None:
    message = there.page("a")
    await there.die(RAW_PAGES, replace(message, properties={**message.properties, REPLAYS: 3}))
    refused = await there.replay()
    assert (refused.replayed, refused.refused, refused.complete) == (0, {"replayed too often": 1}, False)
    assert "--force" in refused.examples[0].cure
    assert len(await there.dead(RAW_PAGES)) == 1
    assert (await there.replay(force=True)).replayed == 1
    (back,) = await there.drain(RAW_PAGES)
    assert back.properties[REPLAYS] == 4


async def test_only_what_matches_is_replayed_and_the_rest_stays_and_can_be_had_at_once(there: World) -> None:
    await there.die(RAW_PAGES, *(there.page(f"stays {n}") for n in range(30)), reason="NoPattern")
    await there.die(RAW_PAGES, there.page("goes"), reason="Bug")
    await there.die(RAW_PAGES, there.page("stays too"), reason="NoPattern")
    assert (await there.replay(Selection(reason="bug"))).replayed == 1
    assert len(await there.dead(RAW_PAGES)) == 31
    await there.queue(RAW_PAGES).close()
    assert (await there.replay(Selection(reason="NoPattern"))).replayed == 31
    assert len(await there.drain(RAW_PAGES)) == 32


async def test_many_are_replayed_in_batches(there: World) -> None:
    await there.die(RAW_PAGES, *(there.page(str(n)) for n in range(230)))
    watch = Watch()
    result = await there.replay(watch=watch)
    assert (result.matched, result.replayed) == (230, 230)
    assert len(await there.drain(RAW_PAGES)) == 230
    first_removal = next(n for n, (step, _) in enumerate(watch.steps) if step == "removed")
    assert [step for step, _ in watch.steps[:first_removal]] == ["read"] * 50 + ["sent"] * 50


async def test_what_dies_again_while_the_replay_runs_is_not_replayed_again(there: World) -> None:
    await there.die(RAW_PAGES, there.page("a"))
    planned = await there.plan()
    await there.die(RAW_PAGES, there.page("b"))
    assert (await there.replayer().replay(planned)).replayed == 1
    assert len(await there.dead(RAW_PAGES)) == 1


async def test_a_dry_run_counts_and_touches_nothing(there: World) -> None:
    await there.die(RAW_PAGES, there.page("a"), there.page("b"))
    result = await there.replay(dry_run=True)
    assert (result.replayed, result.dry_run) == (2, True)
    assert len(await there.dead(RAW_PAGES)) == 2
    assert await there.drain(RAW_PAGES) == []


async def test_what_somebody_else_removed_meanwhile_is_counted_as_gone(there: World) -> None:
    await there.die(RAW_PAGES, there.page("a"), there.page("b"))
    planned = await there.plan()
    await there.queue(RAW_PAGES).complete([planned.sequences[str(RAW_PAGES)][0]])
    result = await there.replayer().replay(planned)
    assert (result.matched, result.replayed, result.gone) == (2, 1, 1)


async def test_what_somebody_else_has_locked_is_sent_once_and_told(there: World) -> None:
    await there.die(RAW_PAGES, there.page("a"))
    async with there.bus.receiver(RAW_PAGES, dead_letters=True) as other, there.impatient() as queues:
        (held,) = await other.receive_messages(max_wait_time=PATIENCE)
        first = await there.replay(queues=queues)
        second = await there.replay(queues=queues)
        await other.abandon_message(held)
    assert [(found.replayed, found.locked, found.complete) for found in (first, second)] == [(1, 1, False)] * 2
    assert len(await there.drain(RAW_PAGES)) == 1
    third = await there.replay()
    assert (third.replayed, third.locked) == (1, 0)
    assert await there.drain(RAW_PAGES) == []
    assert await there.dead(RAW_PAGES) == []


async def test_a_stranger_whose_body_is_not_bytes_is_refused_and_kept(there: World) -> None:
    sender = there.bus._client.get_topic_sender("raw-pages")
    stranger = AmqpAnnotatedMessage(value_body={"a": 1}, properties={"to": "*", "message_id": "s"})
    async with sender:
        await sender.send_messages(stranger)
    receiver = await there.receiver(RAW_PAGES)
    for found in await receiver.receive_messages(max_wait_time=PATIENCE):
        await receiver.dead_letter_message(found, reason="MalformedEnvelope")
    result = await there.replay()
    assert result.refused == {"body is not bytes": 1}
    assert len(await there.dead(RAW_PAGES)) == 1


async def test_two_strangers_without_message_ids_do_not_swallow_each_other(there: World) -> None:
    strangers = [Outgoing(body=name, message_id=f"s{n}") for n, name in enumerate((b"a", b"b"))]
    await there.die(RAW_PAGES, *strangers)
    assert (await there.replay()).replayed == 2
    ids = [message.message_id for message in await there.drain(RAW_PAGES)]
    assert len(set(ids)) == 2


@pytest.mark.parametrize(("rate", "waits"), [(2, [1, 1]), (0.5, [2, 2, 2, 2, 2]), (1000, [])])
async def test_a_slow_replay_keeps_its_rate(there: World, rate: float, waits: list[float]) -> None:
    await there.die(RAW_PAGES, *(there.page(str(n)) for n in range(6)))
    clock = TurnedClock()
    replayer = Replayer(there.queues, NoJudge(), clock, ReplayOptions(rate=rate))
    assert (await replayer.replay(await there.plan())).replayed == 6
    assert clock.slept == waits


async def test_objects_that_a_newer_version_or_a_withdrawal_overtook_are_left_out(there: World) -> None:
    held = there.indicator("newer", hours=2), there.indicator("gone"), there.indicator("same")
    message = there.batch("newer", "gone", "same", "new")
    await there.die(INDICATORS, message)
    async with there.judge(*held, withdrawn=["gone"]) as judge:
        result = await there.replay(judge=judge)
    assert (result.replayed, result.overtaken, result.objects_left_out) == (1, 0, 2)
    (back,) = await there.drain(INDICATORS, CONTOSO)
    envelope, left = decode(back, IndicatorBatch)
    assert left.objects == [there.indicator("same"), there.indicator("new")]
    assert back.message_id == f"{message.message_id}~y1"
    assert envelope.id != message.message_id
    assert back.properties["mti_replaces"] == message.message_id
    assert (back.session_id, back.to) == (CONTOSO, "publisher")


async def test_a_dead_letter_of_which_nothing_is_left_is_completed_and_counted(there: World) -> None:
    await there.die(INDICATORS, there.batch("a", "b"), there.batch("a", to=FABRIKAM))
    async with there.judge(there.indicator("a", hours=1), there.indicator("b", hours=1)) as judge:
        result = await there.replay(judge=judge)
    assert (result.matched, result.replayed, result.overtaken, result.objects_left_out) == (2, 1, 1, 2)
    assert await there.dead(INDICATORS) == []
    assert len(await there.drain(INDICATORS, FABRIKAM)) == 1


@pytest.mark.parametrize("body", [b"", b"not gzip", b"\x1f\x8bcut"])
async def test_a_body_that_nobody_can_read_is_replayed_byte_for_byte(there: World, body: bytes) -> None:
    await there.die(INDICATORS, replace(there.batch("a"), body=body))
    async with there.judge() as judge:
        assert (await there.replay(judge=judge)).replayed == 1
    (back,) = await there.drain(INDICATORS, CONTOSO)
    assert back.body == body
