"""What came of the work. Plain data, ready for JSON."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import JsonValue

from mti.operations.bus import DeadLetter
from mti.operations.to_json import to_json


class Why(StrEnum):
    """Why a dead letter that was meant was not replayed."""

    TOO_OFTEN = "replayed too often"
    TOO_LARGE = "too large"
    NOT_BYTES = "body is not bytes"
    UNKNOWN_ENTITY = "entity unknown"


CURES = {
    Why.TOO_OFTEN: "look at it with `mti dlq show`, mend the cause, then replay it with --force, edit or purge it",
    Why.TOO_LARGE: "the queue or topic takes no message of that size: raise its limit, or purge it",
    Why.NOT_BYTES: "no copy of it would hold the same; it is not of this project: have its sender send it again",
    Why.UNKNOWN_ENTITY: "the file is of a namespace with other names: set MTI_FETCH_JOBS_QUEUE and the like to them",
}


class Step(StrEnum):
    """How far a dead letter is."""

    READ = "read"
    """It is about to be sent."""
    SENT = "sent"
    """The bus confirmed its copy."""
    ENTERED = "entered"
    """The books say what becomes of it, and it is about to be removed."""
    REMOVED = "removed"
    """It is gone from the dead letters."""


Progress = Callable[[Step, DeadLetter], None]
"""Called at each step of each dead letter, at once: it must not take long."""


def unwatched(step: Step, letter: DeadLetter) -> None:
    """Watch nothing."""


@dataclass(slots=True, kw_only=True)
class Refused:
    """A dead letter that was not replayed."""

    entity: str
    sequence: int
    id: str
    reason: str
    why: Why
    cure: str


REFUSED_SHOWN = 100
"""Refused dead letters that are named; all are counted."""


@dataclass(slots=True, kw_only=True)
class ReplayResult:
    """What a replay did, in dead letters unless it says otherwise."""

    matched: int = 0
    replayed: int = 0
    overtaken: int = 0
    """Completed without being sent: the workspace has every object of theirs newer, or it was withdrawn."""
    objects_left_out: int = 0
    """Objects that were overtaken, of these and of replayed ones."""
    gone: int = 0
    """Gone before their turn came: replayed or purged by somebody else."""
    already: int = 0
    """Replayed out of this file before."""
    locked: int = 0
    """Sent, and still there, since somebody else holds their lock. Replay again when it has run out; within the bus's
    window for duplicates nothing is doubled."""
    refused: dict[str, int] = field(default_factory=dict)
    """By `Why`."""
    examples: list[Refused] = field(default_factory=list)
    """The first `REFUSED_SHOWN` of them."""
    dry_run: bool = False
    """Nothing was done; `replayed` says what would have been."""

    @property
    def complete(self) -> bool:
        """Whether everything that matched was dealt with."""
        return not (self.refused or self.locked)

    def refuse(self, letter: DeadLetter, why: Why) -> None:
        """Count one as refused."""
        self.refused[why.value] = self.refused.get(why.value, 0) + 1
        if len(self.examples) < REFUSED_SHOWN:
            self.examples.append(
                Refused(
                    entity=letter.entity,
                    sequence=letter.sequence,
                    id=letter.id,
                    reason=letter.reason,
                    why=why,
                    cure=CURES[why],
                )
            )

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data."""
        return to_json(self) | {"complete": self.complete}


@dataclass(slots=True, kw_only=True)
class PurgeResult:
    """What a purge did."""

    matched: int = 0
    purged: int = 0
    gone: int = 0
    """Gone before their turn came."""
    locked: int = 0
    """Still there, since somebody else holds their lock."""
    unentered: int = 0
    """Not in the books as purged: what they held could not be read, or the books were not at hand. Where somebody
    counted it, the reconciliation will miss it."""
    by_reason: dict[str, int] = field(default_factory=dict)
    dry_run: bool = False

    @property
    def complete(self) -> bool:
        """Whether everything that matched is gone."""
        return not self.locked

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data."""
        return to_json(self) | {"complete": self.complete}
