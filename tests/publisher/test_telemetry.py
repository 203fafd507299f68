"""What the publisher tells of its work: requests that are linked to the messages in them, outcomes, ages, pauses."""

from opentelemetry.trace import format_trace_id

from mti.common.contracts.envelope import TRACEPARENT
from mti.common.ports.bus import Received
from mti.simulators.sentinel import SentinelFault, SentinelFaultKind
from tests.publisher.world import CONTOSO, World, completed, hash_of, indicator, message
from tests.support.recorded import attributes_of, recorded, series

UPLOAD = "POST /workspaces/{workspace_id}/threat-intelligence-stix-objects:upload"


def traced(digit: str, *names: str) -> Received:
    """Return a message in a trace of its own."""
    found = message(*(indicator(name) for name in names))
    properties = {**found.properties, TRACEPARENT: f"00-{digit * 32}-{digit * 16}-01"}
    return Received(body=found.body, message_id=found.message_id, session_id=found.session_id, properties=properties)


async def test_a_request_is_linked_to_the_traces_of_all_messages_whose_objects_it_holds(there: World) -> None:
    with recorded() as seen:
        assert completed(
            await there.publisher()([traced("a", "one", "two"), traced("b", "three"), traced("b", "four")])
        )
    upload = seen.span("upload")
    assert sorted(format_trace_id(link.context.trace_id) for link in upload.links) == ["a" * 32, "b" * 32]
    assert attributes_of(upload) == {"mti.objects": 4, "mti.tenant": "contoso", "mti.destination": CONTOSO}
    call = seen.span(UPLOAD)
    assert call.parent == upload.context
    assert attributes_of(call)["http.response.status_code"] == 200


async def test_every_try_of_a_request_is_a_call_of_its_own(there: World) -> None:
    there.faults(SentinelFault(kind=SentinelFaultKind.RATE_LIMITED, seconds=2))
    with recorded() as seen:
        assert completed(await there.publisher()([message(indicator("one"))]))
    calls = [span for span in seen.spans if span.name == UPLOAD]
    assert [attributes_of(call)["http.response.status_code"] for call in calls] == [429, 200]
    assert [call.parent for call in calls] == [seen.span("upload").context] * 2
    assert seen.points("mti.requests.throttled") == {series(mti_api="sentinel", mti_tenant="contoso"): 1}


async def test_objects_are_counted_by_outcome_and_the_accepted_by_their_age(there: World) -> None:
    refused = SentinelFault(kind=SentinelFaultKind.REFUSE_RECORD, holds=hash_of("bad"), times=None)
    there.faults(refused)
    there.clock.turn(minutes=10)
    publisher = there.publisher()
    with recorded(there.clock) as seen:
        await publisher([message(indicator("one"), indicator("two"), indicator("bad"))])
        assert seen.points("mti.objects") == {
            series(mti_tenant="contoso", mti_outcome="accepted"): 2,
            series(mti_tenant="contoso", mti_outcome="refused"): 1,
        }
        assert seen.histogram("mti.freshness") == [1200.0]
        await publisher([message(indicator("one"))])
        assert seen.points("mti.objects")[series(mti_tenant="contoso", mti_outcome="held")] == 1


async def test_a_refused_part_stays_in_the_trace_of_its_message(there: World) -> None:
    there.faults(SentinelFault(kind=SentinelFaultKind.REFUSE_RECORD, holds=hash_of("bad"), times=None))
    await there.publisher()([traced("a", "one", "bad")])
    (part,) = there.outbox.messages
    assert part.properties[TRACEPARENT] == f"00-{'a' * 32}-{'a' * 16}-01"


async def test_a_pause_is_shown_while_it_lasts(there: World) -> None:
    there.faults(SentinelFault(kind=SentinelFaultKind.STATUS, status=403))
    publisher = there.publisher()
    with recorded(there.clock) as seen:
        await publisher([message(indicator("one"))])
        paused = series(mti_kind="destination", mti_tenant="contoso", mti_reason="RoleMissing")
        assert seen.points("mti.pauses") == {paused: 1}
        there.clock.turn(hours=1)
        assert completed(await publisher([message(indicator("one"))]))
        assert seen.points("mti.pauses") in ({}, {paused: 0})
