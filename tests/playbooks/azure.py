"""What playbooks call in Azure, on loopback: tokens of a managed identity, a key vault, incidents and their comments,
the workspace's query API, and the indicators of Defender for Endpoint. Each refuses what the real one refuses.

Sources: https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret,
https://learn.microsoft.com/rest/api/securityinsights/incident-comments/create-or-update,
https://learn.microsoft.com/azure/azure-monitor/logs/api/overview and
https://learn.microsoft.com/defender-endpoint/api/post-ti-indicator.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

from mti.simulators.serving import LoopbackServer
from tests.playbooks.running import Clock, Json

MANAGER, LOGS, VAULT, DEFENDER = (
    "https://management.test",
    "https://api.loganalytics.test",
    "https://vault.test",
    "https://api.securitycenter.test",
)
"""What tokens are asked for. The addresses are this simulator's own."""
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
COMMENT_LIMIT = 30_000
GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TYPES = {"FileSha256": 64, "FileSha1": 40, "FileMd5": 32}
ACTIONS = {"Warn", "Block", "Audit", "Alert", "AlertAndBlock", "BlockAndRemediate", "Allowed"}
FIELDS = {
    *("indicatorValue", "indicatorType", "action", "application", "title", "description", "expirationTime"),
    *("severity", "recommendedActions", "rbacGroupNames", "generateAlert"),
}
QUERY = Callable[[str, str], Awaitable[list[list[Any]]]]
"""From a workspace's id and a query to its rows."""


class Refused(Exception):
    """Answered with an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = web.json_response({"error": {"code": code, "message": message}}, status=status)


@dataclass
class Granted:
    """What the identity may do."""

    resources: set[str] = field(default_factory=lambda: {MANAGER, LOGS, VAULT, DEFENDER})


class Azure(LoopbackServer):
    """Serves all of it while its context is open.

    Args:
        clock: the time.
        query: answers questions to the workspace.
        secrets: of the vault.
        incidents: the ids of those that there are, as Resource Manager writes them.
    """

    def __init__(self, clock: Clock, query: QUERY, secrets: dict[str, str], incidents: list[str]) -> None:
        self._clock = clock
        self._query = query
        self._secrets = secrets
        self._incidents = incidents
        self.granted = Granted()
        self.tokens: dict[str, str] = {}
        self.comments: list[tuple[str, str]] = []
        """Incident and message."""
        self.indicators: dict[tuple[str, str], Json] = {}
        """Of Defender, by type and value: a second one replaces the first."""
        self.broken: dict[str, list[web.Response]] = {}
        """Answers instead of the right ones, by the first word of the path."""
        served = {
            "GET /secrets/{name}": self._on_secret,
            "PUT /subscriptions/{rest:.+}": self._on_comment,
            "POST /v1/workspaces/{id}/query": self._on_query,
            "POST /api/indicators": self._on_indicator,
        }
        routes = [("GET", "/identity/token", self._on_token)]
        routes += [(*key.split(" ", 1), self._guarded(handler)) for key, handler in served.items()]
        super().__init__(routes)

    @property
    def comment(self) -> str:
        """The only comment."""
        ((_, text),) = self.comments
        return text

    def _guarded(self, handler: Callable[[web.Request], Awaitable[web.Response]]) -> Any:
        async def handle(request: web.Request) -> web.Response:
            instead = self.broken.get(request.path.split("/")[1])
            if instead:
                return instead.pop(0)
            try:
                return await handler(request)
            except Refused as refused:
                return refused.answer

        return handle

    async def _on_token(self, request: web.Request) -> web.Response:
        resource = request.query["resource"]
        token = f"identity-token-for-{resource}-{len(self.tokens)}"
        self.tokens[token] = resource
        return web.json_response({"access_token": token})

    def _permit(self, request: web.Request, resource: str) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or self.tokens.get(token) != resource:
            raise Refused(401, "Unauthorized", f"no token for {resource}")
        if resource not in self.granted.resources:
            raise Refused(403, "Forbidden", "the caller does not have permission")

    async def _on_secret(self, request: web.Request) -> web.Response:
        self._permit(request, VAULT)
        if request.query.get("api-version") != "7.4":
            raise Refused(400, "BadParameter", "api-version")
        value = self._secrets.get(request.match_info["name"])
        if value is None:
            raise Refused(404, "SecretNotFound", "no such secret")
        return web.json_response({"value": value, "id": str(request.url)})

    async def _on_comment(self, request: web.Request) -> web.Response:
        self._permit(request, MANAGER)
        found = re.fullmatch(rf"(/.+/incidents/{GUID})/comments/{GUID}", request.path, re.IGNORECASE)
        if found is None or request.query.get("api-version") != "2025-09-01":
            raise Refused(400, "BadRequest", "no such path or version")
        if found[1] not in self._incidents:
            raise Refused(404, "NotFound", "no such incident")
        body = await request.json()
        if set(body) != {"properties"} or set(body["properties"]) != {"message"}:
            raise Refused(400, "BadRequest", "properties.message alone is expected")
        message = body["properties"]["message"]
        if not message or len(message) > COMMENT_LIMIT:
            raise Refused(400, "BadRequest", "the message is empty or too long")
        self.comments.append((found[1], message))
        return web.json_response({"properties": {"message": message}}, status=201)

    async def _on_query(self, request: web.Request) -> web.Response:
        self._permit(request, LOGS)
        rows = await self._query(request.match_info["id"], (await request.json())["query"])
        names = ("Value", "Kind", "State", "Until", "Confidence")
        columns = [{"name": name, "type": "string"} for name in names]
        return web.json_response({"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}]})

    async def _on_indicator(self, request: web.Request) -> web.Response:
        self._permit(request, DEFENDER)
        given = await request.json()
        if fault := self._fault_of(given):
            raise Refused(400, "BadRequest", fault)
        self.indicators[given["indicatorType"], given["indicatorValue"]] = given
        return web.json_response({"id": "995", **given})

    def _fault_of(self, given: Json) -> str | None:
        if unknown := set(given) - FIELDS:
            return f"unknown: {unknown}"
        if missing := {"indicatorValue", "indicatorType", "action", "title", "description"} - set(given):
            return f"missing: {missing}"
        if not re.fullmatch(rf"[0-9a-f]{{{TYPES.get(given['indicatorType'], 1)}}}", given["indicatorValue"]):
            return "the value is none of its type"
        if given["action"] not in ACTIONS or given.get("severity") not in {"Informational", "Low", "Medium", "High"}:
            return "no such action or severity"
        if datetime.fromisoformat(given["expirationTime"]) <= self._clock():
            return "expirationTime is past"
        return None
