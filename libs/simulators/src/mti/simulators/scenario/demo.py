"""The world of the demonstration: six tenants in two regions, and a bad day."""

import base64
import hashlib
from typing import Literal, NamedTuple
from uuid import UUID

from pydantic import SecretStr

from mti.simulators.feed import CsvForm, FeedSpec, artefact
from mti.simulators.mimecast import (
    Account,
    AccountV1,
    AccountV2,
    CallLimit,
    LimitHeaders,
    MimecastFault,
    MimecastFaultKind,
    MimecastSettings,
)
from mti.simulators.scenario.model import DestinationSpec, RegionSpec, Scenario, TenantSpec
from mti.simulators.sentinel import App, SentinelFault, SentinelFaultKind, Told, WorkspaceSpec

_MOST_FILES_OF_A_CUSTOMER = 600
_MOST_FILES_OF_A_GRID = 2200
_MSSP = "mssp"


class _Who(NamedTuple):
    id: str
    region: str
    api: Literal["1.0", "2.0"]
    format: Literal["stix", "csv"]
    shared: bool = False
    """Whether the MSSP's own workspace gets its indicators too."""


_TENANTS = (
    _Who("contoso", "eu", "2.0", "stix", shared=True),
    _Who("fabrikam", "eu", "1.0", "csv"),
    _Who("northwind", "eu", "2.0", "csv"),
    _Who("tailspin", "us", "1.0", "stix", shared=True),
    _Who("adventure-works", "us", "2.0", "stix"),
    _Who("wingtip", "us", "1.0", "csv"),
)
_REGIONS = ("eu", "us")


class _Seeded:
    """Ids and credentials that follow from the seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def digest(self, label: str) -> bytes:
        return hashlib.sha512(f"{self._seed}/{label}".encode()).digest()

    def number(self, label: str) -> int:
        return int.from_bytes(self.digest(label)[:6])

    def guid(self, label: str) -> str:
        return str(UUID(bytes=self.digest(label)[:16], version=4))

    def text(self, label: str) -> str:
        return base64.b64encode(self.digest(label)).decode()

    def secret(self, label: str) -> SecretStr:
        return SecretStr(self.text(label))


def demo_scenario(seed: int = 0, detections: int = 100_000) -> Scenario:
    """Return the demonstration's world; `detections` is the total as fetched, a region's grid counted once.

    No workspace gets more than 8,000 indicators, however many detections there are.
    """
    seeded = _Seeded(seed)
    each = max(20, detections // 20)
    grids = detections - 2 * each * len(_TENANTS)
    customers = {who.id: _customer(seeded, who, each) for who in _TENANTS}
    shares = (grids - grids // 2, grids // 2)
    regions = {
        region: RegionSpec(grid=_grid(seeded, region, max(10, share)))
        for region, share in zip(_REGIONS, shares, strict=True)
    }
    names = (*(who.id for who in _TENANTS), _MSSP)
    return Scenario(
        seed=seed,
        tenants=tuple(_tenant(seeded, who, customers[who.id]) for who in _TENANTS),
        regions=regions,
        workspaces=tuple(WorkspaceSpec(id=seeded.guid(f"{name}/workspace")) for name in names),
        apps=tuple(_app(seeded, name) for name in names),
        mimecast=MimecastSettings(limit=CallLimit(headers=LimitHeaders.LIMITED)),
        mimecast_faults=_mimecast_faults(),
        sentinel_faults=_sentinel_faults(seeded, customers),
        defaults={"lookback": "7d"},
    )


def _customer(seeded: _Seeded, who: _Who, detections: int) -> FeedSpec:
    return FeedSpec(
        seed=seeded.number(f"{who.id}/feed"),
        detections=detections,
        distinct=min(_MOST_FILES_OF_A_CUSTOMER, max(1, detections * 12 // 100)),
        test_files=2,
        md5_only_rate=0.01,
        csv=CsvForm(trailing_newline=True),
    )


def _grid(seeded: _Seeded, region: str, detections: int) -> FeedSpec:
    columns = ("SHA256", "MD5", "Timestamp", "FileName", "FileSize", "FileMimeType", "SendingIP", "SenderDomain")
    return FeedSpec(
        seed=seeded.number(f"{region}/grid"),
        detections=detections,
        distinct=min(_MOST_FILES_OF_A_GRID, max(1, detections * 11 // 100)),
        test_files=3,
        csv=CsvForm(columns=columns),
    )


def _account(seeded: _Seeded, who: _Who) -> Account:
    if who.api == "2.0":
        return AccountV2(
            id=who.id,
            region=who.region,
            client_id=seeded.guid(f"{who.id}/client"),
            client_secret=seeded.secret(f"{who.id}/client"),
        )
    return AccountV1(
        id=who.id,
        region=who.region,
        app_id=seeded.guid(f"{who.id}/application"),
        app_key=SecretStr(seeded.guid(f"{who.id}/application key")),
        access_key=seeded.text(f"{who.id}/access key"),
        secret_key=seeded.secret(f"{who.id}/secret key"),
        email=f"threat-intel@{who.id}.example",
        password=seeded.secret(f"{who.id}/password"),
    )


def _app(seeded: _Seeded, name: str) -> App:
    return App(
        azure_tenant_id=seeded.guid(f"{name}/directory"),
        client_id=seeded.guid(f"{name}/app"),
        client_secret=seeded.secret(f"{name}/app"),
        workspaces=(seeded.guid(f"{name}/workspace"),),
    )


def _tenant(seeded: _Seeded, who: _Who, customer: FeedSpec) -> TenantSpec:
    owners = (who.id, _MSSP) if who.shared else (who.id,)
    return TenantSpec(
        id=who.id,
        account=_account(seeded, who),
        format=who.format,
        customer=customer,
        destinations=tuple(
            DestinationSpec(workspace_id=seeded.guid(f"{owner}/workspace"), client_id=seeded.guid(f"{owner}/app"))
            for owner in owners
        ),
    )


def _mimecast_faults() -> tuple[MimecastFault, ...]:
    kind = MimecastFaultKind
    return (
        MimecastFault(name="html on a page", kind=kind.HTML, feed="contoso/malware_customer", page=1),
        MimecastFault(name="html with 200", kind=kind.HTML, feed="grid:us", page=2, status=200),
        MimecastFault(name="truncated page", kind=kind.TRUNCATED, feed="grid:eu", page=3),
        MimecastFault(name="mimecast 429", kind=kind.RATE_LIMITED, rate=0.06, times=6, reset_ms=800),
        MimecastFault(name="mimecast 500", kind=kind.STATUS, status=500, rate=0.06, times=6),
    )


def _sentinel_faults(seeded: _Seeded, customers: dict[str, FeedSpec]) -> tuple[SentinelFault, ...]:
    kind = SentinelFaultKind
    never, once = (artefact(customers[name], 0).hashes()[0].value for name in ("contoso", "wingtip"))
    return (
        SentinelFault(
            name="refused for ever",
            kind=kind.REFUSE_RECORD,
            holds=never,
            workspace=seeded.guid("contoso/workspace"),
            times=None,
        ),
        SentinelFault(
            name="refused once", kind=kind.REFUSE_RECORD, holds=once, workspace=seeded.guid("wingtip/workspace")
        ),
        SentinelFault(name="answer lost", kind=kind.DROPPED, accepted=True, nth=5, times=2),
        SentinelFault(name="sentinel 429", kind=kind.RATE_LIMITED, rate=0.04, times=8, seconds=1, told=Told.TEXT),
        SentinelFault(name="sentinel 500", kind=kind.STATUS, status=500, rate=0.04, times=8),
    )
