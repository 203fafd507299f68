"""The workspaces and app registrations of the simulated Sentinel, and its limits.

The limits are those of https://learn.microsoft.com/azure/sentinel/stix-objects-api
"""

from pydantic import BaseModel, ConfigDict, Field

from mti.simulators.secret import Secret
from mti.simulators.sentinel.audience import MANAGEMENT


class WorkspaceSpec(BaseModel):
    """One workspace."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    exists: bool = True
    """Whether it is there from the start; until it is created it answers 404."""


class App(BaseModel):
    """One app registration and what it may do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    azure_tenant_id: str
    client_id: str
    client_secret: Secret
    accepts_assertions: bool = True
    """Whether a certificate or federated credential is set up, so that `client_assertion` is taken too."""
    trusts: str | None = None
    """The identity whose tokens stand for the app's secret: an assertion's subject. When given, no other is taken, nor
    one for another audience than `exchange_audience`."""
    exchange_audience: str = "api://AzureADTokenExchange"
    workspaces: tuple[str, ...] = ()
    """Where it has the role Microsoft Sentinel Contributor."""


class UploadLimit(BaseModel):
    """How many requests a workspace takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    requests: int = Field(default=100, ge=1)
    seconds: float = Field(default=60.0, gt=0)
    sliding: bool = False
    retry_after: bool = False
    """Whether a 429 says the delay in `Retry-After` too; its text always does."""


class SentinelSettings(BaseModel):
    """The habits of the simulated service."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token_seconds: int = Field(default=3599, ge=0)
    api_versions: tuple[str, ...] = ("2024-02-01-preview",)
    max_objects: int = Field(default=100, ge=1)
    max_bytes: int | None = Field(default=None, ge=1)
    """Larger bodies get 413; the real limit is not documented."""
    limit: UploadLimit | None = UploadLimit()
    single_observable_only: bool = True
    """Whether STIX patterns of several observables are refused. The real service takes them and leaves their
    observable columns empty, which no rule can match."""
    well_formed_hashes_only: bool = True
    """Whether a hash of the wrong length is refused. What the real service does with one is not documented."""
    known_pattern_types_only: bool = True
    """Whether a pattern language that STIX 2.1 does not list is refused; there it is an open vocabulary."""
    audiences: tuple[str, ...] = MANAGEMENT
    """The resources that a token may be for."""
    other_audiences: bool = False
    """Whether the authority gives tokens for other resources too, as the real one does; an upload with such a token is
    answered by 401."""
