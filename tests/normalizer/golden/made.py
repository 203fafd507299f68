"""What both services make of the golden pages, in a form that can be kept. `python -m tests.normalizer.golden.made`
writes it anew: only for what is to change on purpose."""

import asyncio
import hashlib
import json
import tempfile
import zlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from mti.common.errors import Pause, Retry
from mti.common.ports.bus import Outgoing
from mti.common.ports.settlement import DeadLetter
from mti.common.registry import IndicatorPolicy
from mti.fetcher.mimecast.contents import content_of
from mti.fetcher.mimecast.feed_files import merged
from mti.fetcher.mimecast.model import FeedPage
from mti.fetcher.publishing import ChunkPublisher
from mti.fetcher.records.ledger import Ledger as Fetched
from mti.normalizer.handler import NormalizeHandler
from mti.normalizer.indicators import hash_observable, value_observable
from mti.normalizer.observables import MD5, SHA256
from mti.normalizer.records import EVERYONE, shards_of
from tests.normalizer.golden.pages import pages
from tests.normalizer.world import (
    CUSTOMER,
    GRID,
    NOW,
    STRICT,
    Outbox,
    World,
    at,
    md5,
    received,
    registry,
    sha256,
    world,
)

FILE = Path(__file__).with_name("made.json")
LIMIT = 64 * 1024 * 1024
ALLOWING = IndicatorPolicy(allow_list=frozenset({"allowed.example", "192.0.2.7", sha256("r")}))


async def made(folder: Path, *, one_process: bool = False) -> dict[str, Any]:
    """Return, for each page: the chunks, or why there are none, and what follows from them at the normalizer.

    Args:
        folder: for the store.
        one_process: whether one process handles all, with what it remembers of the ones before; else one a message.
    """
    found: dict[str, Any] = {}
    async with world(folder) as there:
        there.registry = registry(policy=ALLOWING, strict=replace(STRICT, validity=timedelta(days=9)))
        await ordered(there)
        kept = there.normalizer() if one_process else None
        for number, (name, page) in enumerate(pages()):
            found[name] = await one(there, kept, page, GRID if number % 2 else CUSTOMER, dated=number % 3 == 0)
        for source in (CUSTOMER, GRID):
            known = [
                {"id": entry.id, **entry.body()}
                for shard in shards_of(source)
                async for entry in there.known.scan(source, shard)
            ]
            totals = await there.ledger.totals(source)
            found[f"known of {source}"] = {"entries": len(known), "digest": digest(known), "totals": repr(totals)}
    return found


async def ordered(there: World) -> None:
    """Withdraw something for everyone, something for a source, and something that is lifted again."""
    withdrawals = there.known.withdrawals
    a, b, c = hash_observable(SHA256, sha256("x")), hash_observable(MD5, md5("s")), hash_observable(SHA256, sha256("y"))
    await withdrawals.withdraw(EVERYONE, [a, c], at(), "a false alarm")
    await withdrawals.withdraw(GRID, [b, value_observable("url", "http://A.example/B")], at(), None)
    await withdrawals.lift(EVERYONE, [c], at(hours=1))


async def one(there: World, kept: NormalizeHandler | None, page: bytes, source: str, *, dated: bool) -> Any:
    topic = Outbox()
    try:
        content = content_of(page, LIMIT, None)
    except (Retry, Pause) as error:
        return f"{type(error).__name__} {error.reason}: {error.description}"
    feed_page = FeedPage(files=merged(content.files), token=None, answered_at=NOW if dated else None)
    publisher = ChunkPublisher(topic, Fetched(there.store.container("fetched")), there.clock)
    await publisher.publish(feed_page, there.registry.sources[source], epoch=2)
    there.indicators.messages.clear()
    there.pages.messages.clear()
    outcomes = [await (kept or there.normalizer())([received(message)]) for message in topic.sent]
    return {
        "failures": repr(content.failures),
        "chunks": [chunk(message) for message in topic.sent],
        "outcomes": sorted({type(each).__name__ for outcome in outcomes for each in outcome}),
        "books": [await books(there, source, message) for message in topic.sent],
        "indicators": [indicators(message) for message in there.indicators.sent],
        "set aside": [set_aside(message) for message in there.pages.sent],
        "dead": [
            outcome.reason
            for message in there.pages.sent
            for outcome in await (kept or there.normalizer())([received(message)])
            if isinstance(outcome, DeadLetter)
        ],
    }


def unpacked(message: Outgoing) -> bytes:
    return zlib.decompress(message.body, wbits=31)


def digest(value: Any) -> str:
    data = value if isinstance(value, bytes) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(data).hexdigest()[:16]


def chunk(message: Outgoing) -> list[Any]:
    """Return the chunk's identity, what else its message says, and its body."""
    return [message.message_id, digest(dict(message.properties)), digest(unpacked(message))]


async def books(there: World, source: str, message: Outgoing) -> Any:
    found = await there.ledger.read(source, str(message.properties["cloudEvents_id"]))
    return None if found is None else found.model_dump(exclude_defaults=True)


def indicators(message: Outgoing) -> list[Any]:
    """Return the message's identity, what else it says, how many it holds, and its body."""
    body = unpacked(message)
    return [message.message_id, digest(dict(message.properties)), len(orjson.loads(body)["objects"]), digest(body)]


def set_aside(message: Outgoing) -> list[Any]:
    refusal = {name: value for name, value in message.properties.items() if name.startswith("mti_")}
    return [message.message_id, refusal, digest(unpacked(message))]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(made(Path(folder)))
    FILE.write_text(json.dumps(found, indent=1, ensure_ascii=True, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
