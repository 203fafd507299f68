"""The sections of the console, in the order of its navigation. Pure."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of the navigation."""

    name: str
    """What a page says it belongs to."""
    title: str
    path: str
    group: str


DASHBOARDS: Final = Section("dashboards", "Dashboards", "/dashboards/", "Analysts")
SECTIONS: Final = (Section("overview", "Overview", "/", "Today"),)
