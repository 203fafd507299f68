"""Credentials of azure-identity for a destination, from the secrets that the tenants file names.

Imported when the first token is needed: the library and its transport take longer than the rest of the publisher.
"""

import os
from collections.abc import Mapping
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.identity.aio import (
    CertificateCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)

from mti.common.bounded_http.azure_transport import BoundedAzureTransport, Heard
from mti.common.errors import Pause
from mti.common.ports.secrets import SecretReference, SecretResolver
from mti.common.registry import Destination, SentinelAuth
from mti.publisher.sentinel.credential_reasons import CREDENTIALS_REFUSED
from mti.publisher.sentinel.federated import FederatedIdentityCredential
from mti.publisher.sentinel.loopback import LoopbackTransport, is_plain_loopback
from mti.publisher.sentinel.workspace import label


async def connect_credential(
    destination: Destination, secrets: SecretResolver, heard: Heard | None = None
) -> AsyncTokenCredential:
    """Return the credential of a destination; its owner closes it.

    Args:
        destination: the workspace.
        secrets: what its references stand for.
        heard: is told when the authority says that it is.

    Raises:
        SecretUnavailable: a reference names nothing that can be read.
        Pause: `CredentialsRefused`, the secrets can be read and make no credential.
    """
    client_id = await _value_of(destination.client_id, secrets)
    try:
        match destination.auth:
            case SentinelAuth.CLIENT_SECRET:
                return ClientSecretCredential(
                    _required(destination, "azure_tenant_id", destination.azure_tenant_id),
                    _required(destination, "client_id", client_id),
                    _required(destination, "client_secret", await _value_of(destination.client_secret, secrets)),
                    **_options(destination, heard),
                )
            case SentinelAuth.CERTIFICATE:
                pem = _required(destination, "certificate", await _value_of(destination.certificate, secrets))
                return CertificateCredential(
                    _required(destination, "azure_tenant_id", destination.azure_tenant_id),
                    _required(destination, "client_id", client_id),
                    certificate_data=pem.encode(),
                    **_options(destination, heard),
                )
            case SentinelAuth.MANAGED_IDENTITY:
                return _managed_identity(client_id)
            case SentinelAuth.WORKLOAD_IDENTITY:
                return WorkloadIdentityCredential(
                    tenant_id=destination.azure_tenant_id,
                    client_id=client_id,
                    token_file_path=os.environ.get("AZURE_FEDERATED_TOKEN_FILE"),
                    **_options(destination, heard),
                )
            case SentinelAuth.FEDERATED_IDENTITY:
                return FederatedIdentityCredential(
                    _required(destination, "azure_tenant_id", destination.azure_tenant_id),
                    _required(destination, "client_id", client_id),
                    _managed_identity(await _value_of(destination.identity_client_id, secrets)),
                    destination.exchange_scope,
                    **_options(destination, heard),
                )
    except (ValueError, TypeError):
        # What the library says of a malformed certificate or secret may repeat parts of it.
        raise _malformed(destination) from None


def _managed_identity(client_id: str | None) -> ManagedIdentityCredential:
    return ManagedIdentityCredential(client_id=client_id, retry_total=0, transport=BoundedAzureTransport())


def _options(destination: Destination, heard: Heard | None) -> Mapping[str, Any]:
    """Return what all credentials take. The library's own retries are off: the publisher's count."""
    authority = destination.authority
    options: dict[str, Any] = {"authority": authority, "disable_instance_discovery": True, "retry_total": 0}
    if not is_plain_loopback(authority):
        return {**options, "transport": BoundedAzureTransport(heard=heard)}
    secure = authority.replace("http://", "https://", 1)
    return {**options, "authority": secure, "transport": LoopbackTransport(authority, heard)}


async def _value_of(field: SecretReference | str | None, secrets: SecretResolver) -> str | None:
    if not isinstance(field, SecretReference):
        return field
    return (await secrets.resolve(field)).get_secret_value()


def _required(destination: Destination, field: str, value: str | None) -> str:
    if not value:
        raise Pause(
            CREDENTIALS_REFUSED,
            f"{label(destination)}: {field} is empty; fill it in, as {destination.auth.value} needs it",
        )
    return value


def _malformed(destination: Destination) -> Pause:
    what = {
        SentinelAuth.CLIENT_SECRET: "the client secret, client id or tenant id is malformed; copy them again",
        SentinelAuth.CERTIFICATE: "the certificate is not a PEM with an RSA private key and its certificate; "
        "export it as PEM, both parts in one, without a password",
        SentinelAuth.MANAGED_IDENTITY: "the managed identity's client id is malformed; copy it again",
        SentinelAuth.WORKLOAD_IDENTITY: "the workload identity is incomplete: the platform must set "
        "AZURE_FEDERATED_TOKEN_FILE, and client_id and azure_tenant_id must be filled in",
        SentinelAuth.FEDERATED_IDENTITY: "client_id, azure_tenant_id or identity_client_id is malformed; "
        "copy them again",
    }[destination.auth]
    return Pause(CREDENTIALS_REFUSED, f"{label(destination)}: {what}")
