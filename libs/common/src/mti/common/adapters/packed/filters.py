"""Which keys may be in a run: a blocked Bloom filter, whose every key sets four bits of one word of 64. Pure.

With 16 bits a key, about one key of 200 that is not there is taken for one that may be (Putze, Sanders and Singler,
*Cache-, Hash- and Space-Efficient Bloom Filters*, 2007), and costs a page that is read in vain.
"""

from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from sys import byteorder
from typing import Final
from zlib import crc32

from mti.common.ports.store import Key

KEYS_A_WORD: Final = 4
_SPREAD: Final = 0x9E3779B97F4A7C15
"""2 to the 64th by the golden ratio, which spreads 32 bits over 64 (Knuth, *The Art of Computer Programming*, 6.4)."""
_ALL: Final = 2**64 - 1
_TWO_BITS: Final = tuple(1 << (pair & 63) | 1 << (pair >> 6) for pair in range(4096))
"""The bits that twelve bits of a digest choose."""
Hashed = tuple[int, int]
"""What chooses the word, and the bits in it."""


def digests_of(keys: Iterable[Key]) -> "array[int]":
    """Return the digests of keys: four bytes each."""
    begun: dict[str, int] = {}
    digests = array("I")
    for partition, id in keys:
        begin = begun.get(partition)
        if begin is None:
            begin = begun[partition] = crc32(f"{partition}\0".encode())
        digests.append(crc32(id.encode(), begin))
    return digests


def spread(digests: Iterable[int]) -> Iterator[Hashed]:
    """Yield what the filters know keys by, by their digests."""
    for each in digests:
        digest = each * _SPREAD & _ALL
        digest ^= digest >> 32
        yield digest >> 24, _TWO_BITS[digest & 4095] | _TWO_BITS[digest >> 12 & 4095]


def hashed(key: Key) -> Hashed:
    """Return what the filters know a key by."""
    return next(spread(digests_of([key])))


def filter_of(keys: Iterable[Hashed], count: int) -> "array[int]":
    """Return the filter of so many keys."""
    words = array("Q", bytes(8 * max(1, -(-count // KEYS_A_WORD))))
    size = len(words)
    for place, bits in keys:
        words[place % size] |= bits
    return words


def may_hold(words: "array[int]", key: Hashed) -> bool:
    """Say whether a key may be among those that the filter was made of."""
    place, bits = key
    return words[place % len(words)] & bits == bits


def held(words: "array[int]", keys: Sequence[Key], known_by: Sequence[Hashed]) -> list[Key]:
    """Return those keys that `may_hold` says may be held."""
    size = len(words)
    return [key for key, (place, bits) in zip(keys, known_by, strict=True) if words[place % size] & bits == bits]


def to_text(words: "array[int]") -> str:
    """Return a filter as it is stored, little-endian on every machine."""
    return b64encode(_little_endian(words).tobytes()).decode()


def from_text(text: str) -> "array[int]":
    """Return the filter that `to_text` made the text of."""
    words = array("Q", b64decode(text))
    return _little_endian(words)


def _little_endian(words: "array[int]") -> "array[int]":
    if byteorder == "little":
        return words
    swapped = words[:]
    swapped.byteswap()
    return swapped
