"""The journal: what was confirmed and is not in the tables yet.

A transaction of SQLite costs ten times what it costs to append to a file. So the writes of one moment go into one
record here, which the kernel holds once `append` returns: they survive `kill -9`. The tables take them in later, many
at once, and the journal begins anew at its start. What a power cut or a kill leaves half written ends the reading;
nobody was told that it is stored.
"""

import io
import os
import pickle
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from servicebus_local.storage.batch import Rows, WriteBatch

_HEAD = struct.Struct(">QII")
"""Generation, length of the record, CRC-32 of the record."""
_KEEP = 4 * 1024 * 1024
"""The file keeps this size for its next use; a longer one is given back."""


class Journal:
    """One file of records. Each belongs to a generation: those that reach the tables in one transaction."""

    def __init__(self, path: Path) -> None:
        """Raises `OSError`."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._end = 0
        self.generation = 1
        """Of the records that are appended from now on."""

    @property
    def size(self) -> int:
        """Bytes of the records that the tables lack."""
        return self._end

    def records(self, applied: int) -> Iterator[WriteBatch]:
        """What a namespace that ended left behind, beyond the generation that its tables have; `begin` next."""
        self.generation = applied + 1
        with os.fdopen(os.dup(self._file), "rb") as file:
            file.seek(0)
            while len(head := file.read(_HEAD.size)) == _HEAD.size:
                generation, length, checksum = _HEAD.unpack(head)
                if generation != self.generation:  # of an earlier use of the file
                    return
                data = file.read(length)
                if len(data) != length or zlib.crc32(data) != checksum:
                    return
                yield WriteBatch.of(_DataUnpickler(io.BytesIO(data)).load())

    def append(self, rows: Rows) -> None:
        """Store the writes of a batch. Raises `OSError`; then nothing was stored."""
        data = pickle.dumps(rows, pickle.HIGHEST_PROTOCOL)
        record = _HEAD.pack(self.generation, len(data), zlib.crc32(data)) + data
        written = os.pwrite(self._file, record, self._end)
        while written < len(record):
            written += os.pwrite(self._file, record[written:], self._end + written)
        self._end += len(record)

    def begin(self, generation: int) -> None:
        """All records are in the tables: begin anew, over the old ones."""
        self.generation = generation
        self._end = 0
        if os.fstat(self._file).st_size > _KEEP:
            os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Close the file; what it holds stays."""
        os.close(self._file)


class _DataUnpickler(pickle.Unpickler):
    """Reads numbers, texts, bytes, lists, tuples and dictionaries, and nothing that could run code."""

    def find_class(self, module: str, name: str) -> object:
        raise pickle.UnpicklingError(f"{module}.{name} does not belong in a journal")
