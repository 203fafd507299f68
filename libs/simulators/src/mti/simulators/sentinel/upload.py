"""`POST /workspaces/{workspaceId}/threat-intelligence-stix-objects:upload`.

The call is documented at https://learn.microsoft.com/azure/sentinel/stix-objects-api
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from mti.simulators.faults import FaultPlan
from mti.simulators.limits import RateBudget
from mti.simulators.sentinel.answers import Refused, failure, partial, rate_limited
from mti.simulators.sentinel.batch import Batch, names_of, read_batch
from mti.simulators.sentinel.misbehaviour import misanswer
from mti.simulators.sentinel.plan import SentinelFault, SentinelFaultKind, Told
from mti.simulators.sentinel.settings import App, SentinelSettings
from mti.simulators.sentinel.validation import complaints
from mti.simulators.sentinel.workspace import Workspace


class Interrupting(Protocol):
    """What a fault needs of the server."""

    async def wait(self, seconds: float) -> None:
        """Hold the request."""
        ...

    def drop(self, request: web.Request) -> web.Response:
        """Cut the connection."""
        ...


@dataclass(frozen=True, slots=True)
class _Call:
    workspace: Workspace
    body: bytes
    batch: Batch
    fault: SentinelFault | None
    refusals: frozenset[str]
    """What faults say to refuse, by the records' names."""


class UploadEndpoint:
    """Takes uploads, well or badly."""

    def __init__(
        self, workspaces: Mapping[str, Workspace], settings: SentinelSettings, plan: FaultPlan[SentinelFault]
    ) -> None:
        self._workspaces = workspaces
        self._settings = settings
        self._plan = plan
        limit = settings.limit
        self._budget = None if limit is None else RateBudget(limit.requests, limit.seconds, sliding=limit.sliding)

    async def serve(self, on: Interrupting, request: web.Request, app: App, now_ms: int) -> web.Response:
        """Answer a request that bears a good token."""
        workspace = self._workspaces.get(request.match_info["workspace"].lower())
        if workspace is None or not workspace.exists:
            return failure(404, "The workspace was not found.")
        workspace.counts["requests"] += 1
        try:
            call = self._read(request, await request.read(), app, workspace)
            answer = await self._answer(on, request, call, now_ms)
        except Refused as refused:
            answer = refused.answer()
        cut = request.transport is None or request.transport.is_closing()
        workspace.statuses[0 if cut else answer.status] += 1
        workspace.counts["rate_limited"] += answer.status == 429
        return answer

    def _read(self, request: web.Request, body: bytes, app: App, workspace: Workspace) -> _Call:
        if workspace.id not in {known.lower() for known in app.workspaces}:
            raise Refused(403, "The client lacks the role Microsoft Sentinel Contributor on this workspace.")
        if request.query.get("api-version") not in self._settings.api_versions:
            raise Refused(400, "The api-version is missing or not supported.")
        if self._settings.max_bytes is not None and len(body) > self._settings.max_bytes:
            raise Refused(413, "The request is too large.")
        batch = read_batch(body, self._settings.max_objects)

        def fits(rule: SentinelFault) -> bool:
            return rule.fits_upload(workspace.id, app.client_id, batch.held, len(batch.records), len(body))

        record_rules = self._plan.draw_all(lambda rule: _about_records(rule) and fits(rule))
        fault = self._plan.draw(lambda rule: not _about_records(rule) and fits(rule))
        return _Call(workspace, body, batch, fault, frozenset((rule.holds or "").lower() for rule in record_rules))

    async def _answer(self, on: Interrupting, request: web.Request, call: _Call, now_ms: int) -> web.Response:
        fault = call.fault
        if fault is not None and fault.kind is not SentinelFaultKind.SLOW:
            if fault.accepted:
                self._accept(call)
            return await _badly(on, request, fault)
        limited = self._limited(call.workspace, now_ms)
        if limited is not None:
            return limited
        if fault is not None:
            await on.wait(fault.seconds)
        return partial(self._accept(call))

    def _limited(self, workspace: Workspace, now_ms: int) -> web.Response | None:
        limit = self._settings.limit
        if limit is None or self._budget is None:
            return None
        taken = self._budget.take(workspace.id, now_ms)
        if taken.allowed:
            return None
        return rate_limited(taken.free_in_ms / 1000, Told.BOTH if limit.retry_after else Told.TEXT)

    def _accept(self, call: _Call) -> dict[int, list[str]]:
        """Take what is good; return why the rest is not, by its place."""
        errors: dict[int, list[str]] = {}
        for index, record in enumerate(call.batch.records):
            found = complaints(record, self._settings)
            if not found and call.refusals and not call.refusals.isdisjoint(names_of(record)):
                found = ["The indicator could not be ingested."]
            if found:
                errors[index] = found
        taken = [index for index in range(len(call.batch.records)) if index not in errors]
        call.workspace.counts["refused_records"] += len(errors)
        call.workspace.accept(call.body, call.batch.source_system, call.batch.records, taken)
        return errors


def _about_records(rule: SentinelFault) -> bool:
    return rule.kind is SentinelFaultKind.REFUSE_RECORD


async def _badly(on: Interrupting, request: web.Request, fault: SentinelFault) -> web.Response:
    match fault.kind:
        case SentinelFaultKind.DROPPED:
            return on.drop(request)
        case SentinelFaultKind.HANG:
            await on.wait(fault.seconds)
            return on.drop(request)
        case SentinelFaultKind.RATE_LIMITED:
            return rate_limited(fault.seconds, fault.told)
        case _:
            return misanswer(fault)
