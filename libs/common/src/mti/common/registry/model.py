"""The registry as the services see it: sources, destinations and the routes between them.

It is derived from the tenants file (`mti.common.registry.file`) and immutable: a change makes a new registry.
Secrets are references here, never values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from mti.common.feeds import Feed, FeedFormat
from mti.common.ports.secrets import SecretReference
from mti.common.source_id import SourceId


class MimecastApi(StrEnum):
    """The generation of the Mimecast API that an account's credentials belong to."""

    V1 = "1.0"
    """HMAC-signed requests."""
    V2 = "2.0"
    """OAuth 2 client credentials."""


class Tlp(StrEnum):
    """The Traffic Light Protocol levels that STIX 2.1 predefines as marking definitions."""

    WHITE = "white"
    GREEN = "green"
    AMBER = "amber"
    RED = "red"


class NamePolicy(StrEnum):
    """What becomes of file names and subjects, which can be personal data."""

    KEEP = "keep"
    REDACT = "redact"


class TestFilePolicy(StrEnum):
    """What becomes of EICAR and the like."""

    __test__ = False

    DROP = "drop"
    KEEP = "keep"


class SentinelAuth(StrEnum):
    """How the publisher proves who it is to Microsoft Entra ID."""

    CLIENT_SECRET = "client_secret"  # noqa: S105  the name of a method, not a secret
    CERTIFICATE = "certificate"
    MANAGED_IDENTITY = "managed_identity"
    WORKLOAD_IDENTITY = "workload_identity"
    FEDERATED_IDENTITY = "federated_identity"
    """An app registration that trusts the managed identity of this process: no secret, and in any directory that
    consented to the app."""


class TenantStatus(StrEnum):
    """Whether anything is done for a tenant. It is kept beside the tenants file, which belongs to who edits it."""

    ACTIVE = "active"
    PAUSED = "paused"
    """Nothing is fetched for it alone, and what is for its workspaces alone waits."""
    REMOVED = "removed"
    """As if it were not in the file, but that it is known why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantState:
    """A tenant's status, and who gave it that."""

    status: TenantStatus
    since: datetime | None = None
    by: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorPolicy:
    """How detections become indicators for one route."""

    validity: timedelta = timedelta(days=30)
    """`valid_until` is the last sighting plus this."""
    refresh_after: float = 0.5
    """A sighting of a known indicator sends it again when it extends the validity by this part of it (0..1)."""
    confidence: int = 80
    tlp: Tlp = Tlp.AMBER
    names: NamePolicy = NamePolicy.KEEP
    allow_list: frozenset[str] = frozenset()
    """As `mti.common.comparable` writes them."""
    """Observable values, lower-case, that are never sent."""
    test_files: TestFilePolicy = TestFilePolicy.DROP


@dataclass(frozen=True, slots=True, kw_only=True)
class MimecastAccount:
    """One tenant's access to Mimecast. The `secrets` map a credential's field to its reference."""

    tenant: str
    api: MimecastApi
    region: str
    base_url: str
    """Without a trailing slash."""
    format: FeedFormat
    secrets: Mapping[str, SecretReference] = field(default_factory=dict)
    """2.0: client_id, client_secret. 1.0: app_id, app_key, access_key, secret_key, and optionally email, password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One feed of one account (`contoso/malware_customer`), or one region's grid (`grid:eu`)."""

    id: str
    feed: Feed
    region: str
    accounts: Sequence[MimecastAccount]
    """Who may fetch it, in order of preference; one, unless it is a shared grid. Paused tenants lend theirs to none."""
    poll_interval: timedelta = timedelta(minutes=5)
    lookback: timedelta = timedelta(days=7)
    overlap: timedelta = timedelta(minutes=15)
    paused: bool = False
    """Every tenant that asks for it is paused: it is left alone."""

    @property
    def tenant(self) -> str | None:
        """The tenant that it belongs to; `None` when several share it."""
        return SourceId.parse(self.id).tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One Sentinel workspace. Its id is the workspace's GUID in lower case, and the session id on the bus."""

    id: str
    tenants: Sequence[str]
    """Whose indicators it receives, for people to read."""
    endpoint: str
    authority: str
    azure_tenant_id: str | None
    auth: SentinelAuth
    client_id: SecretReference | str | None = None
    """Where it is kept, or the id itself."""
    client_secret: SecretReference | None = None
    certificate: SecretReference | None = None
    """Of a PEM with the private key and the certificate."""
    identity_client_id: SecretReference | str | None = None
    """The user-assigned identity that the app registration trusts; `None` is the one that the system assigned."""
    source_system: str = "Mimecast"
    requests_per_minute: int = 100
    api_version: str = "2024-02-01-preview"
    token_scope: str = "https://management.azure.com/.default"  # noqa: S105  an address
    """What the upload's token is asked for; it follows from the endpoint's cloud."""
    exchange_scope: str = "api://AzureADTokenExchange/.default"
    """What a managed identity's token is asked for that proves who an app registration is, in the same cloud."""

    @property
    def secrets(self) -> Mapping[str, SecretReference]:
        """What its credential is made of and kept elsewhere, by the field's name."""
        fields = {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "certificate": self.certificate,
            "identity_client_id": self.identity_client_id,
        }
        return {name: value for name, value in fields.items() if isinstance(value, SecretReference)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A source's way to a destination, on behalf of every tenant that wants it, under the policy that they share."""

    source: str
    destination: str
    tenant: str
    """The first of them."""
    policy: IndicatorPolicy
    others: tuple[str, ...] = ()
    """The other tenants, in the order of the file."""
    paused: bool = False
    """Every tenant that asks for it is paused: what is on this way waits before the destination."""

    @property
    def tenants(self) -> tuple[str, ...]:
        """All tenants that want it."""
        return (self.tenant, *self.others)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """All that the services know of tenants.

    It is its own provider (`mti.common.registry.provider`): one that never changes.
    """

    sources: Mapping[str, Source]
    destinations: Mapping[str, Destination]
    routes: Sequence[Route]
    states: Mapping[str, TenantState] = field(default_factory=dict)
    """Of the tenants that are not active."""
    removed: Sequence[Route] = ()
    """The ways that removed tenants had and nobody else has: nothing goes there but withdrawals."""
    leaving: Mapping[str, Destination] = field(default_factory=dict)
    """The destinations that removed tenants had and nobody else has, for withdrawals."""
    _from: Mapping[str, tuple[Route, ...]] = field(init=False, repr=False, compare=False)
    _to: Mapping[str, tuple[Route, ...]] = field(init=False, repr=False, compare=False)
    _between: Mapping[tuple[str, str], Route] = field(init=False, repr=False, compare=False)
    _gone: Mapping[str, tuple[Route, ...]] = field(init=False, repr=False, compare=False)
    served: Mapping[str, Destination] = field(init=False, repr=False, compare=False)
    """The destinations that can be reached: of tenants, and of removed ones for withdrawals."""

    def __post_init__(self) -> None:
        """Arrange the routes for looking them up: every message is looked up."""
        outgoing: dict[str, list[Route]] = {}
        incoming: dict[str, list[Route]] = {}
        for route in self.routes:
            outgoing.setdefault(route.source, []).append(route)
            incoming.setdefault(route.destination, []).append(route)
        object.__setattr__(self, "_from", {name: tuple(routes) for name, routes in outgoing.items()})
        object.__setattr__(self, "_to", {name: tuple(routes) for name, routes in incoming.items()})
        between = {(route.source, route.destination): route for route in reversed(self.routes)}
        object.__setattr__(self, "_between", between)
        gone: dict[str, list[Route]] = {}
        for route in self.removed:
            gone.setdefault(route.destination, []).append(route)
        object.__setattr__(self, "_gone", {name: tuple(routes) for name, routes in gone.items()})
        object.__setattr__(self, "served", {**self.leaving, **self.destinations})

    def routes_from(self, source: str) -> tuple[Route, ...]:
        """Return the routes of a source; empty when it has none or is unknown."""
        return self._from.get(source, ())

    def routes_to(self, destination: str) -> tuple[Route, ...]:
        """Return the routes that end at a destination."""
        return self._to.get(destination, ())

    def route(self, source: str, destination: str) -> Route | None:
        """Return the route between the two; the first one, where there are several."""
        return self._between.get((source, destination))

    def removed_route(self, source: str, destination: str) -> Route | None:
        """Return the route between the two that only removed tenants had."""
        return next((route for route in self.removed_to(destination) if route.source == source), None)

    def removed_to(self, destination: str) -> tuple[Route, ...]:
        """Return the ways to a destination that only removed tenants had."""
        return self._gone.get(destination, ())

    def removed_from(self, *, source: str | None = None, destination: str | None = None) -> str | None:
        """Return the removed tenant to which a source, a destination or the way between them belonged, if any."""
        for route in self.removed:
            if source in {None, route.source} and destination in {None, route.destination}:
                return route.tenant
        return None

    @property
    def current(self) -> Self:
        """Return the registry itself; see `mti.common.registry.provider`."""
        return self

    async def latest(self) -> Self:
        """Return the registry itself; see `mti.common.registry.provider`."""
        return self
