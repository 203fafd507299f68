"""A stand-in for the managed identity endpoint of Container Apps and App Service.

It answers as https://learn.microsoft.com/azure/container-apps/managed-identity#rest-endpoint-reference says.
"""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from mti.simulators.serving import LoopbackServer

HEADER = "the-platform-s-header"


@dataclass
class Identities:
    """The identities of a host, by their client ids."""

    subjects: Mapping[str, str]
    """The object id, by client id; `""` is the one that the system assigned."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Which identity, and for which resource."""

    async def answer(self, request: web.Request) -> web.Response:
        resource, client_id = request.query.get("resource", ""), request.query.get("client_id", "")
        self.asked.append((client_id, resource))
        if request.headers.get("X-IDENTITY-HEADER") != HEADER:
            return web.json_response({"statusCode": 401, "message": "no header"}, status=401)
        if client_id not in self.subjects:
            return web.json_response({"statusCode": 400, "message": "No User Assigned Identity found"}, status=400)
        token = jwt({"sub": self.subjects[client_id], "aud": resource})
        given = {"access_token": token, "expires_on": "4102444800", "resource": resource, "token_type": "Bearer"}
        return web.json_response(given)


@asynccontextmanager
async def identities(patch: pytest.MonkeyPatch, **subjects: str) -> AsyncIterator[Identities]:
    """Give this process identities for a while: `system` is the one that the system assigned, others by client id."""
    found = Identities({"" if name == "system" else name: subject for name, subject in subjects.items()})
    async with LoopbackServer([("GET", "/msi/token", found.answer)]) as server:
        patch.setenv("IDENTITY_ENDPOINT", f"{server.base_url}/msi/token")
        patch.setenv("IDENTITY_HEADER", HEADER)
        yield found


def jwt(claims: Mapping[str, str]) -> str:
    """Return a token that holds the claims; nobody verifies its signature here."""
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "c2lnbmVk"])
