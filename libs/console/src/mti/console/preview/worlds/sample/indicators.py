"""The sample's indicators: built by the normalizer's own code, and kept as the simulated Sentinel keeps them."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from mti.common.contracts import timestamp
from mti.common.registry import Feed, IndicatorPolicy, Tlp
from mti.console.preview.worlds.billing import billed
from mti.console.preview.worlds.model import Row
from mti.console.preview.worlds.sample.customers import NAMES, Customer
from mti.normalizer.indicators import ALGORITHMS, Observable, build, indicator_id
from mti.normalizer.records import KnownIndicator
from mti.simulators.sentinel.rows import Arrival, Service, rows_of

GRID, OWN = 260, 70
"""Indicators of the shared feed, and of each customer's own."""
VALIDITY: Final = timedelta(days=30)
OTHER: Final = "Another feed"
"""A source beside ours, which knows some of the same files."""
_KINDS: Final = {
    "pdf": "application/pdf",
    "html": "text/html",
    "zip": "application/zip",
    "iso": "application/x-iso9660-image",
    "js": "application/javascript",
    "exe": "application/x-dosexec",
}


def indicator_rows(customer: Customer, now: datetime) -> list[Row]:
    """Return the rows of `ThreatIntelIndicators` of one customer's workspace, oldest first."""
    rng = Random(f"indicators of {customer.domain}")  # noqa: S311  a sample, no secret
    arrivals = [
        *_feed(Feed.MALWARE_GRID, GRID, "grid", now, rng),
        *_feed(Feed.MALWARE_CUSTOMER, OWN, customer.domain, now, rng),
    ]
    arrivals = sorted((each for each in arrivals if each.at < now - customer.silent), key=lambda arrival: arrival.at)
    workspace = customer.workspace.id
    return [billed(row) for row in rows_of(arrivals, Service(workspace), until=now)]


def _feed(feed: Feed, count: int, name: str, now: datetime, rng: Random) -> Iterator[Arrival]:
    files = Random(f"files of {name}")  # noqa: S311  the same for every customer of a shared feed
    for number in range(count):
        yield from _life(feed, f"{name}/{number}", files, rng, now)


def _life(feed: Feed, name: str, files: Random, rng: Random, now: datetime) -> Iterator[Arrival]:
    """Yield what comes to a workspace of one file: it is new, perhaps refreshed, perhaps withdrawn."""
    # More of the young ones: files of a wave are seen for some days, and then no more.
    seen = now - timedelta(days=34 * files.random() ** 1.35, minutes=20)
    text = files.choice(NAMES).format(files.randrange(1000, 9999))
    again = files.random() < 0.3
    later = seen + timedelta(days=15 + 4 * files.random())
    times = 1 + int(12 * files.random() ** 3)
    policy = IndicatorPolicy(
        confidence=85 if feed is Feed.MALWARE_CUSTOMER else 70 if files.random() < 0.7 else 40,
        tlp=Tlp.AMBER if feed is Feed.MALWARE_CUSTOMER else Tlp.GREEN,
    )
    lag = timedelta(minutes=3 + 9 * rng.random())
    first = _record(feed, name, text, seen, seen, times, policy)
    yield Arrival(seen + lag, "Mimecast", first)
    last = first
    if again and later + lag < now:
        last = _record(feed, name, text, seen, later, times + 3, policy)
        yield Arrival(later + lag, "Mimecast", last)
    if rng.random() < 0.035:
        withdrawn = min(seen + timedelta(days=2 + 5 * rng.random()), now - timedelta(hours=2))
        if withdrawn > seen + lag and last is first:
            yield Arrival(withdrawn, "Mimecast", {**last, "revoked": True, "modified": timestamp(withdrawn)})
    if files.random() < 0.12:
        yield Arrival(seen + timedelta(hours=20), OTHER, first)


def _record(
    feed: Feed, name: str, text: str, seen: datetime, last: datetime, times: int, policy: IndicatorPolicy
) -> dict[str, Any]:
    algorithm = "MD5" if name.endswith("7") and feed is Feed.MALWARE_GRID else "SHA256"
    observable = Observable(ALGORITHMS[algorithm].key, digest(name, algorithm))
    known = KnownIndicator.from_body(
        indicator_id(observable),
        {
            "key": observable.key,
            "value": observable.value,
            "created": timestamp(seen),
            "version": timestamp(last),
            "valid_until": timestamp(last + VALIDITY),
            "sightings": times,
            "first_by": "sample",
            "refreshed_by": [],
            "refreshes": 0,
            "facts": {
                "name": text,
                "size": 20_000 + int(digest(name, "MD5")[:5], 16),
                "mime_type": _mime_type(name, text),
                "sender_ip": f"203.0.113.{int(digest(name, 'MD5')[:2], 16)}",
            },
        },
        None,
    )
    return build(known, policy, feed, "eu").model_dump(mode="json", exclude_none=True)


def _mime_type(name: str, text: str) -> str:
    # A few are programs whatever their name says.
    if int(digest(name, "MD5")[-2:], 16) < 12:
        return _KINDS["exe"]
    return _KINDS.get(text.rpartition(".")[2], "application/octet-stream")


def digest(name: str, algorithm: str) -> str:
    """Return the hash of a file of the sample."""
    kind = {"MD5": "md5", "SHA256": "sha256"}[algorithm]
    return hashlib.new(kind, f"sample/{name}".encode(), usedforsecurity=False).hexdigest()
