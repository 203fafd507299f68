"""Decimals among the application properties: they come as IEEE 754 has them, and leave as the service writes them.

The service reads decimal128 (binary integer decimal) into a number of .NET, which has 96 bits and up to 28 places. Its
AMQP library writes that with the upper half of the exponent two bits lower than the standard has it, and the SDK reads
nothing else: https://github.com/Azure/azure-amqp/blob/master/src/Encoding/DecimalEncoding.cs.
"""

from decimal import Decimal

from servicebus_local.amqp import sections as s
from servicebus_local.amqp.codec import Decoded, decode_value

DECIMAL = b"\x94"
"""The constructor of decimal128."""
_WIDTH = 16
_DIGITS = 113
_BIAS = 6176
_SIGN, _SPECIAL, _UPPER = 127, 0x3 << 125, 120
_MAX_BITS, _MAX_PLACES = 96, 28


def as_the_service_writes(section: memoryview) -> bytes:
    """Write the decimals of application properties anew. Raises `ValueError` for what is no number of .NET."""
    written = bytearray(section)
    for _, value, end in s.map_items(section, s.SECTION_HEAD):
        if section[value : value + 1] == DECIMAL:
            written[value + 1 : end] = _rewritten(int.from_bytes(section[value + 1 : end], "big")).to_bytes(
                _WIDTH, "big"
            )
    return bytes(written)


def decode_property(buffer: memoryview) -> Decoded:
    """Decode the value of an application property; a decimal, as the service writes it, becomes a float."""
    if buffer[:1] != DECIMAL:
        return decode_value(buffer)
    bits = int.from_bytes(buffer[1 : 1 + _WIDTH], "big")
    exponent = (bits >> _UPPER & 0x7F) << 9 | bits >> _DIGITS & 0x7F
    digits = bits & (1 << _MAX_BITS) - 1
    return float(Decimal((bits >> _SIGN, tuple(map(int, str(digits))), exponent - _BIAS)))


def _rewritten(bits: int) -> int:
    exponent, digits = (bits >> _DIGITS & 0x3FFF) - _BIAS, bits & (1 << _DIGITS) - 1
    if 0 < exponent <= _MAX_PLACES:
        digits, exponent = digits * 10**exponent, 0
    if bits & _SPECIAL == _SPECIAL or digits >> _MAX_BITS or not -_MAX_PLACES <= exponent <= 0:
        raise ValueError("a decimal has more than 96 bits or 28 places")
    biased = exponent + _BIAS
    return bits >> _SIGN << _SIGN | biased >> 9 << _UPPER | (biased & 0x7F) << _DIGITS | digits
