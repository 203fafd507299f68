r"""Foreign text made safe to show: what a terminal would obey, or what an eye would misread, is written out.

What Mimecast, Sentinel, a message's body or a person's note says may hold escape sequences (clear the screen, put
something into the clipboard), overrides of the direction of writing, and characters that cannot be seen
(https://unicode.org/reports/tr36/). They are kept readable as Python writes them: `\x1b`, `\u202e`.
"""

import unicodedata

_KEPT = frozenset("\n\t")
_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Control, format (directions, zero width, tags), half a surrogate pair, and what separates lines or paragraphs."""


def escaped(text: str) -> str:
    """Return the text with its lines and tabs as they are, and all else that is not to be obeyed written out."""
    if text.isprintable():
        return text
    return "".join(character if _is_harmless(character) else written_out(character) for character in text)


def on_one_line(text: str) -> str:
    """Return the text safe to show as a part of a line: a break in it would pass for a line of our own."""
    return escaped(" ".join(text.split("\n")).replace("\r", " ").replace("\t", " "))


def written_out(character: str) -> str:
    """Return how a character is escaped that is not to be obeyed."""
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def is_obeyed(character: str) -> bool:
    """Say whether a terminal or an eye would do something else with it than show it."""
    return unicodedata.category(character) in _CATEGORIES


def _is_harmless(character: str) -> bool:
    return character in _KEPT or not is_obeyed(character)
