"""References to secrets, as the tenants file writes them.

=====================================================  ===============================================
`env:NAME`                                             an environment variable
`file:PATH`                                            a file, relative to the tenants file's folder
`keyvault:NAME`                                        the newest version in the vault of the settings
`@Microsoft.KeyVault(SecretUri=https://…)`             as Azure Functions' app settings write it
`@Microsoft.KeyVault(VaultName=…;SecretName=…)`        the same, by name
=====================================================  ===============================================

The last two: https://learn.microsoft.com/azure/app-service/app-service-key-vault-references.
"""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import PlainValidator

from mti.common.ports.secrets import Scheme, SecretReference
from mti.common.registry.endpoints import VAULT_HOSTS, checked_url

FORMS = "env:NAME, file:PATH, keyvault:NAME or @Microsoft.KeyVault(SecretUri=...)"

_ENV = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")
_FILE = re.compile(r"file:([^\x00-\x1f]+)")
_KEYVAULT = re.compile(r"keyvault:([0-9A-Za-z-]{1,127})")
_MICROSOFT = re.compile(r"@Microsoft\.KeyVault\((.+)\)", re.IGNORECASE)
_SECRET_PATH = re.compile(r"/secrets/([0-9A-Za-z-]{1,127})(?:/([0-9A-Za-z]+))?")
_VAULT_NAME = re.compile(r"[0-9A-Za-z-]{3,24}")
_SECRET_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
_VERSION = re.compile(r"[0-9A-Za-z]*")
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def parse_reference(text: str) -> SecretReference:
    """Take a reference apart.

    Raises:
        ValueError: it is none. The text never repeats it, since it may be the secret itself.
    """
    if match := _ENV.fullmatch(text):
        return SecretReference(scheme=Scheme.ENV, name=match[1])
    if match := _FILE.fullmatch(text):
        return SecretReference(scheme=Scheme.FILE, name=match[1])
    if match := _KEYVAULT.fullmatch(text):
        return SecretReference(scheme=Scheme.KEYVAULT, name=match[1])
    if match := _MICROSOFT.fullmatch(text):
        return _from_app_service(match[1])
    raise ValueError(f"is not a reference to a secret; keep the secret elsewhere and write {FORMS}")


def _from_app_service(inner: str) -> SecretReference:
    fields = dict(part.strip().partition("=")[::2] for part in inner.split(";") if part.strip())
    if set(fields) == {"SecretUri"}:
        return _from_uri(fields["SecretUri"])
    vault, name = fields.pop("VaultName", ""), fields.pop("SecretName", "")
    version = fields.pop("SecretVersion", "")
    well_formed = _VAULT_NAME.fullmatch(vault) and _SECRET_NAME.fullmatch(name) and _VERSION.fullmatch(version)
    if fields or not well_formed:
        raise ValueError(
            "is not a Key Vault reference; write @Microsoft.KeyVault(SecretUri=https://VAULT.vault.azure.net/secrets/NAME)"
            " or @Microsoft.KeyVault(VaultName=VAULT;SecretName=NAME)"
        )
    vault_url = f"https://{vault.lower()}.vault.azure.net"
    return SecretReference(scheme=Scheme.KEYVAULT, name=name, vault_url=vault_url, version=version or None)


def _from_uri(uri: str) -> SecretReference:
    address = checked_url(uri, hosts=VAULT_HOSTS, allow_loopback=False)
    split = urlsplit(address)
    match = _SECRET_PATH.fullmatch(split.path)
    if not match:
        raise ValueError("names no secret of its vault; write SecretUri=https://VAULT.vault.azure.net/secrets/NAME")
    return SecretReference(scheme=Scheme.KEYVAULT, name=match[1], vault_url=f"https://{split.netloc}", version=match[2])


def _read(value: object) -> SecretReference:
    if not isinstance(value, str):
        raise ValueError(f"is not a reference to a secret; keep the secret elsewhere and write {FORMS}")  # noqa: TRY004  pydantic collects ValueError
    return parse_reference(value.strip())


def _read_or_guid(value: object) -> SecretReference | str:
    if isinstance(value, str) and _GUID.fullmatch(value.strip().lower()):
        return value.strip().lower()
    try:
        return _read(value)
    except ValueError as refused:
        raise ValueError(f"{refused}; a client id may also be the GUID itself") from None


WrittenReference = Annotated[SecretReference, PlainValidator(_read)]
"""A pydantic type: a well-formed reference. What is refused is never echoed."""

ReferenceOrGuid = Annotated[SecretReference | str, PlainValidator(_read_or_guid)]
"""A pydantic type: a reference, or a GUID in plain (lower case)."""
