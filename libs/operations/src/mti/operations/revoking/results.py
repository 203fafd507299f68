"""What became of a withdrawal. Plain data, ready for JSON."""

from collections import Counter
from dataclasses import dataclass, field

from pydantic import JsonValue


@dataclass(slots=True, kw_only=True)
class RevokeResult:
    """In indicators, unless it says otherwise."""

    observables: int = 0
    """Distinct ones that were withdrawn, or are to be."""
    revoked: Counter[str] = field(default_factory=Counter)
    """By workspace: sent with `revoked: true`."""
    already: int = 0
    """Revoked in a workspace before."""
    backed: int = 0
    """Left alone in a workspace, since another of its sources still has them."""
    expired: int = 0
    """Not sent, since they are not valid any more."""
    unserved: Counter[str] = field(default_factory=Counter)
    """By workspace: still held by one that is in no tenants file any more, so that nobody may send it anything."""
    messages: int = 0
    dry_run: bool = False

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data."""
        return {
            "observables": self.observables,
            "revoked": dict[str, JsonValue](sorted(self.revoked.items())),
            "already": self.already,
            "backed": self.backed,
            "expired": self.expired,
            "unserved": dict[str, JsonValue](sorted(self.unserved.items())),
            "messages": self.messages,
            "dry_run": self.dry_run,
        }
