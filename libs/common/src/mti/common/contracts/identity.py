"""The id of an indicator: a name-based UUID of its observable, the same on every try, for ever.

::

    id   = "indicator--" + UUIDv5(NAMESPACE, name)
    name = KEY "=" VALUE            for generation 0, the observable's own id
    name = KEY "=" VALUE "#" n      for generation n > 0

KEY and VALUE are those of the canonical observable, in UTF-8: `file:hashes.'SHA-256'=275a021b…fd0f`. Neither tenant
nor feed nor region is in it. What is said on the bus and kept in the books is the observable's own id. A workspace in
which that id was revoked must never be given it again, so there the next generation takes its place; which one it is
follows from that workspace's books alone.
"""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from uuid import UUID

NAMESPACE: Final = UUID("c504ebfa-ff39-476c-ab1c-fb8784845d50")
"""Of this project's indicators. Changing it would give every indicator a second id."""

GENERATIONS_READ: Final = 16
"""Earlier releases put the generation into the id on the bus; dead letters may still hold such ids. So many are
recognised."""

_SALT: Final = NAMESPACE.bytes
_VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_ID: Final = re.compile(r"indicator--[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PATTERN: Final = re.compile(r"\[(?P<key>[^\s=\[\]]+) = '(?P<value>(?:[^'\\]++|\\.)*+)'\]", re.DOTALL)
"""Its repetitions give nothing back (`+`, `*+`): no shorter value could be followed by what follows one."""
_PREFIX: Final = b"indicator--"
_FIRST: Final = slice(len(_PREFIX), len(_PREFIX) + 8)
_LAST: Final = slice(len(_PREFIX) + 24, None)
"""Where the first and the last group of its digits stand."""
_ZEROS: Final = bytes.maketrans(b"123456789abcdef", b"000000000000000")
_FORM: Final = (_PREFIX + b"00000000-0000-0000-0000-000000000000\n").translate(_ZEROS)
_BEGINNING: Final = re.compile(r"\[([^\s=\[\]]+)")
"""Of a pattern, as far as its ` = '`."""
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def generation_id(key: str, value: str, generation: int = 0) -> str:
    """Return the STIX id of an observable's indicator.

    Args:
        key: the observable's, as in a pattern: `file:hashes.'SHA-256'`.
        value: its canonical value.
        generation: 0 for the observable's own id.
    """
    name = f"{key}={value}"
    if generation:
        name = f"{name}#{generation}"
    # What `uuid.uuid5` does (RFC 9562, section 5.5), without an object in between: it is made for each sighting.
    digest = _digest(name)
    variant = _VARIANT[digest[16]]
    return f"indicator--{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def _digest(name: str) -> str:
    return hashlib.sha1(_SALT + name.encode(), usedforsecurity=False).hexdigest()


def is_indicator_id(id: str) -> bool:
    """Say whether a text has the form of an indicator's id: `indicator--` and a UUID in lower case."""
    return _ID.fullmatch(id) is not None


def are_indicator_ids(ids: Sequence[str]) -> bool:
    """Say whether all of them have the form of an indicator's id.

    They are looked at in one go, with each digit made a zero: a pattern costs six times as much for each. No text can
    hold a line's end and pass, since there would be one too many.
    """
    lines = "".join([f"{id}\n" for id in ids]).encode(errors="replace")
    # A digit may be a letter of the prefix too, so that it is looked for as it is.
    return lines.count(_PREFIX) == len(ids) and lines.translate(_ZEROS) == _FORM * len(ids)


def pattern_of(key: str, value: str) -> str:
    """Return the STIX pattern that compares one observable."""
    if "'" in value or "\\" in value:
        value = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"[{key} = '{value}']"


def observable_in(pattern: str) -> tuple[str, str] | None:
    """Return key and value of a pattern that `pattern_of` made; `None` for any other."""
    found = _PATTERN.fullmatch(pattern)
    if found is None:
        return None
    key, value = found.groups()
    return key, _ESCAPED.sub(r"\1", value) if "\\" in value else value


def own_id(id: str, pattern: str) -> str:
    """Return the observable's own id, given the id of any of its generations; any other id stands for itself."""
    # Nearly every id is the own one, and nearly every value stands in its pattern as it is. Eighty bits tell that, and
    # neither a regular expression nor any other id is needed.
    beginning, _, rest = pattern.partition(" = '")
    salted, value = _salted(beginning), rest[:-2]
    if salted is not None and rest.endswith("']") and "'" not in value and "\\" not in value:
        digest = hashlib.sha1(salted + value.encode(), usedforsecurity=False).hexdigest()
        if id[_FIRST] == digest[:8] and id[_LAST] == digest[20:32]:
            return id
    found = observable_in(pattern)
    if found is None:
        return id
    own = generation_id(*found)
    if all(id != generation_id(*found, generation) for generation in range(1, GENERATIONS_READ)):
        return id
    return own


@lru_cache(64)
def _salted(beginning: str) -> bytes | None:
    """Return what is digested of a pattern that begins so, up to its value; `None` where none begins so."""
    found = _BEGINNING.fullmatch(beginning)
    return None if found is None else _SALT + f"{found[1]}=".encode()


def id_in(id: str, pattern: str, generation: int) -> str:
    """Return the id that a workspace is given.

    Args:
        id: the observable's own.
        pattern: of the indicator.
        generation: the workspace's.
    """
    if not generation:
        return id
    found = observable_in(pattern)
    return generation_id("id", id, generation) if found is None else generation_id(*found, generation)
