"""Which dead letters somebody means. Pure."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from mti.common.topology import Entity
from mti.operations.bus import DeadLetter
from mti.operations.dead_letters.body import body_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """All that is given must hold; what is `None` or empty asks for nothing."""

    entity: str | None = None
    """Any of `Entity.names`."""
    tenant: str | None = None
    """The tenant whose source it comes from, or, for what a shared grid brought, whose workspace it is for."""
    workspaces: frozenset[str] = frozenset()
    """That tenant's workspaces, where the tenants file is at hand; alone it asks for nothing."""
    source: str | None = None
    destination: str | None = None
    reason: str | None = None
    older_than: timedelta | None = None
    newer_than: timedelta | None = None
    text: str | None = None
    """In the description or the body as a person reads it, in any case of letters."""
    identities: frozenset[str] = frozenset()
    """Sequence numbers or CloudEvents ids."""

    @property
    def everything(self) -> bool:
        """Whether it asks for nothing, and so means every dead letter."""
        return all(not getattr(self, field.name) for field in fields(self) if field.name != "workspaces")

    def covers(self, entity: Entity) -> bool:
        """Say whether it means dead letters of that entity."""
        return self.entity is None or self.entity.strip("/").lower() in entity.names

    def matches(self, letter: DeadLetter, now: datetime) -> bool:
        """Say whether it means that dead letter, of an entity that it covers. The dearest question comes last."""
        return (
            self._names(letter) and self._is_of_age(letter, now) and self._is_of_tenant(letter) and self._says(letter)
        )

    def _names(self, letter: DeadLetter) -> bool:
        if self.identities and not self.identities & {str(letter.sequence), letter.id}:
            return False
        asked = (
            (self.source, letter.source),
            (self.destination and self.destination.lower(), (letter.destination or "").lower()),
            (self.reason and self.reason.lower(), letter.reason.lower()),
        )
        return all(wanted is None or wanted == has for wanted, has in asked)

    def _is_of_age(self, letter: DeadLetter, now: datetime) -> bool:
        age = letter.age(now)
        return (self.older_than is None or age > self.older_than) and (self.newer_than is None or age < self.newer_than)

    def _is_of_tenant(self, letter: DeadLetter) -> bool:
        return self.tenant is None or letter.tenant == self.tenant or letter.destination in self.workspaces

    def _says(self, letter: DeadLetter) -> bool:
        if self.text is None:
            return True
        wanted = self.text.lower()
        return wanted in letter.description.lower() or wanted in body_text(letter).lower()
