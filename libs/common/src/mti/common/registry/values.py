"""The single values of the tenants file, each checked with a text that names the cure."""

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, StrictBool

from mti.common.comparable import comparable
from mti.common.feeds import Feed, FeedFormat
from mti.common.registry.model import MimecastApi, NamePolicy, SentinelAuth, TestFilePolicy, Tlp

_TENANT = re.compile(r"[a-z0-9-]{1,63}")
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_REGION = re.compile(r"[a-z][a-z0-9-]{0,31}")
_API_VERSION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:-preview)?")
_HEX = re.compile(r"[0-9a-f]{24,}")
_HASHES = {32, 40, 64, 96, 128}
"""The lengths of MD5, SHA-1, SHA-256, SHA-384 and SHA-512 in hex."""
_RESERVED = "default"


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _tenant_id(text: str) -> str:
    if not _TENANT.fullmatch(text):
        raise ValueError("is not a tenant id; write lower-case letters, digits and dashes, 63 at most")
    if text == _RESERVED:
        raise ValueError("'default' is the name of the policy without overrides; write another id")
    return text


def _guid(text: str) -> str:
    if not _GUID.fullmatch(text):
        raise ValueError(
            "is not a GUID; copy the workspace id from the Log Analytics workspace's overview"
            " (00000000-0000-0000-0000-000000000000)"
        )
    return text


def _azure_tenant(text: str) -> str:
    if not _GUID.fullmatch(text) and not _DOMAIN.fullmatch(text):
        raise ValueError("is neither a GUID nor a domain; copy the tenant id from Microsoft Entra ID's overview")
    return text


def _region(text: str) -> str:
    if not _REGION.fullmatch(text):
        raise ValueError("is not a region; write the region of the account, such as eu or us")
    return text


def _api(value: object) -> object:
    """YAML reads an unquoted 2.0 as a number."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        value = str(float(value))
    return {"1": "1.0", "2": "2.0"}.get(value.strip(), value.strip()) if isinstance(value, str) else value


def _feeds(feeds: tuple[Feed, ...]) -> tuple[Feed, ...]:
    if not feeds:
        raise ValueError("is empty; name malware_customer, malware_grid or both")
    if len(set(feeds)) < len(feeds):
        raise ValueError("names a feed twice; name each once")
    return feeds


def _confidence(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 100:
        raise ValueError("is not a whole number from 0 to 100; write one, without quotes")
    return value


def _part(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise ValueError("is not a part of the validity; write a number above 0 and up to 1, such as 0.5")
    return float(value)


def _requests(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("is not a whole number from 1; write how many requests a minute the workspace may get")
    return value


def _source_system(text: str) -> str:
    stripped = text.strip()
    if not stripped or not stripped.isprintable() or len(stripped) > 128:
        raise ValueError("is empty or too long; write the name that analysts should see, such as Mimecast")
    if stripped.lower() == "microsoft sentinel":
        raise ValueError("'Microsoft Sentinel' is refused by the upload API; write another name, such as Mimecast")
    return stripped


def _api_version(text: str) -> str:
    if not _API_VERSION.fullmatch(text):
        raise ValueError("is not a version of the upload API; write it like 2024-02-01-preview")
    return text


def _allow_list(value: object) -> frozenset[str]:
    if not isinstance(value, Sequence | frozenset) or isinstance(value, str):
        raise ValueError("is not a list; write [a, b], or one entry a line after a dash")  # noqa: TRY004  pydantic collects ValueError
    return frozenset(_observable(position, entry) for position, entry in enumerate(value))


def _observable(position: int, entry: object) -> str:
    if not isinstance(entry, str):
        raise ValueError(f"entry {position + 1} is not text; put it in quotes")  # noqa: TRY004  pydantic collects ValueError
    text = entry.strip().lower()
    if not text:
        raise ValueError(f"entry {position + 1} is empty; write an observable's value, or remove it")
    if _HEX.fullmatch(text) and len(text) not in _HASHES:
        raise ValueError(
            f"entry {position + 1} has {len(text)} hex digits and no hash has that many;"
            " write the whole MD5 (32), SHA-1 (40) or SHA-256 (64)"
        )
    return comparable(text)


TenantId = Annotated[str, AfterValidator(_tenant_id)]
Guid = Annotated[str, BeforeValidator(_lower), AfterValidator(_guid)]
"""In lower case: the same workspace is the same destination however it is written."""
AzureTenant = Annotated[str, BeforeValidator(_lower), AfterValidator(_azure_tenant)]
Region = Annotated[str, BeforeValidator(_lower), AfterValidator(_region)]
Api = Annotated[MimecastApi, BeforeValidator(_api)]
Feeds = Annotated[tuple[Annotated[Feed, BeforeValidator(_lower)], ...], AfterValidator(_feeds)]
Format = Annotated[FeedFormat, BeforeValidator(_lower)]
Confidence = Annotated[int, BeforeValidator(_confidence)]
Part = Annotated[float, BeforeValidator(_part)]
RequestsPerMinute = Annotated[int, BeforeValidator(_requests)]
SourceSystem = Annotated[str, AfterValidator(_source_system)]
ApiVersion = Annotated[str, AfterValidator(_api_version)]
AllowList = Annotated[frozenset[str], BeforeValidator(_allow_list)]
TlpName = Annotated[Tlp, BeforeValidator(_lower)]
Names = Annotated[NamePolicy, BeforeValidator(_lower)]
TestFiles = Annotated[TestFilePolicy, BeforeValidator(_lower)]
Auth = Annotated[SentinelAuth, BeforeValidator(_lower)]
Switch = StrictBool


def as_written(field: str, value: object) -> object:
    """Return the plain form of a field that chooses between variants (`api`, `auth`)."""
    return _api(value) if field == "api" else _lower(value)
