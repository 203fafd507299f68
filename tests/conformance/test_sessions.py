"""Sessions, as https://learn.microsoft.com/azure/service-bus-messaging/message-sessions describes them."""

from datetime import timedelta

import pytest
from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    OperationTimeoutError,
    ServiceBusError,
    SessionCannotBeLockedError,
)

from tests.conformance.sdk import WAIT, Sdk, bodies


async def test_a_session_is_in_order_exclusive_and_has_a_state(sdk: Sdk) -> None:
    queue = await sdk.queue(requires_session=True, lock_duration=timedelta(seconds=30))
    await sdk.send(queue, *[ServiceBusMessage(text, session_id=text[0]) for text in ("a1", "b1", "a2")])
    assert await sdk.all(sdk.client.list_queue_sessions(queue)) == ["a", "b"]
    async with sdk.receiver(queue, session_id="a") as receiver:
        messages = await sdk.receive(receiver, 2)
        assert bodies(messages) == ["a1", "a2"]
        await sdk.do(receiver.session.set_state, "state")
        assert await sdk.do(receiver.session.get_state) == b"state"
        with pytest.raises(MessageSizeExceededError):
            await sdk.do(receiver.session.set_state, b"x" * (256 * 1024 + 1))
        before = receiver.session.locked_until_utc
        assert await sdk.do(receiver.session.renew_lock) >= before
        with pytest.raises(SessionCannotBeLockedError):
            async with sdk.receiver(queue, session_id="a"):
                pass
        await sdk.do(receiver.defer_message, messages[0])
        await sdk.do(receiver.complete_message, messages[1])
        (deferred,) = await sdk.do(receiver.receive_deferred_messages, [messages[0].sequence_number])
        await sdk.do(receiver.complete_message, deferred)
    async with sdk.receiver(queue, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=WAIT) as receiver:
        assert receiver.session.session_id == "b"


async def test_no_session_in_time_is_a_timeout(sdk: Sdk) -> None:
    queue = await sdk.queue(requires_session=True)
    with pytest.raises(OperationTimeoutError):
        async with sdk.receiver(queue, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=1):
            pass


async def test_a_queue_with_sessions_takes_no_message_without_one(sdk: Sdk) -> None:
    queue = await sdk.queue(requires_session=True)
    with pytest.raises(ServiceBusError):
        await sdk.send(queue, "no session")


async def test_who_may_receive_depends_on_what_the_queue_is(sdk: Sdk) -> None:
    sessions, plain = await sdk.queue(requires_session=True), await sdk.queue()
    for queue, session_id in ((sessions, None), (sessions, 1), (plain, "s"), (plain, NEXT_AVAILABLE_SESSION)):
        with pytest.raises(ServiceBusError):
            async with sdk.receiver(queue, session_id=session_id):
                pass
