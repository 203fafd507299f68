"""The frames that are sent by the thousand, packed by hand; all others go through the codec.

https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-transport-v1.0-os.html
"""

import struct
from enum import Enum

from servicebus_local.amqp import codec
from servicebus_local.errors import ServiceError

HEADER_SIZE = 8
AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"
HEARTBEAT = b"\x00\x00\x00\x08\x02\x00\x00\x00"
MIN_FRAME_SIZE = 512
"""What every peer accepts."""
MAX_FRAME_SIZE = 65536
"""What the service announces."""

OPEN, BEGIN, ATTACH, FLOW, TRANSFER, DISPOSITION, DETACH, END, CLOSE = range(0x10, 0x19)
SASL_INIT = 0x41
SASL_OK, SASL_REFUSED = 0, 1

_TRUE, _FALSE = 0x41, 0x42
_NULL, _UINT = 0x40, 0x70

# Trailing fields that are null may be left out, but azure-servicebus before 7.15 finds the payload of a transfer by
# counting to the eleventh: nothing is left out.
# frame header | transfer list8 with 11 fields | handle | delivery-id | delivery-tag | format 0 | settled | more | nulls
_TRANSFER = struct.Struct(">IHH6sBIBI2s16sBBB5s")
_TRANSFER_HEAD = b"\x00\x53\x14\xc0\x25\x0b"
_NO_STATE = b"\x40" * 5
"""rcv-settle-mode, state, resume, aborted and batchable."""
TRANSFER_OVERHEAD = _TRANSFER.size
_SETTLED_TRANSFER = struct.Struct(">IHH6sBIBI10s")
_SETTLED_TRANSFER_HEAD = b"\x00\x53\x14\xc0\x15\x0b"
_NO_TAG = b"\xa0\x00"
_DISPOSITION = struct.Struct(">IHH6sBBIBIB4sB")
_DISPOSITION_HEAD = b"\x00\x53\x15\xc0\x12\x06"


class DeliveryState(Enum):
    """The outcome of a delivery as it is echoed, encoded."""

    ACCEPTED = b"\x00\x53\x24\x45"
    REJECTED = b"\x00\x53\x25\x45"
    RELEASED = b"\x00\x53\x26\x45"
    MODIFIED = b"\x00\x53\x27\x45"


def transfer(
    channel: int, handle: int, delivery_id: int, tag: bytes, chunk: bytes | memoryview, *, settled: bool, more: bool
) -> bytes:
    """One transfer frame; the tag has 16 bytes, or none when nothing is left to settle."""
    if not tag:
        rest = _NO_TAG + bytes((0x43, _TRUE if settled else _FALSE, _TRUE if more else _FALSE)) + _NO_STATE
        size = _SETTLED_TRANSFER.size + len(chunk)
        fields = (_SETTLED_TRANSFER_HEAD, _UINT, handle, _UINT, delivery_id, rest)
        return b"".join((_SETTLED_TRANSFER.pack(size, 0x0200, channel, *fields), chunk))
    head = _TRANSFER.pack(
        TRANSFER_OVERHEAD + len(chunk),
        0x0200,
        channel,
        _TRANSFER_HEAD,
        _UINT,
        handle,
        _UINT,
        delivery_id,
        b"\xa0\x10",
        tag,
        0x43,
        _TRUE if settled else _FALSE,
        _TRUE if more else _FALSE,
        _NO_STATE,
    )
    return b"".join((head, chunk))


def disposition(channel: int, delivery_id: int, state: DeliveryState, *, to_sender: bool) -> bytes:
    """Settle one delivery: one that came in (`to_sender`), or confirm how one that went out was settled."""
    return _DISPOSITION.pack(
        _DISPOSITION.size,
        0x0200,
        channel,
        _DISPOSITION_HEAD,
        _TRUE if to_sender else _FALSE,
        _UINT,
        delivery_id,
        _UINT,
        delivery_id,
        _TRUE,
        state.value,
        _NULL,
    )


def rejection(channel: int, delivery_id: int, error: ServiceError, *, to_sender: bool) -> bytes:
    """Settle one delivery as refused, with the service's reason."""
    state = codec.Rejected(error=codec.error(error.condition, str(error)))
    return codec.encode_frame(channel, codec.Disposition(to_sender, delivery_id, delivery_id, True, state, None))


def detach(channel: int, handle: int, error: ServiceError | None = None, *, closed: bool = True) -> bytes:
    """Close a link, or leave it for now."""
    reason = None if error is None else codec.error(error.condition, str(error))
    return codec.encode_frame(channel, codec.Detach(handle, closed, reason))
