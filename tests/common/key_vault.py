"""A small Key Vault over https, which challenges as the real one does, under a name that only the test resolves.

The challenge: https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import aiohttp
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from azure.core.credentials import AccessToken
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mti.common.bounded_http.azure_transport import BoundedAzureTransport

HOST = "contoso.vault.azure.net"
VAULT = f"https://{HOST}"
TOKEN = "vault-token"
CHALLENGE = 'Bearer authorization="https://login.microsoftonline.com/tenant-1", resource="https://vault.azure.net"'


class StubCredential:
    """Gives a token to whoever asks, and remembers what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, object]] = []

    async def get_token(self, *scopes: str, tenant_id: str | None = None, **_: Any) -> AccessToken:
        self.asked.append((scopes[0], tenant_id))
        return AccessToken(TOKEN, int(time.time()) + 3600)

    async def close(self) -> None:
        return

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return


@dataclass
class Vault:
    """What the vault holds, and what it was asked."""

    secrets: dict[str, str] = field(default_factory=dict)
    status: int | None = None
    paths: list[str] = field(default_factory=list)
    credential: StubCredential = field(default_factory=StubCredential)
    transport: BoundedAzureTransport | None = None

    async def answer(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response(
                {"error": {"code": "Unauthorized"}}, status=401, headers={"WWW-Authenticate": CHALLENGE}
            )
        self.paths.append(request.path)
        if self.status:
            return web.json_response({"error": {"code": "Refused", "message": "no"}}, status=self.status)
        name = request.path.removeprefix("/secrets/").rstrip("/")
        if name not in self.secrets:
            return web.json_response({"error": {"code": "SecretNotFound", "message": "no"}}, status=404)
        id = f"{VAULT}/secrets/{name}" if "/" in name else f"{VAULT}/secrets/{name}/1"
        return web.json_response({"value": self.secrets[name], "id": id, "attributes": {}})


@asynccontextmanager
async def running_vault(folder: Path) -> AsyncIterator[Vault]:
    """Run a vault on a free port, and give the transport that finds it under its name."""
    vault = Vault()
    certificate = _certificate(folder)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate)
    app = web.Application()
    app.router.add_get("/{path:.*}", vault.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server)
    await site.start()
    port: int = runner.addresses[0][1]
    trusting = ssl.create_default_context(cafile=str(certificate))
    connector = aiohttp.TCPConnector(resolver=_Here(port), ssl=trusting)
    async with BoundedAzureTransport(use_env_settings=False, connector=connector) as transport:
        vault.transport = transport
        yield vault
    await runner.cleanup()


class _Here(AbstractResolver):
    """Resolves every name to the vault's port on this machine."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        here = ResolveResult(
            hostname=host,
            host="127.0.0.1",
            port=self._port,
            family=socket.AF_INET,
            proto=0,
            flags=socket.AI_NUMERICHOST,
        )
        return [here]

    async def close(self) -> None:
        return


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "vault.pem"
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return file
