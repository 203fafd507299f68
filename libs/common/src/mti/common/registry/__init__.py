"""Who the tenants are, what is fetched for them and where it goes."""

from mti.common.feeds import Feed, FeedFormat
from mti.common.registry.faults import InvalidTenantsFile
from mti.common.registry.live import LiveRegistry
from mti.common.registry.load import load_registry, registry_from
from mti.common.registry.model import (
    Destination,
    IndicatorPolicy,
    MimecastAccount,
    MimecastApi,
    NamePolicy,
    Registry,
    Route,
    SentinelAuth,
    Source,
    TenantState,
    TenantStatus,
    TestFilePolicy,
    Tlp,
)
from mti.common.registry.provider import RegistryProvider
from mti.common.registry.secrets import check_secrets
from mti.common.source_id import SourceId

__all__ = [
    "Destination",
    "Feed",
    "FeedFormat",
    "IndicatorPolicy",
    "InvalidTenantsFile",
    "LiveRegistry",
    "MimecastAccount",
    "MimecastApi",
    "NamePolicy",
    "Registry",
    "RegistryProvider",
    "Route",
    "SentinelAuth",
    "Source",
    "SourceId",
    "TenantState",
    "TenantStatus",
    "TestFilePolicy",
    "Tlp",
    "check_secrets",
    "load_registry",
    "registry_from",
]
