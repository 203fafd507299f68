"""Undoes what lies around a text: gzip, and encodings other than UTF-8. Bounds come before the bytes."""

import codecs
import zlib
from collections.abc import Callable
from typing import Final

GZIP: Final = b"\x1f\x8b"
LAYERS_LIMIT: Final = 3
"""How often a file may be packed in itself."""

_STEP = 256 * 1024
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks, the longer before those that they begin with (https://www.unicode.org/faq/utf_bom.html)."""


class BrokenGzip(ValueError):
    """What begins like gzip is damaged, or cut short."""


def unwrapped(data: bytes, take: Callable[[int], None]) -> bytes:
    """Return a file without the gzip around it, a text among them in UTF-8 without a byte order mark.

    Args:
        data: the file.
        take: called with the bytes that are unpacked, before there are more; it raises when these are too many.

    Raises:
        BrokenGzip: it is damaged, or packed more than `LAYERS_LIMIT` times.
    """
    for _ in range(LAYERS_LIMIT):
        if not data.startswith(GZIP):
            return in_utf8(data)
        data = _gunzipped(data, take)
    if data.startswith(GZIP):
        raise BrokenGzip
    return in_utf8(data)


def _gunzipped(data: bytes, take: Callable[[int], None]) -> bytes:
    """Unpack all members of a gzip file, one after the other (RFC 1952, section 2.2); zeros may follow them."""
    parts: list[bytes] = []
    while data:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            while not unpacker.eof:
                part = unpacker.decompress(data, _STEP)
                take(len(part))
                parts.append(part)
                data = unpacker.unconsumed_tail
                if not part and not data:
                    break
        except zlib.error as error:
            raise BrokenGzip from error
        if not unpacker.eof:
            raise BrokenGzip
        data = unpacker.unused_data.lstrip(b"\0")
    return b"".join(parts)


def in_utf8(data: bytes) -> bytes:
    """Return a text in UTF-8 without a byte order mark; what has none of the other encodings' signs stays as it is."""
    encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), None)
    if encoding is None:
        name = _unmarked(data)
        return data if name is None else data.decode(name, "replace").encode()
    mark, name = encoding
    rest = data[len(mark) :]
    return rest if name == "utf-8" else rest.decode(name, "replace").encode()


def _unmarked(data: bytes) -> str | None:
    """Return the UTF-16 of a text without a mark: its first character is one of ASCII, with a zero beside it."""
    if len(data) < 4 or len(data) % 2:
        return None
    first, second, third, fourth = data[:4]
    if first and not second and third and not fourth:
        return "utf-16-le"
    return "utf-16-be" if second and not first and fourth and not third else None
