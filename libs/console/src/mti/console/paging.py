"""Long lists in parts, and the words by which they are narrowed. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from urllib.parse import urlencode

PER_PAGE: Final = 50
"""Rows of a page."""
_WORDS: Final = 200
"""Characters of a filter that are looked at."""

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Part(Generic[_Row]):
    """The rows of one page."""

    rows: Sequence[_Row]
    number: int
    """Of this page, from 1 on."""
    pages: int
    found: int
    """Rows that match, on all pages."""
    total: int
    """Rows that there are."""
    address: str
    """Of the list, with its filters and without a page."""

    def at(self, number: int) -> str:
        """Return the address of another page."""
        return f"{self.address}{'&' if '?' in self.address else '?'}page={number}"

    @property
    def first(self) -> int:
        """The number of the first row, from 1 on."""
        return (self.number - 1) * PER_PAGE + 1 if self.rows else 0

    @property
    def last(self) -> int:
        """The number of the last row."""
        return self.first + len(self.rows) - 1 if self.rows else 0


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What somebody asked of a list, from its address."""

    words: str = ""
    show: str = ""
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str], shows: Sequence[str]) -> "Narrowing":
        """Read an address; what it does not know it takes for nothing.

        Args:
            query: the parameters.
            shows: the kinds of rows that may be asked for; the first is shown unasked.
        """
        page, show = query.get("page", ""), query.get("show", "")
        number = int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1
        return cls(query.get("q", "").strip()[:_WORDS], show if show in shows else shows[0], max(number, 1))

    def takes(self, *texts: str) -> bool:
        """Say whether every word is in one of the texts, in any case of letters."""
        haystack = "\n".join(texts).lower()
        return all(word in haystack for word in self.words.lower().split())

    def part(self, path: str, rows: Iterable[_Row], total: int, severity: Callable[[_Row], int]) -> Part[_Row]:
        """Return the rows of the page that is asked for, the gravest first.

        Args:
            path: of the list.
            rows: those that match; those that are equally grave stay in their order.
            total: how many there are.
            severity: how unwell a row is.
        """
        ordered = sorted(rows, key=severity, reverse=True)
        pages = max(1, -(-len(ordered) // PER_PAGE))
        number = min(self.page, pages)
        given = {name: value for name, value in (("q", self.words), ("show", self.show)) if value}
        address = f"{path}?{urlencode(given)}" if given else path
        start = (number - 1) * PER_PAGE
        return Part(ordered[start : start + PER_PAGE], number, pages, len(ordered), total, address)
