"""`/_sim/` of the simulated Sentinel: what arrived, and ways to interfere.

- `GET /_sim/state`: all workspaces' summaries and what the faults did.
- `GET /_sim/workspaces/{id}`: one summary; `?objects=1` adds every accepted object in order, `?observables=1` adds
  `[type, value, id, modified, revoked]` of each object's present state, `?rows=1` the rows of `ThreatIntelIndicators`.
- `GET /_sim/workspaces/{id}/rows`: those rows, one a line.
- `POST /_sim/workspaces/{id}` with a `WorkspaceChange`: creates or removes it; an unknown one is made.
- `POST /_sim/tokens/revoke`: makes every access token void.
"""

from collections import Counter
from datetime import UTC, datetime

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict

from mti.simulators.faults import FaultPlan
from mti.simulators.inspection import page, read_model
from mti.simulators.sentinel.authority import Authority
from mti.simulators.sentinel.plan import SentinelFault
from mti.simulators.sentinel.workspace import Workspace
from mti.simulators.serving import Route

_ROWS_AT_ONCE = 500


class WorkspaceChange(BaseModel):
    """What a test may do to a workspace."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    exists: bool = True


class SentinelPages:
    """Looks into what the simulator holds."""

    def __init__(
        self,
        workspaces: dict[str, Workspace],
        plan: FaultPlan[SentinelFault],
        tokens: Authority,
        statuses: Counter[str],
    ) -> None:
        self._workspaces = workspaces
        self._plan = plan
        self._tokens = tokens
        self._statuses = statuses

    def routes(self) -> list[Route]:
        """Return the routes to serve."""
        return [
            ("GET", "/_sim/state", self._on_state),
            ("GET", "/_sim/workspaces/{id}", self._on_workspace),
            ("GET", "/_sim/workspaces/{id}/rows", self._on_rows),
            ("POST", "/_sim/workspaces/{id}", self._on_change),
            ("POST", "/_sim/tokens/revoke", self._on_revoke),
        ]

    async def _on_state(self, _request: web.Request) -> web.Response:
        return page(
            {
                "workspaces": {name: workspace.summary() for name, workspace in self._workspaces.items()},
                "faults": dict(self._plan.struck),
                "statuses": dict(self._statuses),
                "access_tokens": self._tokens.issued,
            }
        )

    async def _on_workspace(self, request: web.Request) -> web.Response:
        workspace = self._workspaces.get(request.match_info["id"].lower())
        if workspace is None:
            return page({"error": "no such workspace"}, 404)
        found = workspace.summary()
        if request.query.get("objects") == "1":
            found["objects"] = [orjson.Fragment(record) for record in workspace.objects()]
        if request.query.get("observables") == "1":
            found["observables"] = [
                [*now.observable, key.id, now.modified, now.revoked]
                for key, now in workspace.state.items()
                if now.observable is not None
            ]
        if request.query.get("rows") == "1":
            found["rows"] = workspace.rows(datetime.now(UTC))
        return page(found)

    async def _on_rows(self, request: web.Request) -> web.StreamResponse:
        workspace = self._workspaces.get(request.match_info["id"].lower())
        if workspace is None:
            return page({"error": "no such workspace"}, 404)
        answer = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await answer.prepare(request)
        rows = workspace.rows(datetime.now(UTC))
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            await answer.write(b"".join(orjson.dumps(row) + b"\n" for row in rows[start : start + _ROWS_AT_ONCE]))
        await answer.write_eof()
        return answer

    async def _on_change(self, request: web.Request) -> web.Response:
        name = request.match_info["id"].lower()
        change = await read_model(request, WorkspaceChange)
        workspace = self._workspaces.setdefault(name, Workspace(name))
        workspace.exists = change.exists
        return page(workspace.summary())

    async def _on_revoke(self, _request: web.Request) -> web.Response:
        self._tokens.revoke_all()
        return page({})
