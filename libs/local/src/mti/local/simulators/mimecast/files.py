"""Feed files as they go over the wire: the two forms, zipped or not, whole or damaged."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from mti.local.simulators.feed import CsvForm, Detection
from mti.local.simulators.feed.stix import bundle
from mti.local.simulators.feed.table import table
from mti.local.simulators.mimecast.garbage import csv_row, stix_object
from mti.local.simulators.mimecast.plan import Garbage
from mti.local.simulators.mimecast.query import FileType

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
    members: int
    """How many members a zip has at the most."""

    def write(
        self,
        detections: Sequence[Detection],
        file_type: FileType,
        form: CsvForm,
        *,
        compress: bool,
        garbage: Sequence[Garbage] = (),
    ) -> FeedFile:
        """Return the page's file; a zip's garbage is in its first member."""
        if not compress:
            kind = "application/json" if file_type == "stix" else "text/csv"
            return FeedFile(self._plain(detections, file_type, form, garbage), kind)
        size = max(1, -(-len(detections) // self.members))
        parts = [detections[at : at + size] for at in range(0, len(detections), size)] or [detections]
        bodies = [
            self._plain(part, file_type, form, garbage if number == 0 else ()) for number, part in enumerate(parts)
        ]
        suffix = "json" if file_type == "stix" else "csv"
        return FeedFile(zipped(bodies, suffix), "application/octet-stream")

    def _plain(
        self, detections: Sequence[Detection], file_type: FileType, form: CsvForm, garbage: Sequence[Garbage]
    ) -> bytes:
        if file_type == "stix":
            extra = [stix_object(kind, self.rng) for kind in garbage]
            return bundle(detections, f"{self.rng.getrandbits(128):032x}", extra)
        return table(detections, form, [csv_row(kind, form.columns, self.rng) for kind in garbage])


def zipped(bodies: Sequence[bytes], suffix: str) -> bytes:
    """Return a raw zip with one member a body."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number, body in enumerate(bodies, 1):
            archive.writestr(f"malware_feed_{number}.{suffix}", body)
    return buffer.getvalue()


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
