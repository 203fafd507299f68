"""The sections of the console, in the order of its navigation. Pure."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of the navigation."""

    name: str
    """What a page says it belongs to, and the name of its icon."""
    title: str
    path: str
    group: str


DASHBOARDS: Final = Section("dashboards", "Dashboards", "/dashboards/", "For analysts")
SECTIONS: Final = (
    Section("overview", "Overview", "/", "Now"),
    Section("tenants", "Tenants", "/tenants", "Now"),
    Section("sources", "Sources", "/sources", "Now"),
    Section("workspaces", "Workspaces", "/workspaces", "Now"),
    Section("pauses", "Pauses", "/pauses", "To do"),
    Section("dead-letters", "Dead letters", "/dead-letters", "To do"),
    Section("withdrawals", "Withdrawals", "/withdrawals", "To do"),
    Section("books", "Books", "/books", "To do"),
)
