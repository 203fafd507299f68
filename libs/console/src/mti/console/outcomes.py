"""What was done, told on the page that follows: kept here for a while, so that no address carries text."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Literal

_KEPT: Final = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a piece of work came to."""

    lines: tuple[str, ...]
    kind: Literal["good", "warn", "bad"] = "good"


class Outcomes:
    """The latest outcomes, by a name that nobody guesses."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Outcome] = OrderedDict()

    def keep(self, outcome: Outcome) -> str:
        """Keep an outcome, and return its name."""
        name = secrets.token_urlsafe(9)
        self._kept[name] = outcome
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return name

    def get(self, name: str | None) -> Outcome | None:
        """Return an outcome; `None` where there is none of that name any more."""
        return None if name is None else self._kept.get(name)
