"""Servers that repeat what they were sent: none of it is in what is said, kept or logged. Real processes."""

import base64
import html
import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from aiohttp import web

from mti.common.secret_forms import forms_of
from mti.simulators import Simulators
from mti.simulators.serving import LoopbackServer
from tests.support.cli import mti, up
from tests.support.worlds import CONTOSO, DIRECTORY, FABRIKAM, SECRETS, two_tenants

pytestmark = pytest.mark.timeout(240)

MIMECAST_SECRET = 'contoso/mimecast+sec"ret~Zq8'
AZURE_SECRET = "contoso/azure+sec&ret~Zq8"
TOKEN = "an-opaque-token-of-fabrikam-Zq8"
MIMECAST_TOKEN = "an-opaque-token-of-mimecast-Zq8"


def repeated(secret: str) -> str:
    """Return an answer's words with the secret in the forms that servers repeat it in."""
    basic = base64.b64encode(f"client:{secret}".encode()).decode()
    forms = (secret, quote(secret, safe=""), html.escape(secret), json.dumps(secret), f"Basic {basic}", repr(secret))
    return " ".join(f"<b>{form}</b>" for form in forms)


class Parrot(LoopbackServer):
    """Mimecast, Entra ID and Sentinel in one, who refuse everything and repeat what they were sent."""

    def __init__(self) -> None:
        super().__init__([("POST", "/{path:.*}", self._on_post)])
        self.asked: list[str] = []

    async def _on_post(self, request: web.Request) -> web.Response:
        path = request.path
        self.asked.append(path)
        said = await request.text()
        if path == "/oauth/token":
            return web.json_response({"access_token": f"{MIMECAST_TOKEN}\n", "expires_in": 3600})
        if path.endswith("/oauth2/v2.0/token"):
            end = "\n" if DIRECTORY in path and "client_id=50000000" in said else ""
            return web.json_response({"access_token": f"{TOKEN}{end}", "expires_in": 3600, "token_type": "Bearer"})
        if path.endswith("/get-feed"):
            said = f"{request.headers['Authorization']} {repeated(MIMECAST_SECRET)} {repeated(MIMECAST_TOKEN)}"
            return web.json_response({"fail": [{"errors": [{"code": "err_no", "message": said}]}]}, status=403)
        said = f"{request.headers.get('Authorization')} {repeated(AZURE_SECRET)} {repeated(TOKEN)}"
        return web.json_response({"message": said}, status=403)


@pytest.fixture
async def parrot() -> AsyncIterator[Parrot]:
    async with Parrot() as found:
        yield found


def leaked(text: str) -> list[str]:
    secrets = (MIMECAST_SECRET, AZURE_SECRET, TOKEN, MIMECAST_TOKEN, *SECRETS)
    return sorted({form for secret in secrets for form in forms_of(secret) if form in text})


async def test_nothing_that_is_said_kept_or_logged_holds_a_secret_that_a_server_repeated(
    tmp_path: Path, parrot: Parrot
) -> None:
    tenants, data = tmp_path / "tenants.yaml", tmp_path / "data"
    async with Simulators(two_tenants()) as world:
        env = world.write_tenants(tenants)
        document = yaml.safe_load(tenants.read_text())
        contoso, fabrikam = document["tenants"]
        # Contoso's feed is refused in many words; what the grid brings both is refused by Sentinel.
        contoso["mimecast"] |= {"base_url": parrot.base_url, "client_secret": "env:MIMECAST_SECRET"}
        ours = {"endpoint": parrot.base_url, "authority": parrot.base_url}
        contoso["destinations"][0] |= {**ours, "client_secret": "env:AZURE_SECRET"}
        contoso["feeds"] = ["malware_customer", "malware_grid"]
        fabrikam["destinations"][0] |= ours
        tenants.write_text(yaml.safe_dump(document))
        env |= {"MIMECAST_SECRET": MIMECAST_SECRET, "AZURE_SECRET": AZURE_SECRET}
        said = await mti(*up(tenants, data), env=env)
    pauses = [found["pause"] for found in (*said.document["sources"], *said.document["destinations"])]
    assert len([pause for pause in pauses if pause]) >= 3, said.out
    assert "***" in said.out
    assert any(path.endswith("get-feed") for path in parrot.asked)
    assert any(FABRIKAM in path or CONTOSO in path for path in parrot.asked)
    for more in (("status",), ("status", "--json"), ("reconcile", "--json"), ("checkpoints", "show", "--json")):
        told = await mti(*more, "--data", data)
        assert leaked(told.out + told.err) == []
    assert leaked(said.out + said.err) == []
    for file in sorted(found for found in data.rglob("*") if found.is_file()):
        assert leaked(file.read_bytes().decode("latin-1")) == [], file
