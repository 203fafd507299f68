r"""Document ids in an alphabet that Cosmos DB takes and sorts as we do.

Cosmos refuses `/`, `\`, `?` and `#` in an id and advises against all but ASCII
(https://learn.microsoft.com/azure/cosmos-db/concepts-limits#per-item-limits). So such characters are written as others,
in a code whose words sort as the characters themselves do. Comparing two written ids, by whatever rule orders ASCII, is
then comparing the ids by code point, which is the order that a scan promises:

- space to `,` become `!` and a digit: all of them lie below `-`, as `!` does;
- `.` becomes `.-` and `/` becomes `.~`: both lie between `-` and `0`, as `.` does. In the same way `>-` and `>~` stand
  for `>` and `?`, and `[-` and `[~` for `[` and `\`;
- `~` and all beyond ASCII become `~` and the code point in four digits: `~` is the highest of all;
- everything else stays as it is.

A digit is one of 64 characters in the order of ASCII. No word is the beginning of another, so the way back is unique.
"""

import re

MAX_BYTES = 1023
"""The longest id that the service takes; ids of up to 200 characters always fit."""

_DIGITS = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
_BASE = len(_DIGITS)
_PLACES = 4
_LOWEST_PLAIN = "-"
_PAIRS = {".": ".-", "/": ".~", ">": ">-", "?": ">~", "[": "[-", "\\": "[~"}
_UNPAIRS = {word: character for character, word in _PAIRS.items()}

_NOT_PLAIN = re.compile(r"[^-0-9:;<=@A-Z\]^_`a-z{|}]")
_WORD = re.compile(r"!.|~.{4}|[.>\[].")


def encode_id(id: str) -> str:
    """Return the id as it is stored.

    Raises:
        ValueError: it is longer than the service takes.
    """
    encoded = _NOT_PLAIN.sub(lambda match: _encode(match.group()), id)
    if len(encoded) > MAX_BYTES:
        raise ValueError(f"a document's id takes {len(encoded)} bytes and may take {MAX_BYTES}")
    return encoded


def decode_id(encoded: str) -> str:
    """Return the id that `encode_id` made this of."""
    return _WORD.sub(lambda match: _decode(match.group()), encoded)


def _encode(character: str) -> str:
    pair = _PAIRS.get(character)
    if pair is not None:
        return pair
    if character < _LOWEST_PLAIN:
        return "!" + _DIGITS[ord(character)]
    return "~" + _digits(ord(character))


def _digits(code_point: int) -> str:
    digits = []
    for _ in range(_PLACES):
        code_point, digit = divmod(code_point, _BASE)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def _decode(word: str) -> str:
    character = _UNPAIRS.get(word)
    if character is not None:
        return character
    code_point = 0
    for digit in word[1:]:
        code_point = code_point * _BASE + _DIGITS.index(digit)
    return chr(code_point)
