"""Texts that are looked for in other texts, in one pass, however many there are."""

from mti.common.secret_forms import MASK, SHORTEST


class KnownValues:
    """Values of at least `SHORTEST` characters.

    What stands at a place of a text is looked up by its first characters, and then by its length. Values come and go
    while other threads read: what they read is replaced, and not changed under their hands.
    """

    def __init__(self) -> None:
        self._known: dict[str, dict[int, frozenset[str]]] = {}
        """By their first characters, then by their length, the longest first."""

    def add(self, value: str) -> None:
        """Look for a value from now on."""
        lengths = self._known.get(value[:SHORTEST], {})
        alike = lengths.get(len(value), frozenset())
        changed = {**lengths, len(value): alike | {value}}
        self._known[value[:SHORTEST]] = dict(sorted(changed.items(), reverse=True))

    def remove(self, value: str) -> None:
        """Look for a value no more."""
        lengths = self._known.get(value[:SHORTEST], {})
        kept = {length: alike - {value} for length, alike in lengths.items()}
        self._known[value[:SHORTEST]] = {length: alike for length, alike in kept.items() if alike}
        if not self._known[value[:SHORTEST]]:
            del self._known[value[:SHORTEST]]

    def mask(self, text: str) -> str:
        """Return the text with every value replaced by `***`; values that overlap are replaced as one."""
        pieces: list[str] = []
        shown = 0
        for at in range(len(text) - SHORTEST + 1):
            lengths = self._known.get(text[at : at + SHORTEST])
            length = lengths and next((size for size in lengths if text[at : at + size] in lengths[size]), None)
            if not length:
                continue
            if at >= shown:
                pieces += (text[shown:at], MASK)
            shown = max(shown, at + length)
        return text if not pieces else "".join((*pieces, text[shown:]))
