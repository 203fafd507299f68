"""Texts of the feed, in a form for people: one line, printable, of a sane length."""

from collections.abc import Iterable

NAME_LIMIT = 200
LABEL_LIMIT = 64
LABELS_LIMIT = 8


def clean(text: object, limit: int) -> str | None:
    """Return a text in one line without control characters, cut at the limit; `None` when nothing is left."""
    if not isinstance(text, str):
        return None
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(text.split())
    if len(line) > limit:
        line = f"{line[: limit - 1]}…"
    return line or None


def labels_of(values: Iterable[object]) -> tuple[str, ...]:
    """Return the labels among the values, each once, in order."""
    cleaned = (clean(value, LABEL_LIMIT) for value in values)
    return tuple(dict.fromkeys(label for label in cleaned if label is not None))[:LABELS_LIMIT]
