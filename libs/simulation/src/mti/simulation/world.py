"""Who there is: the tenants with their parts in the play, and the registry that the services get of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mti.common.feeds import Feed, FeedFormat
from mti.common.ports.secrets import Scheme, SecretReference
from mti.common.registry.model import (
    Destination,
    IndicatorPolicy,
    MimecastAccount,
    MimecastApi,
    Registry,
    Route,
    SentinelAuth,
    Source,
)
from mti.simulation.parameters import POLL, Parameters

REGIONS: Final = ("eu", "us", "au", "za")
DEAD_REGION: Final = "dead"


class Part(StrEnum):
    """What a tenant does in the simulation."""

    QUIET = "quiet"
    FLOOD = "flood"
    """Begins with a backlog."""
    DEAD = "dead"
    """Its region takes no connection."""
    HANGING = "hanging"
    """Its account's requests are never answered."""
    THROTTLED = "throttled"
    """Its workspace answers 429."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant: one account with one feed, one workspace."""

    number: int
    part: Part

    @property
    def id(self) -> str:
        """Its id, by which the models know it."""
        return f"{self.part}-{self.number:04d}"

    @property
    def region(self) -> str:
        """Where its account is."""
        return DEAD_REGION if self.part is Part.DEAD else REGIONS[self.number % len(REGIONS)]

    @property
    def source(self) -> str:
        """The id of its feed."""
        return f"{self.id}/{Feed.MALWARE_CUSTOMER}"

    @property
    def workspace(self) -> str:
        """The id of its workspace."""
        return f"{self.number:08d}-0000-4000-8000-000000000000"


def tenants(parameters: Parameters, *, noisy: bool) -> list[Tenant]:
    """Return the tenants; the quiet ones are the same with and without the noisy ones."""
    noise = parameters.noise
    cast = [
        *[Part.QUIET] * parameters.quiet,
        *[Part.FLOOD] * (noise.backlog > 0),
        *[Part.DEAD] * noise.dead,
        *[Part.HANGING] * noise.hanging,
        *[Part.THROTTLED] * noise.throttled,
    ]
    return [Tenant(number, part) for number, part in enumerate(cast) if noisy or part is Part.QUIET]


def registry_of(found: Sequence[Tenant]) -> Registry:
    """Return the registry, in which the parts are mixed as they come."""
    policy = IndicatorPolicy()
    return Registry(
        sources={source.id: source for source in _sources(found)},
        destinations={tenant.workspace: _destination(tenant) for tenant in found},
        routes=[
            Route(source=tenant.source, destination=tenant.workspace, tenant=tenant.id, policy=policy)
            for tenant in found
        ],
    )


def _sources(found: Sequence[Tenant]) -> Iterator[Source]:
    for tenant in found:
        account = MimecastAccount(
            tenant=tenant.id,
            api=MimecastApi.V2,
            region=tenant.region,
            base_url=f"https://{tenant.region}.mimecast.invalid",
            format=FeedFormat.CSV,
            secrets=dict.fromkeys(("client_id", "client_secret"), SecretReference(scheme=Scheme.ENV, name=tenant.id)),
        )
        yield Source(
            id=tenant.source, feed=Feed.MALWARE_CUSTOMER, region=tenant.region, accounts=[account], poll_interval=POLL
        )


def _destination(tenant: Tenant) -> Destination:
    return Destination(
        id=tenant.workspace,
        tenants=[tenant.id],
        endpoint="https://sentinel.invalid",
        authority="https://login.invalid",
        azure_tenant_id=None,
        auth=SentinelAuth.MANAGED_IDENTITY,
    )
