"""A dead letter: a message that was set aside, and what was said of it; and many of them, by entity and reason."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mti.common.contracts import count_of
from mti.common.contracts.envelope import PREFIX, REPLAYS
from mti.common.contracts.set_aside import DESCRIPTION, REASON
from mti.common.ports.bus import Received
from mti.common.source_id import SourceId

UNKNOWN = "Unknown"
"""The reason of one that was given none."""
_SOURCES = "/sources/"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One dead letter."""

    entity: str
    """The path of the queue or subscription that it was taken out of."""
    message: Received
    """As it was, with `REASON` and `DESCRIPTION` among its properties."""
    faithful: bool = True
    """Whether the body is bytes, as all of ours are, so that a copy holds the same; a stranger's may not be."""

    @property
    def sequence(self) -> int:
        """Its sequence number, unique in its entity."""
        return self.message.sequence_number

    @property
    def reason(self) -> str:
        """The reason code."""
        return self._text(REASON) or UNKNOWN

    @property
    def description(self) -> str:
        """The sentence to act on; empty where none was given."""
        return self._text(DESCRIPTION)

    @property
    def id(self) -> str:
        """The CloudEvents id; empty when the message is not of this project."""
        return self._text(f"{PREFIX}id")

    @property
    def type(self) -> str:
        """The contract that it names."""
        return self._text(f"{PREFIX}type")

    @property
    def source(self) -> str:
        """The id of the source that it comes from; empty when it names none."""
        return self._text(f"{PREFIX}source").removeprefix(_SOURCES)

    @property
    def tenant(self) -> str | None:
        """The tenant whose source it is; `None` for a grid, which tenants share."""
        return SourceId.parse(self.source).tenant

    @property
    def destination(self) -> str | None:
        """The workspace that it is for, when it is for one."""
        return self.message.session_id

    @property
    def replay_count(self) -> int:
        """How often it was replayed already."""
        return count_of(self.message, REPLAYS)

    def age(self, now: datetime) -> timedelta:
        """Return how long ago it was enqueued: the service keeps no time of dead-lettering."""
        enqueued = self.message.enqueued_at
        return timedelta() if enqueued is None else max(timedelta(), now - enqueued)

    def _text(self, name: str) -> str:
        value = self.message.properties.get(name)
        return "" if value is None else str(value)


@dataclass(slots=True, kw_only=True)
class DeadLetterGroup:
    """Dead letters of one entity that share a reason."""

    entity: str
    reason: str
    count: int = 0
    oldest: datetime | None = None
    """When the oldest was enqueued."""
    example: str = ""
    """The description of one of them."""

    def add(self, letter: DeadLetter) -> None:
        """Count a dead letter in."""
        self.count += 1
        self.example = self.example or letter.description
        enqueued = letter.message.enqueued_at
        if enqueued is not None and (self.oldest is None or enqueued < self.oldest):
            self.oldest = enqueued


@dataclass(slots=True)
class DeadLetterGroups:
    """Dead letters by entity and reason, one by one."""

    _groups: dict[tuple[str, str], DeadLetterGroup] = field(default_factory=dict)

    def add(self, letter: DeadLetter) -> None:
        """Count a dead letter in."""
        key = (letter.entity, letter.reason)
        if key not in self._groups:
            self._groups[key] = DeadLetterGroup(entity=letter.entity, reason=letter.reason)
        self._groups[key].add(letter)

    def all(self) -> list[DeadLetterGroup]:
        """Return the groups, in the order in which they were first met."""
        return list(self._groups.values())
