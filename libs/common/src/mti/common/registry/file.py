"""The schema of the tenants file: what an operator may write, and the defaults of what is left away."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator

from mti.common.feeds import FeedFormat
from mti.common.registry import values
from mti.common.registry.durations import Duration, PositiveDuration
from mti.common.registry.endpoints import (
    AUTHORITY_HOSTS,
    MIMECAST_HOSTS,
    PUBLIC,
    SENTINEL_HOSTS,
    check_region,
    checked_url,
    cloud_of,
    default_mimecast_url,
)
from mti.common.registry.faults import VARIANT, Sections
from mti.common.registry.model import MimecastApi, NamePolicy, SentinelAuth, TestFilePolicy, Tlp
from mti.common.registry.references import ReferenceOrGuid, WrittenReference


def _url(value: object, info: ValidationInfo, hosts: tuple[str, ...]) -> str:
    if not isinstance(value, str):
        raise ValueError("is not text; write an address such as https://...")  # noqa: TRY004  pydantic collects ValueError
    allow_loopback = bool(info.context and info.context.get("allow_loopback"))
    return checked_url(value.strip(), hosts=hosts, allow_loopback=allow_loopback)


class Section(BaseModel):
    """A group of fields; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class IndicatorSection(Section):
    """How detections become indicators. What a tenant writes replaces the default, field by field."""

    validity: PositiveDuration = timedelta(days=30)
    refresh_after: values.Part = 0.5
    confidence: values.Confidence = 80
    tlp: values.TlpName = Tlp.AMBER
    names: values.Names = NamePolicy.KEEP
    allow_list: values.AllowList = frozenset()
    test_files: values.TestFiles = TestFilePolicy.DROP


class Defaults(Section):
    """What holds for every tenant that says nothing else, and for the shared grids."""

    poll_interval: PositiveDuration = timedelta(minutes=5)
    lookback: PositiveDuration = timedelta(days=7)
    overlap: Duration = timedelta(minutes=15)
    share_grid: values.Switch = True
    indicator: IndicatorSection = IndicatorSection()


class MimecastSection(Section):
    """One Mimecast account, without its credentials."""

    api: values.Api
    region: values.Region
    base_url: str = Field(default="", validate_default=True)

    @field_validator("base_url", mode="before")
    @classmethod
    def _base_url(cls, value: object, info: ValidationInfo) -> str:
        """Take what is written, else the documented base of the generation and the region."""
        if value != "":
            found = _url(value, info, MIMECAST_HOSTS)
            if "region" in info.data:
                check_region(found, info.data["region"])
            return found
        if "api" not in info.data or "region" not in info.data:
            return ""
        default = default_mimecast_url(info.data["api"], info.data["region"])
        if default is None:
            raise ValueError(
                f"no address is documented for API {info.data['api']} in region {info.data['region']!r};"
                " write the one that the Mimecast console shows"
            )
        return default


class MimecastV2(MimecastSection):
    """OAuth 2 client credentials."""

    client_id: WrittenReference
    client_secret: WrittenReference


class MimecastV1(MimecastSection):
    """HMAC-signed requests. The e-mail address and the password renew an expired binding."""

    app_id: WrittenReference
    app_key: WrittenReference
    access_key: WrittenReference
    secret_key: WrittenReference
    email: WrittenReference | None = None
    password: WrittenReference | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.email is None) != (self.password is None):
            missing = "email" if self.email is None else "password"
            raise ValueError(f"email and password renew a binding together; write {missing} too, or neither")
        return self


class DestinationSection(Section):
    """One Sentinel workspace, without the credentials."""

    workspace_id: values.Guid
    endpoint: str = "https://api.ti.sentinel.azure.com"
    authority: str = Field(default="", validate_default=True)
    auth: values.Auth
    source_system: values.SourceSystem = "Mimecast"
    requests_per_minute: values.RequestsPerMinute = 100
    api_version: values.ApiVersion = "2024-02-01-preview"

    @field_validator("endpoint", mode="before")
    @classmethod
    def _endpoint(cls, value: object, info: ValidationInfo) -> str:
        return _url(value, info, SENTINEL_HOSTS)

    @field_validator("authority", mode="before")
    @classmethod
    def _authority(cls, value: object, info: ValidationInfo) -> str:
        """Take what is written, else the authority of the endpoint's cloud."""
        if value != "":
            return _url(value, info, AUTHORITY_HOSTS)
        endpoint = info.data.get("endpoint")
        return cloud_of(endpoint).authority if endpoint else PUBLIC.authority


class ByClientSecret(DestinationSection):
    """An app registration and its secret."""

    azure_tenant_id: values.AzureTenant
    client_id: ReferenceOrGuid
    client_secret: WrittenReference


class ByCertificate(DestinationSection):
    """An app registration and its certificate."""

    azure_tenant_id: values.AzureTenant
    client_id: ReferenceOrGuid
    certificate: WrittenReference


class ByManagedIdentity(DestinationSection):
    """The identity of the machine; `client_id` picks a user-assigned one."""

    azure_tenant_id: values.AzureTenant | None = None
    client_id: ReferenceOrGuid | None = None


class ByWorkloadIdentity(DestinationSection):
    """A token of the platform, exchanged for one of an app registration."""

    azure_tenant_id: values.AzureTenant
    client_id: ReferenceOrGuid


class ByFederatedIdentity(DestinationSection):
    """An app registration, of any directory, that trusts the managed identity; `identity_client_id` picks which."""

    azure_tenant_id: values.AzureTenant
    client_id: ReferenceOrGuid
    identity_client_id: ReferenceOrGuid | None = None


def _by(field: str, tags: Mapping[str, str]) -> Discriminator:
    """Choose the variant by a field as it is written; an unknown one is an error that lists the known."""
    *others, last = (f'"{name}"' if field == "api" else name for name in tags)
    known = f"{', '.join(others)} or {last}"

    def choose(value: object) -> str | None:
        written = value.get(field) if isinstance(value, Mapping) else getattr(value, field, None)
        return tags.get(str(values.as_written(field, written)))

    return Discriminator(
        choose,
        custom_error_type=VARIANT,
        custom_error_message="the variant is not known",
        custom_error_context={"field": field, "known": known},
    )


_API_TAGS = {api.value: f"api {api}" for api in MimecastApi}
_AUTH_TAGS = {auth.value: f"auth {auth}" for auth in SentinelAuth}

AnyMimecast = Annotated[
    Annotated[MimecastV1, Tag("api 1.0")] | Annotated[MimecastV2, Tag("api 2.0")], _by("api", _API_TAGS)
]
AnyDestination = Annotated[
    Annotated[ByClientSecret, Tag("auth client_secret")]
    | Annotated[ByCertificate, Tag("auth certificate")]
    | Annotated[ByManagedIdentity, Tag("auth managed_identity")]
    | Annotated[ByWorkloadIdentity, Tag("auth workload_identity")]
    | Annotated[ByFederatedIdentity, Tag("auth federated_identity")],
    _by("auth", _AUTH_TAGS),
]


class Tenant(Section):
    """A customer: the account, the feeds wanted of it, and the workspaces they go to."""

    id: values.TenantId
    mimecast: AnyMimecast
    feeds: values.Feeds
    format: values.Format = FeedFormat.STIX
    destinations: tuple[AnyDestination, ...]
    poll_interval: PositiveDuration | None = None
    lookback: PositiveDuration | None = None
    overlap: Duration | None = None
    share_grid: values.Switch | None = None
    indicator: IndicatorSection | None = None

    @field_validator("destinations")
    @classmethod
    def _some_and_no_twins(cls, found: tuple[DestinationSection, ...]) -> tuple[DestinationSection, ...]:
        if not found:
            raise ValueError("is empty; name at least one Sentinel workspace")
        counts = Counter(destination.workspace_id for destination in found)
        if twin := next((id for id, count in counts.items() if count > 1), None):
            raise ValueError(f"workspace {twin} is listed twice; list it once")
        return found


class File(Section):
    """The whole file, its tenants not yet looked at: one that is wrong must not hide what is wrong with others."""

    defaults: object = None
    tenants: list[object]


_VARIANTS: dict[str, type[Section]] = {
    "api 1.0": MimecastV1,
    "api 2.0": MimecastV2,
    "auth client_secret": ByClientSecret,
    "auth certificate": ByCertificate,
    "auth managed_identity": ByManagedIdentity,
    "auth workload_identity": ByWorkloadIdentity,
    "auth federated_identity": ByFederatedIdentity,
}


def _elsewhere(section: str, field: str) -> str | None:
    """Explain a field of another variant, for which `did you mean` would be no help."""
    kind, _, name = section.partition(" ")
    others = [
        tag.partition(" ")[2]
        for tag, model in _VARIANTS.items()
        if tag.startswith(f"{kind} ") and field in model.model_fields
    ]
    if not name or not others:
        return None
    return f"is not used with {kind} {name}; remove it, or set {kind} to {' or '.join(others)}"


_CURES = {
    "id": "give the tenant a short name of lower-case letters, digits and dashes",
    "mimecast": "describe the tenant's Mimecast account",
    "feeds": "name malware_customer, malware_grid or both",
    "destinations": "name at least one Sentinel workspace",
    "region": "write the region of the account, such as eu or us",
    "workspace_id": "copy the workspace id from the Log Analytics workspace's overview",
    "azure_tenant_id": "copy the tenant id from Microsoft Entra ID's overview",
    "tenants": "list at least one tenant (tenants.example.yaml shows how)",
} | dict.fromkeys(
    ("client_id", "client_secret", "certificate", "app_id", "app_key", "access_key", "secret_key"),
    "write a reference to it, such as env:NAME or keyvault:NAME",
)

SECTIONS = Sections(
    fields={tag: frozenset(model.model_fields) for tag, model in _VARIANTS.items()}
    | {
        "indicator": frozenset(IndicatorSection.model_fields),
        "defaults": frozenset(Defaults.model_fields),
        "file": frozenset(File.model_fields),
        "tenants": frozenset(Tenant.model_fields),
    },
    tags=frozenset(_VARIANTS),
    cures=_CURES,
    elsewhere=_elsewhere,
)
