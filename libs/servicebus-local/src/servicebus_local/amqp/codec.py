"""The AMQP type codec: the one place that touches the private codec inside azure-servicebus.

It needs no compiler and speaks exactly as the client does, but it is private: `check_version` refuses any other release
than the one that was tested. Strings, symbols and binaries all decode to `bytes`.
"""

import struct
from importlib.metadata import version
from typing import Any, cast

from azure.servicebus._pyamqp import _decode, _encode, endpoints, outcomes, performatives
from azure.servicebus._pyamqp.error import AMQPError

SDK_VERSION = "7.15.0"


Open = performatives.OpenFrame
Begin = performatives.BeginFrame
Attach = performatives.AttachFrame
Flow = performatives.FlowFrame
Disposition = performatives.DispositionFrame
Detach = performatives.DetachFrame
End = performatives.EndFrame
Close = performatives.CloseFrame
SaslMechanisms = performatives.SASLMechanism
SaslOutcome = performatives.SASLOutcome
Source = endpoints.Source
Target = endpoints.Target
Rejected = outcomes.Rejected

Decoded = Any
"""A decoded value; its Python type follows from the AMQP type on the wire."""
Typed = dict[str, Any]
"""A value with its AMQP type, for where the type of the Python value does not tell it."""


def check_version() -> None:
    """Raises `RuntimeError` when another azure-servicebus is installed than the one whose codec this is."""
    installed = version("azure-servicebus")
    if installed != SDK_VERSION:
        raise RuntimeError(
            f"the local namespace is built on the codec of azure-servicebus {SDK_VERSION}, but {installed} is installed"
        )


def _typed(kind: str, value: object) -> Typed:
    return {"TYPE": kind, "VALUE": value}


def symbol(value: str) -> Typed:
    """A symbol."""
    return _typed("SYMBOL", value)


def string(value: str) -> Typed:
    """A string."""
    return _typed("STRING", value)


def long(value: int) -> Typed:
    """A 64-bit integer."""
    return _typed("LONG", value)


def timestamp(milliseconds: int) -> Typed:
    """A time, from milliseconds since the Unix epoch."""
    return _typed("TIMESTAMP", milliseconds)


def array(values: list[Typed]) -> Typed:
    """An array: all values are of one type."""
    return _typed("ARRAY", values)


def source(address: str | None, filters: dict[str, Any] | None = None) -> Source:
    """Where messages come from."""
    return Source(address, None, None, None, None, None, None, filters, None, None, None)


def target(address: str | None) -> Target:
    """Where messages go to."""
    return Target(address, None, None, None, None, None, None)


def error(condition: str, description: str) -> AMQPError:
    """The `error` of a detach, end, close or rejection."""
    return AMQPError(condition=condition.encode(), description=description, info=None)


def encode_value(value: object) -> bytes:
    """Encode a Python or typed value, with its constructor."""
    output = bytearray()
    _encode.encode_value(output, value)
    return bytes(output)


def decode_value(buffer: memoryview) -> Decoded:
    """Decode the value at the start of the buffer. Raises `ValueError` and `IndexError` when it is malformed."""
    try:
        return _decode._DECODE_BY_CONSTRUCTOR[buffer[0]](buffer[1:])[1]  # noqa: SLF001 - see the module's docstring
    except (TypeError, struct.error) as error:  # an unknown constructor, a value that is cut off
        raise ValueError(f"no AMQP value: {error}") from error


def decode_performative(body: memoryview) -> tuple[int, list[Any]]:
    """Decode a frame's body to its code and fields; the payload of a transfer is the last field."""
    return _decode.decode_frame(body)


_FRAME_TAIL = struct.Struct(">H")


def encode_frame(channel: int, performative: tuple[Any, ...], *, sasl: bool = False) -> bytes:
    """Encode a whole frame."""
    head, body = _encode.encode_frame(cast("Any", performative), b"\x01" if sasl else b"\x00")
    return head + _FRAME_TAIL.pack(channel) + (body or b"")
