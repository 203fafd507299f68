"""The document that describes a simulated world; `model_dump_json` writes it whole, secrets included."""

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from mti.simulators.feed import FeedSpec
from mti.simulators.mimecast import Account, MimecastFault, MimecastSettings
from mti.simulators.sentinel import App, SentinelFault, SentinelSettings, WorkspaceSpec


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DestinationSpec(_Model):
    """A workspace that a tenant's indicators go to, and the app registration that uploads them."""

    workspace_id: str
    client_id: str
    source_system: str = "Mimecast"
    requests_per_minute: int | None = None
    """For the tenants file; `None` is what the simulated Sentinel allows."""


class TenantSpec(_Model):
    """A customer of the MSSP."""

    id: str
    account: Account
    feeds: tuple[Literal["malware_customer", "malware_grid"], ...] = ("malware_customer", "malware_grid")
    format: Literal["stix", "csv"] = "stix"
    customer: FeedSpec = FeedSpec()
    """What the account is sent; its region's grid shows it too, whether the tenant fetches it or not."""
    destinations: tuple[DestinationSpec, ...]

    def sources(self) -> Iterator[str]:
        """Return the names of the sources that the tenant asks for."""
        return (self.account.source_of(feed) for feed in self.feeds)


class RegionSpec(_Model):
    """A region: what its grid shows beside its accounts' own detections."""

    grid: FeedSpec = FeedSpec()


class Scenario(_Model):
    """The whole world; the same scenario, started at the same time, is the same to the byte."""

    seed: int = 0
    tenants: tuple[TenantSpec, ...]
    regions: dict[str, RegionSpec]
    workspaces: tuple[WorkspaceSpec, ...]
    apps: tuple[App, ...]
    mimecast: MimecastSettings = MimecastSettings()
    sentinel: SentinelSettings = SentinelSettings()
    mimecast_faults: tuple[MimecastFault, ...] = ()
    sentinel_faults: tuple[SentinelFault, ...] = ()
    defaults: dict[str, object] = {}
    """The tenants file's `defaults`, such as `{"poll_interval": "10s"}`."""

    def app(self, client_id: str) -> App:
        """Return an app registration; raises `KeyError` when there is none."""
        for app in self.apps:
            if app.client_id == client_id:
                return app
        raise KeyError(client_id)

    def sources_of(self, workspace_id: str) -> set[str]:
        """Return the names of the sources whose routes end at a workspace."""
        wanted = workspace_id.lower()
        return {
            source
            for tenant in self.tenants
            if any(destination.workspace_id.lower() == wanted for destination in tenant.destinations)
            for source in tenant.sources()
        }

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        workspaces = {workspace.id for workspace in self.workspaces}
        clients = {app.client_id for app in self.apps}
        for tenant in self.tenants:
            if tenant.account.id != tenant.id or tenant.account.region not in self.regions:
                raise ValueError(f"{tenant.id}: the account's id must be the tenant's, and its region must be listed")
            for destination in tenant.destinations:
                if destination.workspace_id not in workspaces or destination.client_id not in clients:
                    raise ValueError(f"{tenant.id}: a destination names an unknown workspace or app")
            self._columns_suffice(tenant)
        return self

    def _columns_suffice(self, tenant: TenantSpec) -> None:
        """Refuse a grid whose CSV form could not show what the tenant was sent."""
        columns = self.regions[tenant.account.region].grid.csv.columns
        rates = (("MD5", tenant.customer.md5_only_rate), ("SHA1", tenant.customer.sha1_only_rate))
        for column, rate in rates:
            if rate and column not in columns:
                raise ValueError(f"{tenant.id}: its region's grid needs the CSV column {column}")
