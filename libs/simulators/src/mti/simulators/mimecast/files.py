"""Feed files as they go over the wire: the two forms, zipped or not, whole or damaged."""

import gzip
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from mti.simulators.feed import CsvForm, Detection
from mti.simulators.feed.stix import bundle
from mti.simulators.feed.table import table
from mti.simulators.mimecast.garbage import csv_row, stix_object
from mti.simulators.mimecast.odd import odd_object, odd_row
from mti.simulators.mimecast.plan import Garbage, Odd
from mti.simulators.mimecast.query import FileType
from mti.simulators.mimecast.settings import Encoding, MimecastSettings, Packing

_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FeedFile:
    """A body and what it really is."""

    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class FileWriter:
    """Writes pages."""

    rng: Random
    settings: MimecastSettings

    def write(
        self,
        detections: Sequence[Detection],
        file_type: FileType,
        form: CsvForm,
        *,
        compress: bool,
        garbage: Sequence[Garbage] = (),
        odd: Sequence[Odd] = (),
        broken: bool = False,
    ) -> FeedFile:
        """Return the page's file; a zip's garbage and odd records are in its first member.

        Args:
            detections: of the page.
            file_type: `stix` or `csv`.
            form: of the rows.
            compress: whether it is packed.
            garbage: records that no client can read.
            odd: records that some can't.
            broken: whether a damaged member stands beside the others.
        """
        if not compress:
            kind = "application/json" if file_type == "stix" else "text/csv"
            return FeedFile(self._encoded(self._unpacked(detections, file_type, form, garbage, odd)), kind)
        if self.settings.packing is Packing.GZIP:
            whole = self._encoded(self._unpacked(detections, file_type, form, garbage, odd))
            return FeedFile(gzip.compress(whole, 1, mtime=0), "application/octet-stream")
        size = max(1, -(-len(detections) // self.settings.zip_members))
        parts = [detections[at : at + size] for at in range(0, len(detections), size)] or [detections]
        bodies = [
            self._encoded(
                self._unpacked(part, file_type, form, garbage if number == 0 else (), odd if number == 0 else ())
            )
            for number, part in enumerate(parts)
        ]
        suffix = "json" if file_type == "stix" else "csv"
        if self.settings.packing is Packing.ZIP_OF_GZIP:
            bodies, suffix = [gzip.compress(body, 1, mtime=0) for body in bodies], f"{suffix}.gz"
        whole = zipped(bodies, suffix, litter=self.settings.litter)
        return FeedFile(with_broken_member(whole, bodies[0], suffix) if broken else whole, "application/octet-stream")

    def _unpacked(
        self,
        detections: Sequence[Detection],
        file_type: FileType,
        form: CsvForm,
        garbage: Sequence[Garbage],
        odd: Sequence[Odd],
    ) -> bytes:
        odd = odd if detections else ()
        if file_type == "stix":
            extra = [stix_object(kind, self.rng) for kind in garbage]
            extra += [odd_object(kind, detections[0], self.rng) for kind in odd]
            return bundle(detections, f"{self.rng.getrandbits(128):032x}", extra)
        rows = [csv_row(kind, form.columns, self.rng) for kind in garbage]
        more = (odd_row(kind, detections[0], form.columns) for kind in odd)
        return table(detections, form, [*rows, *(row for row in more if row is not None)])

    def _encoded(self, text: bytes) -> bytes:
        return text if self.settings.encoding is Encoding.UTF_8 else text.decode().encode(self.settings.encoding)


_LITTER = {
    "feeds/": b"",
    "__MACOSX/._malware_feed_1.json": b"\0\5\x16\7\0\2\0\0Mac OS X        ",
    "feeds/.DS_Store": b"\0\0\0\1Bud1",
    "README.txt": b"Threat intelligence by Mimecast. See the terms of use.\n",
}


def zipped(bodies: Sequence[bytes], suffix: str, *, litter: bool = False) -> bytes:
    """Return a raw zip with one member a body, and what else may be in one."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in _LITTER.items() if litter else ():
            archive.writestr(name, content)
        for number, body in enumerate(bodies, 1):
            archive.writestr(f"malware_feed_{number}.{suffix}", body)
    return buffer.getvalue()


def with_broken_member(archive: bytes, body: bytes, suffix: str) -> bytes:
    """Return the archive with one more member, whose content does not match its checksum."""
    buffer = io.BytesIO(archive)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as changed:
        changed.writestr(f"malware_feed_broken.{suffix}", body)
    data = bytearray(buffer.getvalue())
    with zipfile.ZipFile(io.BytesIO(data)) as read:
        at = read.getinfo(f"malware_feed_broken.{suffix}").header_offset
    middle = at + 64 + len(body) // 2
    data[middle] ^= 0xFF
    return bytes(data)


def zip_bomb(size: int, suffix: str) -> bytes:
    """Return a small zip whose one member grows to `size` bytes of blanks."""
    buffer = io.BytesIO()
    blanks = b" " * _CHUNK
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(f"malware_feed_1.{suffix}", "w", force_zip64=True) as member,
    ):
        for written in range(0, size, _CHUNK):
            member.write(blanks[: size - written])
    return buffer.getvalue()


def truncated(file: FeedFile) -> bytes:
    """Return half of the body; a CSV is cut inside the first cell of a row, so that the damage can be seen."""
    half = file.body[: len(file.body) // 2]
    if file.content_type != "text/csv":
        return half
    line = half.rfind(b"\n") + 1
    return file.body[: line + 10]
