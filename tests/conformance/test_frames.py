"""What other clients need of the frames, or send in theirs, that azure-servicebus of this version does not."""

from mti.local.namespace.wire import frames
from tests.conformance.peer import connected, message
from tests.conformance.sdk import Sdk


async def test_a_transfer_leaves_none_of_its_eleven_fields_out(sdk: Sdk) -> None:
    """azure-servicebus before 7.15 takes the field behind the eleventh for the payload."""
    queue = await sdk.queue()
    await sdk.send(queue, "x")
    async with connected(sdk.namespace.port) as peer:
        await peer.receive_from(queue)
        frame = await peer.read(frames.TRANSFER)
        count_at = 5 if frame.body[3] == 0xC0 else 11
        assert frame.body[count_at] == 11


async def test_a_disposition_leaves_none_of_its_six_fields_out(sdk: Sdk) -> None:
    queue = await sdk.queue()
    async with connected(sdk.namespace.port) as peer:
        await peer.send_to(queue)
        peer.transfer(0, 0, message())
        frame = await peer.read(frames.DISPOSITION)
        assert frame.body[3:6:2] == b"\xc0\x06"
