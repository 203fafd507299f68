"""What a client asks for when it attaches a link."""

from typing import Any, NamedTuple

from servicebus_local.amqp import codec
from servicebus_local.errors import ProtocolViolation

SETTLED = 1
"""snd-settle-mode of a receiver that takes messages as settled (receive-and-delete)."""
_SEND_SETTLE_MODES = range(3)
_RECEIVE_SETTLE_MODES = range(2)


class AttachRequest(NamedTuple):
    """The attach of a client, decoded."""

    name: str
    handle: int
    client_receives: bool
    send_settle_mode: int
    receive_settle_mode: int
    source: list[Any]
    target: list[Any]
    initial_delivery_count: int
    """Of a client that sends: how many deliveries it counts before the first."""
    properties: dict[bytes, Any]

    @classmethod
    def of(cls, fields: list[Any]) -> "AttachRequest":
        """From the fields of the performative. Raises `ProtocolViolation`."""
        if fields[3] not in _SEND_SETTLE_MODES or fields[4] not in _RECEIVE_SETTLE_MODES:
            raise ProtocolViolation("amqp:invalid-field", "an attach with a settle mode that does not exist")
        return cls(
            text(fields[0]),
            fields[1],
            bool(fields[2]),
            fields[3],
            fields[4],
            fields[5] or [],
            fields[6] or [],
            fields[9] or 0,
            fields[13] or {},
        )

    @property
    def address(self) -> str:
        """The node that the client wants to talk to, as it wrote it."""
        terminus = self.source if self.client_receives else self.target
        return text(terminus[0]) if terminus and terminus[0] is not None else ""

    @property
    def filters(self) -> dict[bytes, Any]:
        """The filter set of the source."""
        return (self.source[7] if len(self.source) > 7 else None) or {}


def text(value: codec.Decoded) -> str:
    """A decoded string. Raises `ProtocolViolation` when it is none."""
    try:
        return value if isinstance(value, str) else str(value, "utf-8")
    except (TypeError, UnicodeDecodeError) as error:
        raise ProtocolViolation("amqp:decode-error", f"{value!r} is no string") from error


def address_of(terminus: list[Any]) -> str | None:
    """The address of a source or target, as the client wrote it."""
    return text(terminus[0]) if terminus and terminus[0] is not None else None
