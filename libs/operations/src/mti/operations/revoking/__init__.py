"""Withdraws indicators: `revoked: true` to whoever holds them, and books that remember it; and lifts that."""

from mti.operations.revoking.from_workspace import NotThere, WithdrawalRequest, WithdrawFromWorkspace
from mti.operations.revoking.lift import Lifted, LiftedSources, Lifting
from mti.operations.revoking.listing import Listed, Withdrawn, list_withdrawn
from mti.operations.revoking.observable import RevokeObservable
from mti.operations.revoking.parse_observable import observable_of
from mti.operations.revoking.results import RevokeResult
from mti.operations.revoking.scope import Scope
from mti.operations.revoking.sources import RevokeSources

__all__ = [
    "Lifted",
    "LiftedSources",
    "Lifting",
    "Listed",
    "NotThere",
    "RevokeObservable",
    "RevokeResult",
    "RevokeSources",
    "Scope",
    "WithdrawFromWorkspace",
    "WithdrawalRequest",
    "Withdrawn",
    "list_withdrawn",
    "observable_of",
]
