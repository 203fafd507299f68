"""Zip archives of feed files, unpacked within bounds.

An archive is not to be believed about its sizes: members are read as streams, and reading ends as soon as a bound is
passed, so that a bomb is never held whole.
"""

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mti.fetcher.mimecast.refusals import too_large, unreadable

_RAISE_LIMIT = "if a page of that size is genuine, raise MTI_MIMECAST_UNPACKED_LIMIT"
_ASK_SUPPORT = "ask Mimecast's support what the feed sends"
MEMBERS_LIMIT = 10_000
RATIO_LIMIT = 200
"""Feed files shrink to a tenth or so; what grows more than this, beyond `RATIO_FREE` bytes, is a bomb."""
RATIO_FREE = 16 * 1024 * 1024

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
)
"""What `zipfile` raises for archives that are damaged, encrypted or packed in a way that it does not know."""
_STEP = 256 * 1024
_LITTER = frozenset({"thumbs.db", "desktop.ini"})
_ENTRY = b"PK\x01\x02"
"""What each entry of an archive's directory begins with: counted before `zipfile` makes an object of each."""
_KNOWN = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Of the methods of a zip only these are unpacked piece by piece: `zipfile` unpacks what it has read of bzip2 and LZMA
at once, to a million times its size."""
_METHODS = {9: "deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ", 98: "PPMd"}
"""https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, section 4.4.5."""


def is_archive(body: bytes) -> bool:
    """Say whether a body begins as a zip does, one without members included."""
    return body.startswith((b"PK\x03\x04", b"PK\x05\x06"))


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive."""

    name: str
    content: bytes
    """Where it can't be unpacked, what tells it from others."""
    fault: str | None = None
    """Why it can't be unpacked."""


def bound_of(body: bytes, limit: int) -> Callable[[int], None]:
    """Return what is called with the bytes that a page unpacks to; it raises `PageTooLarge` when these are too many.

    Args:
        body: the page, packed.
        limit: bytes that all of it together may unpack to.
    """
    return _Bound(limit, len(body)).take


def members(body: bytes, take: Callable[[int], None]) -> Iterator[Member]:
    """Yield the members, one at a time, in the archive's order; folders and what systems leave behind are passed over.

    Args:
        body: the archive.
        take: called with the bytes that are unpacked (`bound_of`).

    Raises:
        Pause: `PageTooLarge`.
        Retry: `UnreadablePage`, the archive as a whole is damaged.
    """
    if (entries := body.count(_ENTRY)) > MEMBERS_LIMIT:
        raise too_large(f"the page's archive has {entries} members", _ASK_SUPPORT)
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            files = [info for info in archive.infolist() if not info.is_dir()]
            for info in files:
                if not _is_litter(info.filename):
                    yield _member(archive, info, take)
    except _BROKEN as error:
        raise unreadable(f"the page's archive can't be unpacked ({type(error).__name__})") from error


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, take: Callable[[int], None]) -> Member:
    which = f"{info.filename}, {info.file_size} bytes, CRC-32 {info.CRC:08x}"
    if info.compress_type not in _KNOWN:
        name = _METHODS.get(info.compress_type, "an unknown method")
        fault = f"it is packed by {name} (method {info.compress_type}), and only stored and deflated files are unpacked"
        return Member(info.filename, which.encode("utf-8", "replace"), fault)
    try:
        return Member(info.filename, _read(archive, info, take))
    except _BROKEN as error:
        # What was unpacked so far is not to be used: its checksum does not vouch for it.
        return Member(info.filename, which.encode("utf-8", "replace"), f"it can't be unpacked ({type(error).__name__})")


def _is_litter(name: str) -> bool:
    """Say whether an operating system put the file there: resource forks, folder settings, previews."""
    parts = name.replace("\\", "/").split("/")
    return parts[-1].startswith(".") or parts[-1].lower() in _LITTER or "__MACOSX" in parts


class _Bound:
    def __init__(self, limit: int, packed: int) -> None:
        self._limit = limit
        self._suspicious = max(RATIO_FREE, RATIO_LIMIT * packed)
        self._taken = 0

    def take(self, count: int) -> None:
        self._taken += count
        if self._taken > self._limit:
            raise too_large(f"the page's archive unpacks to more than {self._limit} bytes", _RAISE_LIMIT)
        if self._taken > self._suspicious:
            raise too_large(
                f"the page's archive unpacks to more than {RATIO_LIMIT} times its size, as no feed file does",
                _ASK_SUPPORT,
            )


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, take: Callable[[int], None]) -> bytes:
    parts: list[bytes] = []
    with archive.open(info) as member:
        while part := member.read(_STEP):
            take(len(part))
            parts.append(part)
    return b"".join(parts)
