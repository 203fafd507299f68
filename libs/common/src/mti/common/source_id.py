"""The id of a source: one feed of one account (`contoso/malware_customer`), or one region's grid (`grid:eu`).

What services write down and say on the bus is its text; here it is taken apart, and nowhere else.
"""

from dataclasses import dataclass
from typing import Final, Self

from mti.common.feeds import Feed

_GRID: Final = "grid:"


@dataclass(frozen=True, slots=True)
class SourceId:
    """A source's id, taken apart."""

    text: str
    """As it is written everywhere."""
    feed: Feed | None
    """`None` where the text names none of this release."""
    tenant: str | None = None
    """Whose it is; `None` for a grid, which the tenants of a region share."""
    region: str | None = None
    """Of a grid that is shared; a tenant's own source does not name its region."""

    @classmethod
    def of_tenant(cls, tenant: str, feed: Feed) -> Self:
        """Return the id of a tenant's own source."""
        return cls(f"{tenant}/{feed}", feed, tenant=tenant)

    @classmethod
    def of_grid(cls, region: str) -> Self:
        """Return the id of the grid that the tenants of a region share."""
        return cls(f"{_GRID}{region}", Feed.MALWARE_GRID, region=region)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take a text apart. Any is taken, since a message may name anything; of a strange one nothing is known."""
        if text.startswith(_GRID):
            return cls(text, Feed.MALWARE_GRID, region=text.removeprefix(_GRID))
        tenant, separator, feed = text.partition("/")
        if not separator:
            return cls(text, None)
        return cls(text, Feed(feed) if feed in _FEEDS else None, tenant=tenant)

    @property
    def is_shared(self) -> bool:
        """Whether it is a grid that several tenants share."""
        return self.region is not None

    @property
    def owner(self) -> str:
        """What people group it by: its tenant, or itself where no tenant owns it."""
        return self.text if self.tenant is None else self.tenant

    def __str__(self) -> str:
        return self.text


_FEEDS: Final = frozenset(Feed)
