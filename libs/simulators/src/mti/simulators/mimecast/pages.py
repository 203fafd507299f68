"""`/_sim/` of the simulated Mimecast: the truth about its feeds, and ways to interfere.

- `GET /_sim/state?calls=N`: counts, and the last N get-feed calls.
- `GET /_sim/truth?feed=NAME&hashes=strongest|all`: per source, counts and observables as
  `[type, value, sightings, earliest, latest, is a test file]`.
- `POST /_sim/late` with a `LateBatch`: publishes detections and returns `[type, value, timestamp]` of each.
- `POST /_sim/accounts/{id}` with an `AccountChange`.
"""

from collections.abc import Mapping

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from mti.simulators.faults import FaultPlan
from mti.simulators.feed import Feed, HashChoice, LateBatch, truth_of
from mti.simulators.inspection import page, read_model
from mti.simulators.mimecast.bearer import BearerTokens
from mti.simulators.mimecast.binding import Bindings
from mti.simulators.mimecast.journal import Journal
from mti.simulators.mimecast.plan import MimecastFault
from mti.simulators.serving import Route
from mti.simulators.times import Now, in_millis


class AccountChange(BaseModel):
    """What a test may do to an account."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    expire_binding: bool = False
    """Lets the access-key binding expire (API 1.0)."""
    revoke_tokens: bool = False
    """Makes all bearer tokens void (API 2.0)."""


class MimecastPages:
    """Looks into what the simulator holds."""

    def __init__(
        self,
        feeds: Mapping[str, Feed],
        journal: Journal,
        bearer: BearerTokens,
        bindings: Bindings,
        plan: FaultPlan[MimecastFault],
        now: Now,
    ) -> None:
        self._feeds = feeds
        self._journal = journal
        self._bearer = bearer
        self._bindings = bindings
        self._plan = plan
        self._now = now

    def routes(self) -> list[Route]:
        """Return the routes to serve."""
        return [
            ("GET", "/_sim/state", self._on_state),
            ("GET", "/_sim/truth", self._on_truth),
            ("POST", "/_sim/late", self._on_late),
            ("POST", "/_sim/accounts/{id}", self._on_account),
        ]

    async def _on_state(self, request: web.Request) -> web.Response:
        return page(
            {
                **self._journal.summary(),
                "faults": dict(self._plan.struck),
                "bearer_tokens": self._bearer.issued,
                "logins": self._bindings.logins(),
                "calls": self._journal.recent(int(request.query.get("calls", "0"))),
            }
        )

    async def _on_truth(self, request: web.Request) -> web.Response:
        hashes = HashChoice(request.query.get("hashes", HashChoice.STRONGEST))
        wanted = request.query.get("feed")
        feeds = {name: feed for name, feed in self._feeds.items() if wanted in (None, name)}
        return page({name: _truth(feed, hashes) for name, feed in feeds.items()})

    async def _on_late(self, request: web.Request) -> web.Response:
        batch = await read_model(request, LateBatch)
        feed = self._feeds.get(batch.feed)
        if feed is None:
            return page({"error": f"no feed {batch.feed}"}, 404)
        made = feed.publish(batch, self._now())
        rows = [[*detection.strongest(), in_millis(detection.seen_ms)] for detection in made]
        return page({"observables": rows}, 201)

    async def _on_account(self, request: web.Request) -> web.Response:
        account = request.match_info["id"]
        change = await read_model(request, AccountChange)
        if change.revoke_tokens:
            self._bearer.revoke(account)
        expired = change.expire_binding and self._bindings.expire(account)
        return page({"binding_expired": expired})


def _truth(feed: Feed, hashes: HashChoice) -> dict[str, object]:
    truth = truth_of(feed.detections, hashes)
    return {
        "detections": truth.detections,
        "test_file_detections": truth.test_file_detections,
        "observables": [
            [*key, seen.count, seen.earliest.isoformat(), seen.latest.isoformat(), seen.test_file]
            for key, seen in truth.observables.items()
        ],
    }
