"""The least that it takes to call the simulated APIs, written from the vendors' pages alone."""

import base64
import hashlib
import hmac
import io
import uuid
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx

from mti.simulators.mimecast import AccountV1, AccountV2
from mti.simulators.sentinel import App

FEED = "/api/ttp/threat-intel/get-feed"
NEXT = "x-mc-threat-feed-next-token"


@dataclass
class HeldClock:
    at: datetime

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **span: float) -> None:
        self.at += timedelta(**span)

    def form(self, **ago: float) -> str:
        return (self.at - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M:%S+0000")


async def bearer(http: httpx.AsyncClient, base: str, account: AccountV2) -> dict[str, str]:
    form = {
        "grant_type": "client_credentials",
        "client_id": account.client_id,
        "client_secret": account.client_secret.get_secret_value(),
    }
    answer = await http.post(f"{base}/oauth/token", data=form)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def signed(account: AccountV1, at: datetime, *, path: str = FEED, secret_key: str | None = None) -> dict[str, str]:
    date = at.strftime("%a, %d %b %Y %H:%M:%S UTC")
    request_id = str(uuid.uuid4())
    text = f"{date}:{request_id}:{path}:{account.app_key.get_secret_value()}"
    key = base64.b64decode(secret_key or account.secret_key.get_secret_value())
    signature = base64.b64encode(hmac.digest(key, text.encode(), hashlib.sha1)).decode()
    return {
        "Authorization": f"MC {account.access_key}:{signature}",
        "x-mc-app-id": account.app_id,
        "x-mc-date": date,
        "x-mc-req-id": request_id,
    }


async def get_feed(http: httpx.AsyncClient, base: str, headers: dict[str, str], **entry: object) -> httpx.Response:
    body = {"feedType": "malware_customer", "fileType": "stix", **entry}
    return await http.post(base + FEED, headers=headers, json={"data": [body]})


async def all_pages(
    http: httpx.AsyncClient, base: str, headers: dict[str, str], **entry: object
) -> list[httpx.Response]:
    answers = [await get_feed(http, base, headers, **entry)]
    while token := answers[-1].headers.get(NEXT):
        rest = {name: value for name, value in entry.items() if name not in ("start", "end")}
        answers.append(await get_feed(http, base, headers, token=token, **rest))
    return answers


def patterns(answers: list[httpx.Response]) -> list[str]:
    return [
        entry["pattern"] for answer in answers for entry in answer.json()["objects"] if entry["type"] == "indicator"
    ]


def members(body: bytes) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return [archive.read(name) for name in archive.namelist()]


async def access(http: httpx.AsyncClient, base: str, app: App) -> dict[str, str]:
    answer = await http.post(f"{base}/{app.azure_tenant_id}/oauth2/v2.0/token", data=token_form(app))
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def token_form(app: App) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_id": app.client_id,
        "client_secret": app.client_secret.get_secret_value(),
        "scope": "https://management.azure.com/.default",
    }


def indicator(number: int, **changes: object) -> dict[str, object]:
    found = {
        "type": "indicator",
        "id": f"indicator--{uuid.UUID(int=number)}",
        "created": "2026-11-24T10:00:00.000Z",
        "modified": "2026-11-24T10:00:00.000Z",
        "pattern": f"[file:hashes.'SHA-256' = '{sha256(number)}']",
        "pattern_type": "stix",
        "valid_from": "2026-11-24T10:00:00.000Z",
        "valid_until": "2026-12-24T10:00:00.000Z",
        "confidence": 80,
        **changes,
    }
    return {name: value for name, value in found.items() if value is not None}


def sha256(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


async def upload(
    http: httpx.AsyncClient,
    base: str,
    workspace: str,
    headers: dict[str, str],
    objects: Sequence[object],
    **changes: str,
) -> httpx.Response:
    body = {"sourcesystem": "Mimecast", "stixobjects": objects} | changes
    url = f"{base}/workspaces/{workspace}/threat-intelligence-stix-objects:upload?api-version=2024-02-01-preview"
    return await http.post(url, headers=headers, json=body)
