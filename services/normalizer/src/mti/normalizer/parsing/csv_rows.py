"""The CSV form: a detection is a row, read by the names in the header.

https://integrations.mimecast.com/documentation/endpoint-reference/threat-intel/get-feed/

A row needs a hash and a time. It is never lost for lacking a name, a size or an address. In a row whose cells do not
match the header, cells may have moved: only those that prove what they are (hashes by their length and digits, times)
are taken, and what describes the file is left out.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address

from pydantic import JsonValue

from mti.normalizer.observables import ALGORITHMS, Algorithm, Observable, Rejected, hash_observable, masked
from mti.normalizer.parsing.fields import NAME_LIMIT, clean, read_time
from mti.normalizer.parsing.sighting import Sighting

_NOT_NAME = re.compile(r"[^0-9a-z]+")
_HASH = re.compile(r"[0-9A-Fa-f]+")
_MIME_LIMIT = 128
_SIZE_DIGITS = 15
_ADDRESS_LIMIT = 64
"""Characters of an IP address with a zone: the zone may be any text, and what is read is remembered."""


class CsvRows:
    """Reads rows under one header."""

    def __init__(self, header: Sequence[str]) -> None:
        self._width = len(header)
        columns: dict[str, int] = {}
        for position, name in enumerate(header):
            columns.setdefault(_NOT_NAME.sub("", name.lower()), position)
        hashes = [(algorithm, columns.get(name.lower())) for name, algorithm in ALGORITHMS.items()]
        self._hashes = [(algorithm, position) for algorithm, position in hashes if position is not None]
        self._time, self._name = columns.get("timestamp"), columns.get("filename")
        self._size, self._mime = columns.get("filesize"), columns.get("filemimetype")
        self._ip = columns.get("sendingip")
        expected = [algorithm for algorithm, _ in self._hashes] or ALGORITHMS.values()
        self._by_length: Mapping[int, Algorithm] = {algorithm.digits: algorithm for algorithm in expected}

    def sighting_of(self, row: Sequence[JsonValue]) -> Sighting:
        """Read a row.

        Raises:
            Rejected: `NoObservable`, `BadHash`, `BadTimestamp` or `RaggedRow`.
        """
        cells = [_text(cell) for cell in row]
        if len(cells) != self._width:
            return self._ragged(cells)
        observables = self._observables(cells)
        moment = read_time(_at(cells, self._time))
        if moment is None:
            raise Rejected("BadTimestamp", f"its timestamp is {masked(_at(cells, self._time) or '')}")
        return Sighting(
            observables=observables,
            time=moment,
            name=clean(_at(cells, self._name), NAME_LIMIT),
            size=_size(_at(cells, self._size)),
            mime_type=clean(_at(cells, self._mime), _MIME_LIMIT),
            sender_ip=_address(_at(cells, self._ip)),
        )

    def _observables(self, cells: Sequence[str | None]) -> tuple[Observable, ...]:
        """Return the hashes of a row; a bad one is passed over when there is a good one."""
        observables: list[Observable] = []
        bad: Rejected | None = None
        for algorithm, position in self._hashes:
            text = cells[position]
            if text is None:
                continue
            try:
                observables.append(hash_observable(algorithm, text))
            except Rejected as rejected:
                bad = bad or rejected
        if observables:
            return tuple(observables)
        raise bad or Rejected("NoObservable", "its row has no hash")

    def _ragged(self, cells: Sequence[str | None]) -> Sighting:
        texts = [text for text in cells if text is not None]
        observables = tuple(self._proven_hashes(texts))
        moment = _proven_time(texts)
        size = f"its row has {len(cells)} cells under {self._width} columns"
        if not observables and moment is None:
            raise Rejected("RaggedRow", f"{size}, and neither a hash nor a time can be told in it")
        if not observables:
            raise Rejected("NoObservable", f"{size}, and no hash can be told in it")
        if moment is None:
            raise Rejected("BadTimestamp", f"{size}, and no time can be told in it")
        return Sighting(observables=observables, time=moment)

    def _proven_hashes(self, texts: Iterable[str]) -> Iterable[Observable]:
        """Yield what can only be a hash: a second one of the same length might be a file's name."""
        by_length: dict[int, set[str]] = {}
        for text in texts:
            if len(text) in self._by_length and _HASH.fullmatch(text):
                by_length.setdefault(len(text), set()).add(text.lower())
        for digits, algorithm in self._by_length.items():
            candidates = by_length.get(digits, set())
            if len(candidates) == 1:
                yield hash_observable(algorithm, candidates.pop())


def _proven_time(texts: Iterable[str]) -> datetime | None:
    moments = {moment for moment in map(read_time, texts) if moment is not None}
    return moments.pop() if len(moments) == 1 else None


def _text(cell: JsonValue) -> str | None:
    """Return a cell's text; `null` and nothing are both none."""
    if cell is None:
        return None
    text = cell.strip() if isinstance(cell, str) else str(cell)
    return None if text in ("", "null") else text


def _at(cells: Sequence[str | None], position: int | None) -> str | None:
    return None if position is None else cells[position]


def _size(text: str | None) -> int | None:
    if text is None or not (text.isascii() and text.isdecimal()) or len(text) > _SIZE_DIGITS:
        return None
    return int(text)


def _address(text: str | None) -> str | None:
    return None if text is None or len(text) > _ADDRESS_LIMIT else _canonical_address(text)


@lru_cache(maxsize=4096)
def _canonical_address(text: str) -> str | None:
    try:
        return str(ip_address(text))
    except ValueError:
        return None
