"""The simulated Mimecast API: its routes and who may call them."""

from collections.abc import Iterable, Mapping
from datetime import UTC
from email.utils import format_datetime
from functools import partial
from random import Random

import orjson
from aiohttp import web
from pydantic import SecretStr

from mti.common.ports.clock import SystemClock
from mti.simulators.faults import FaultPlan
from mti.simulators.feed import Feed
from mti.simulators.inspection import FaultPages
from mti.simulators.mimecast.answers import Refused, success
from mti.simulators.mimecast.bearer import BearerTokens
from mti.simulators.mimecast.binding import Bindings
from mti.simulators.mimecast.feed_endpoint import FeedEndpoint
from mti.simulators.mimecast.journal import Journal
from mti.simulators.mimecast.misbehaviour import instead_of_answer
from mti.simulators.mimecast.pages import MimecastPages
from mti.simulators.mimecast.plan import Endpoint, MimecastFault
from mti.simulators.mimecast.remediation import Remediations, Work
from mti.simulators.mimecast.settings import Account, AccountV1, AccountV2, MimecastSettings
from mti.simulators.mimecast.signature import SignatureCheck
from mti.simulators.serving import LoopbackServer
from mti.simulators.times import Now, to_ms


class MimecastSimulator(LoopbackServer):
    """Serves feeds to accounts while its context is open: `async with MimecastSimulator(...) as sim: sim.base_url`.

    `feeds` go by source name, `contoso/malware_customer` or `grid:eu`; `faults`, `journal` and `remediations` are there
    to be used.
    """

    def __init__(
        self,
        accounts: Iterable[Account],
        feeds: Mapping[str, Feed],
        settings: MimecastSettings | None = None,
        faults: Iterable[MimecastFault] = (),
        *,
        seed: int = 0,
        now: Now | None = None,
        port: int = 0,
    ) -> None:
        rng = Random(f"{seed}/mimecast")  # noqa: S311  simulated data, no secret
        settings = settings or MimecastSettings()
        self._now = now or SystemClock().now
        known = list(accounts)
        old = [account for account in known if isinstance(account, AccountV1)]
        new = [account for account in known if isinstance(account, AccountV2)]
        self.feeds = dict(feeds)
        self.faults: FaultPlan[MimecastFault] = FaultPlan(Random(f"{seed}/faults"), faults)  # noqa: S311
        self.journal = Journal()
        self._bearer = BearerTokens(new, settings.bearer_seconds, rng)
        self._bindings = Bindings(old, rng, new_keys=settings.new_keys_on_login)
        self._signature = SignatureCheck(self._bindings, settings.skew_seconds)
        self._regions = {account.email: account.region for account in old}
        self._endpoint = FeedEndpoint(self.feeds, settings, self.faults, self.journal, rng)
        self.remediations = Remediations(settings, Random(f"{seed}/remediation"))  # noqa: S311  as above
        super().__init__(
            [
                ("POST", "/oauth/token", self._on_token),
                ("POST", "/api/login/login", self._on_login),
                ("POST", "/api/login/discover-authentication", self._on_discover),
                ("POST", "/api/ttp/threat-intel/get-feed", self._on_get_feed),
                *[
                    ("POST", path, partial(self._on_remediation, endpoint, work))
                    for path, (endpoint, work) in self.remediations.calls().items()
                ],
                *MimecastPages(self.feeds, self.journal, self._bearer, self._bindings, self.faults, self._now).routes(),
                *FaultPages(self.faults, MimecastFault.model_validate).routes(),
            ],
            port,
            now=self._now,
        )

    def rotate(self, account: str, **secrets: str) -> None:
        """Expect other secrets of an account from now on; the old ones, and tokens that were given for them, are void.

        Args:
            account: its id.
            secrets: by the account's field: `client_secret` (API 2.0); `app_key`, `secret_key`, `password` (API 1.0).

        Raises:
            KeyError: there is no such account, or it has no such secret.
        """
        hidden = {field: SecretStr(value) for field, value in secrets.items()}
        if set(hidden) == {"client_secret"} and self._bearer.rotate(account, hidden["client_secret"]):
            self._bearer.revoke(account)
        elif not set(hidden) <= {"app_key", "secret_key", "password"} or not self._bindings.rotate(account, hidden):
            raise KeyError(f"{account}: {', '.join(secrets)}")

    def revoke(self, account: str) -> None:
        """Make the account's bearer tokens void (API 2.0)."""
        self._bearer.revoke(account)

    def expire_binding(self, account: str) -> bool:
        """Let the account's access-key binding expire (API 1.0); say whether there is such an account."""
        return self._bindings.expire(account)

    def now_ms(self) -> int:
        """Return the simulator's time, in milliseconds since 1970."""
        return to_ms(self._now())

    def _fault_for(self, endpoint: Endpoint, account: str) -> MimecastFault | None:
        return self.faults.draw(lambda rule: rule.fits(endpoint, account, None, None))

    def _count(self, endpoint: str, answer: web.StreamResponse) -> web.StreamResponse:
        self.journal.statuses[f"{endpoint} {answer.status}"] += 1
        answer.headers["Date"] = format_datetime(self._now().astimezone(UTC), usegmt=True)
        return answer

    async def _on_token(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        try:
            account = self._bearer.account_for(form)
        except Refused as refused:
            return self._count("oauth", refused.answer())
        fault = self._fault_for(Endpoint.OAUTH, account.id)
        badly = await instead_of_answer(self, request, fault, account.id)
        answer = badly or web.json_response(self._bearer.issue(account, self.now_ms()))
        return self._count("oauth", answer)

    async def _on_login(self, request: web.Request) -> web.StreamResponse:
        try:
            account = self._bindings.account_for(request.headers, await _json(request))
        except Refused as refused:
            return self._count("login", refused.answer())
        fault = self._fault_for(Endpoint.LOGIN, account.id)
        badly = await instead_of_answer(self, request, fault, account.id)
        return self._count("login", badly or success([self._bindings.renew(account)]))

    async def _on_discover(self, request: web.Request) -> web.StreamResponse:
        try:
            email = _email(await _json(request))
        except Refused as refused:
            return self._count("discover", refused.answer())
        region = self._regions.get(email)
        if region is None:
            return self._count("discover", Refused(404, "err_account_unknown", "No such account").answer())
        found: dict[str, object] = {
            "emailAddress": email,
            "authenticate": ["Basic-Cloud", "Basic-AD"],
            "region": {"code": region, "api": self.base_url},
        }
        return self._count("discover", success([found]))

    async def _on_get_feed(self, request: web.Request) -> web.StreamResponse:
        now_ms = self.now_ms()
        try:
            account = self._authenticate(request, now_ms)
            answer = await self._endpoint.serve(self, request, account, now_ms)
        except Refused as refused:
            answer = refused.answer()
        return self._count("get-feed", answer)

    async def _on_remediation(self, endpoint: Endpoint, work: Work, request: web.Request) -> web.StreamResponse:
        now_ms = self.now_ms()
        try:
            account = self._authenticate(request, now_ms)
            badly = await instead_of_answer(self, request, self._fault_for(endpoint, account.id), account.id)
            answer = badly or success([work(account, await request.read(), now_ms)])
        except Refused as refused:
            answer = refused.answer()
        return self._count(endpoint, answer)

    def _authenticate(self, request: web.Request, now_ms: int) -> Account:
        authorization = request.headers.get("Authorization", "")
        if authorization.startswith("Bearer "):
            return self._bearer.check(authorization, now_ms)
        return self._signature.check(request.headers, request.path, now_ms)


async def _json(request: web.Request) -> object:
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise Refused(400, "err_validation_body", "The body is not JSON") from error


def _email(body: object) -> str:
    data = body.get("data") if isinstance(body, dict) else None
    entry = data[0] if isinstance(data, list) and len(data) == 1 else None
    email = entry.get("emailAddress") if isinstance(entry, dict) else None
    if not isinstance(email, str):
        raise Refused(400, "err_validation_body", "data must be a list of one object with emailAddress")
    return email
