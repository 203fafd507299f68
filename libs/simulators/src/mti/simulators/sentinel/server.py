"""The simulated Sentinel: the authority's token endpoint and the upload API, on one port."""

import ssl
from collections import Counter
from collections.abc import Iterable
from random import Random
from uuid import UUID

from aiohttp import web

from mti.common.ports.clock import SystemClock
from mti.simulators.faults import FaultPlan
from mti.simulators.inspection import FaultPages
from mti.simulators.sentinel.answers import Refused, TokenRefused, json_answer, rate_limited
from mti.simulators.sentinel.authority import Authority, Grant, form_of
from mti.simulators.sentinel.discovery import DiscoveryPages
from mti.simulators.sentinel.misbehaviour import misanswer
from mti.simulators.sentinel.pages import SentinelPages
from mti.simulators.sentinel.plan import SentinelFault, SentinelFaultKind
from mti.simulators.sentinel.settings import App, SentinelSettings, WorkspaceSpec
from mti.simulators.sentinel.upload import UploadEndpoint
from mti.simulators.sentinel.workspace import Workspace
from mti.simulators.serving import LoopbackServer
from mti.simulators.times import Now, in_millis, to_ms


class SentinelSimulator(LoopbackServer):
    """Takes uploads while its context is open; it is endpoint and authority at once.

    `workspaces` (by id, in lower case), `faults` and `tokens` are there to be looked at and used.
    """

    def __init__(
        self,
        workspaces: Iterable[WorkspaceSpec],
        apps: Iterable[App],
        settings: SentinelSettings | None = None,
        faults: Iterable[SentinelFault] = (),
        *,
        seed: int = 0,
        now: Now | None = None,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        settings = settings or SentinelSettings()
        self._now = now or SystemClock().now
        self._rng = Random(f"{seed}/sentinel")  # noqa: S311  simulated data, no secret
        self.workspaces = {spec.id.lower(): Workspace(spec.id.lower(), exists=spec.exists) for spec in workspaces}
        self.faults: FaultPlan[SentinelFault] = FaultPlan(Random(f"{seed}/faults"), faults)  # noqa: S311
        self.tokens = Authority(apps, settings, self._rng)
        self.statuses: Counter[str] = Counter()
        """Answers by endpoint and status: `token 200`, `upload 429`."""
        self._upload = UploadEndpoint(self.workspaces, settings, self.faults)
        pages = SentinelPages(self.workspaces, self.faults, self.tokens, self.statuses)
        super().__init__(
            [
                ("POST", "/{tenant}/oauth2/v2.0/token", self._on_token),
                ("POST", "/{tenant}/oauth2/token", self._on_token_v1),
                *DiscoveryPages(self.tokens, lambda: self.base_url, self._refusal).routes(),
                ("POST", "/workspaces/{workspace}/threat-intelligence-stix-objects:upload", self._on_upload),
                *pages.routes(),
                *FaultPages(self.faults, SentinelFault.model_validate).routes(),
            ],
            port,
            tls,
            now,
        )

    def _now_ms(self) -> int:
        return to_ms(self._now())

    async def _on_token(self, request: web.Request) -> web.Response:
        return await self._on_token_request(request, by_resource=False)

    async def _on_token_v1(self, request: web.Request) -> web.Response:
        return await self._on_token_request(request, by_resource=True)

    async def _on_token_request(self, request: web.Request, *, by_resource: bool) -> web.Response:
        fields = {name: str(value) for name, value in (await request.post()).items()}
        form = form_of(fields, request.headers.get("Authorization", ""))
        try:
            grant = self.tokens.grant_for(request.match_info["tenant"], form, by_resource=by_resource)
        except TokenRefused as refused:
            answer = self._refusal(refused)
        else:
            answer = await self._token(request, grant)
        self.statuses[f"token {answer.status}"] += 1
        return answer

    def _refusal(self, refused: TokenRefused) -> web.Response:
        trace_id = str(UUID(int=self._rng.getrandbits(128), version=4))
        return refused.answer(in_millis(self._now_ms()), trace_id)

    async def _token(self, request: web.Request, grant: Grant) -> web.Response:
        fault = self.faults.draw(lambda rule: rule.fits_token(grant.app.client_id))
        if fault is None:
            return json_answer(self.tokens.issue(grant, self._now_ms()))
        match fault.kind:
            case SentinelFaultKind.DROPPED:
                return self.drop(request)
            case SentinelFaultKind.HANG:
                await self.wait(fault.seconds)
                return self.drop(request)
            case SentinelFaultKind.SLOW:
                await self.wait(fault.seconds)
                return json_answer(self.tokens.issue(grant, self._now_ms()))
            case SentinelFaultKind.RATE_LIMITED:
                return rate_limited(fault.seconds, fault.told)
            case _:
                return misanswer(fault)

    async def _on_upload(self, request: web.Request) -> web.Response:
        now_ms = self._now_ms()
        try:
            app = self.tokens.check(request.headers.get("Authorization", ""), now_ms)
            answer = await self._upload.serve(self, request, app, now_ms)
        except Refused as refused:
            answer = refused.answer()
        self.statuses[f"upload {answer.status}"] += 1
        return answer
