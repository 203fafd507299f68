"""The failures in an error body, whichever of its shapes it has.

- API 1.0 and get-feed itself: `{"meta": {...}, "data": [], "fail": [{"errors": [{"code", "message", "retryable"}]}]}`,
  with any HTTP status, 200 among them;
- the gateway of API 2.0: `{"fail": [{"code", "message"}]}` or `{"error": {"message"}}`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mti.common.foreign_words import words_of_others

NO_RESULT_CODE = "err_threat_intel_feed_no_result_found"
NO_RESULT_MESSAGE = "no results found for threat intel feed"
UNCOMPRESSED_MESSAGE = "unable to compress feeds"
"""How a request with `compress` is told, under 200, that its window holds nothing: public clients compare these words
(https://github.com/Azure/Azure-Sentinel/tree/master/Solutions/MimecastTIRegional)."""

MESSAGE_LIMIT = 300
"""Characters of Mimecast's own words that an error text repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One error, in Mimecast's words."""

    code: str = ""
    message: str = ""
    retryable: bool | None = None
    """`None` when it does not say."""

    @property
    def nothing_to_give(self) -> bool:
        """Whether it only says that the feed holds nothing for the window."""
        return self.code == NO_RESULT_CODE or NO_RESULT_MESSAGE in self.message.lower()

    @property
    def nothing_to_compress(self) -> bool:
        """Whether it says that there was no file to pack."""
        return UNCOMPRESSED_MESSAGE in self.message.lower()

    def __str__(self) -> str:
        """Return the code and the message, in one bounded line and without the secrets that they may repeat."""
        text = ": ".join(part for part in (self.code, self.message) if part) or "no reason given"
        return words_of_others(text, MESSAGE_LIMIT)


def words_of(failures: Sequence[Failure]) -> str:
    """Return what they say, in one bounded line."""
    return "; ".join(str(failure) for failure in failures[:3])


def failures_in(document: object) -> Sequence[Failure] | None:
    """Return the failures of an error body; `None` when it is not one, `[]` for an envelope without failures."""
    if not isinstance(document, dict):
        return None
    error = document.get("error")
    if isinstance(error, dict):
        return [_failure(error)]
    if isinstance(error, str):
        # RFC 6749, section 5.2: how a token endpoint says no
        return [Failure(code=error, message=_text(document.get("error_description")))]
    fail = document.get("fail")
    return list(_entries(fail)) if isinstance(fail, list) else None


def _entries(fail: list[object]) -> Iterator[Failure]:
    for entry in fail:
        if not isinstance(entry, dict):
            continue
        errors = entry.get("errors")
        if isinstance(errors, list) and errors:
            yield from (_failure(error) for error in errors if isinstance(error, dict))
        else:
            yield _failure(entry)


def _failure(entry: dict[str, object]) -> Failure:
    retryable = entry.get("retryable")
    return Failure(
        code=_text(entry.get("code")),
        message=_text(entry.get("message")),
        retryable=retryable if isinstance(retryable, bool) else None,
    )


def _text(value: object) -> str:
    """Return a text, or a number as text; what nests is none of the words, and may nest too deeply to be written."""
    return value if isinstance(value, str) else str(value) if isinstance(value, (int, float)) else ""
