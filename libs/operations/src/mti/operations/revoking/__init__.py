"""Withdraws indicators: `revoked: true` to every workspace that holds them, and a memory that the ids are spent."""

from mti.operations.revoking.lift import Lifted, lift
from mti.operations.revoking.naming import observable_of
from mti.operations.revoking.one import RevokeObservable
from mti.operations.revoking.results import RevokeResult
from mti.operations.revoking.whole import RevokeSources, Whose

__all__ = ["Lifted", "RevokeObservable", "RevokeResult", "RevokeSources", "Whose", "lift", "observable_of"]
