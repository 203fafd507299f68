"""What a backfill is asked for, how far it has come, and what became of it."""

from dataclasses import dataclass

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue

from mti.common.errors import ConfigurationError
from mti.common.registry import Registry, Route


class Progress(BaseModel):
    """How far a backfill of one workspace has come."""

    model_config = ConfigDict(frozen=True)

    run: str
    """Its name, which is in the MessageIds."""
    started: AwareDatetime
    done: tuple[str, ...] = ()
    """Sources that are behind."""
    scope: str | None = None
    """The one at hand."""
    shard: int = 0
    after: str = ""
    """The last id of the shard that is behind."""
    messages: int = 0
    sent: int = 0
    """Indicators."""
    expired: int = 0
    """Not sent, since they are not valid any more."""
    withheld: int = 0
    """Not sent, since a person withdrew them, or a policy does not let them be sent any more."""
    finished: AwareDatetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is to be given again."""

    tenant: str
    destination: str | None = None
    """`None`: all workspaces of the tenant."""
    source: str | None = None
    """`None`: all sources of the tenant."""
    rebuilt: bool = False
    """Whether the workspaces were built anew, and hold nothing of what the publisher's books say."""

    def routes(self, registry: Registry) -> dict[str, list[Route]]:
        """Return the routes that are meant, by destination.

        Raises:
            ConfigurationError: there are none; the text says what the tenant has.
        """
        own = [route for route in registry.routes if self.tenant in route.tenants]
        if not own:
            tenants = ", ".join(sorted({tenant for route in registry.routes for tenant in route.tenants})[:20])
            raise ConfigurationError(
                f"the tenants file has no tenant {self.tenant!r} with a workspace; it has {tenants}"
            )
        selected: dict[str, list[Route]] = {}
        for route in own:
            if self.destination in (None, route.destination) and self.source in (None, route.source):
                selected.setdefault(route.destination, []).append(route)
        if not selected:
            existing = ", ".join(sorted(f"{route.source} to {route.destination}" for route in own))
            raise ConfigurationError(f"tenant {self.tenant!r} has no such route; it has {existing}")
        return selected

    def key(self, destination: str) -> str:
        """Return the id of the progress document."""
        return "|".join((destination, self.tenant, self.source or "*", "rebuilt" if self.rebuilt else "late"))


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillResult:
    """What became of one workspace."""

    destination: str
    progress: Progress
    resumed: bool = False
    dry_run: bool = False

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data."""
        progress = self.progress
        return {
            "destination": self.destination,
            "run": progress.run,
            "resumed": self.resumed,
            "dry_run": self.dry_run,
            "finished": progress.finished is not None,
            "messages": progress.messages,
            "sent": progress.sent,
            "expired": progress.expired,
            "withheld": progress.withheld,
        }
