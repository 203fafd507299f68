"""A body, piece by piece: counted, and unpacked no further than its bound."""

import zlib
from typing import Final

_WINDOWS: Final = {"gzip": 31, "x-gzip": 31, "deflate": zlib.MAX_WBITS}
"""Content codings and how zlib is told of them (https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1)."""
MEMBERS_LIMIT: Final = 64
"""Members that a gzip body may consist of; servers that flush write several, and nobody writes many."""
_NAME_LIMIT: Final = 60


class BodyRefused(Exception):
    """A body is not taken. The text says why and repeats nothing of it."""


class BodyTooLarge(BodyRefused):
    """It has more bytes than it may, as it travels or unpacked."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"the answer has more than {limit} bytes")


class EncodingRefused(BodyRefused):
    """It is under a content coding that is not known here, or under several."""

    def __init__(self, encoding: str) -> None:
        super().__init__(
            f"the answer is under Content-Encoding {encoding[:_NAME_LIMIT]!r}, and only gzip or deflate alone is read"
        )


class BodyBroken(BodyRefused):
    """It is not what its coding says, or it is cut short."""


def codings(header: str) -> list[str]:
    """Return the content codings that a header names, in lower case, without those that change nothing."""
    names = (name.strip().lower() for name in header.split(","))
    return [name for name in names if name not in ("", "identity")]


class Unpacker:
    """Takes a body in pieces.

    Args:
        encoding: the value of `Content-Encoding`; empty for none.
        limit: bytes that the body may have, as it travels and unpacked.

    Raises:
        EncodingRefused: before anything is read.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        found = codings(encoding)
        if len(found) > 1 or not _WINDOWS.keys() >= set(found):
            raise EncodingRefused(encoding)
        self._window = _WINDOWS[found[0]] if found else None
        self._unpacking = None if self._window is None else zlib.decompressobj(wbits=self._window)
        self._limit = limit
        self._arrived = 0
        self._members = 1
        self._size = 0
        self._parts: list[bytes] = []

    def expect(self, length: str | None) -> None:
        """Refuse a body that says beforehand that it is too large, in `Content-Length`.

        Raises:
            BodyTooLarge: see there.
        """
        if length and length.isascii() and length.isdecimal():
            digits = length.lstrip("0")
            if len(digits) > len(str(self._limit)) or int(digits or "0") > self._limit:
                raise BodyTooLarge(self._limit)

    def feed(self, piece: bytes) -> None:
        """Take the next piece.

        Raises:
            BodyTooLarge: what came so far is more than the limit.
            BodyBroken: it is not what the coding says.
        """
        self._arrived += len(piece)
        if self._arrived > self._limit:
            raise BodyTooLarge(self._limit)
        if self._unpacking is None:
            self._keep(piece)
            return
        try:
            while piece:
                piece = self._unpack(piece)
        except zlib.error as error:
            raise BodyBroken("the answer is not what its Content-Encoding says") from error

    def finish(self) -> bytes:
        """Return the whole body.

        Raises:
            BodyBroken: it is cut short.
        """
        if self._unpacking is not None and self._arrived and not self._unpacking.eof:
            raise BodyBroken("the answer ends before its Content-Encoding says that it does")
        return b"".join(self._parts)

    def _unpack(self, piece: bytes) -> bytes:
        """Unpack a piece within one member, and return what stands behind that."""
        assert self._unpacking is not None  # noqa: S101  asked by `feed`
        assert self._window is not None  # noqa: S101  the same
        if self._unpacking.eof:
            self._members += 1
            if self._members > MEMBERS_LIMIT:
                raise BodyBroken(f"the answer has more than {MEMBERS_LIMIT} gzip members")
            self._unpacking = zlib.decompressobj(wbits=self._window)
        self._keep(self._unpacking.decompress(piece, self._limit - self._size + 1))
        return self._unpacking.unused_data

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._limit:
            raise BodyTooLarge(self._limit)
        if part:
            self._parts.append(part)
