"""What Sentinel is sent and what the books say of it, to the last field, for messages as they lie on the bus.

`request_bodies.json` was written by the first release that had this test: a change of how objects are carried must not
change it.
"""

import gzip
import json
from pathlib import Path
from typing import Any

import orjson

from mti.common.contracts import IndicatorBatch, indicators_message
from mti.common.ports.bus import Received
from mti.publisher.records import SHARDS, partition_of
from tests.publisher.world import CONTOSO, CUSTOMER, GRID, World, completed, indicator, received

GOLDEN = Path(__file__).with_name("request_bodies.json")


def message(*objects: dict[str, Any], source: str = CUSTOMER, **properties: str) -> Received:
    """Return a message whose body is these objects as they are."""
    made = indicators_message(CONTOSO, IndicatorBatch(source=source, objects=[indicator("any")]))
    body = gzip.compress(json.dumps({"source": source, "objects": list(objects)}).encode())
    return received(made, body=body, properties={**made.properties, **properties})


def described(of: str, **fields: Any) -> dict[str, Any]:
    """Return an indicator's JSON in the form that the normalizer writes."""
    found = orjson.loads(orjson.dumps(indicator(of).model_dump(mode="json", exclude_none=True)))
    return {**found, **fields}


FULL = {
    "description": 'Delivered as “rechnung.pdf” from 10.0.0.1; see\n"it" \\ there.',
    "labels": ["mimecast", "tlp:amber"],
    "object_marking_refs": ["marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"],
    "external_references": [{"source_name": "mimecast", "external_id": "8f-1"}],
    "indicator_types": ["anomalous-activity", "malicious-activity"],
}
PATTERN = "[file:name = 'it\\\\'s \\\\\\\\ here']"


async def test_requests_and_books_are_what_they_were(there: World) -> None:
    publisher = there.publisher()
    first = [
        described("a"),
        described("b", **FULL),
        described("c", pattern="[url:value = 'http://x.example/?a=1']", confidence=0),
        described("d", pattern=PATTERN, name="d — né"),
        # in forms that another writer may choose
        described("e", modified="2026-11-24T13:00:00.5+01:00", created="2026-11-24T12:00:00Z"),
        described("f", description=None, revoked=None, unknown={"deep": [1]}),
        described("g", revoked=False, confidence="70"),
        {name: value for name, value in described("h").items() if name not in ("type", "spec_version", "labels")},
    ]
    later = "2026-11-24T18:00:00.000Z"
    for batch in (
        [message(*first)],
        [message(described("a", modified=later, **FULL)), message(described("b", modified=later), source=GRID)],
        [message(described("b", modified="2026-11-25T00:00:00.000Z", revoked=True))],
        [message(described("b", modified="2026-11-26T00:00:00.000Z"))],
        [message(described("a", modified=later), mti_rebuilt="r1"), message(described("i"), source=GRID)],
    ):
        there.clock.turn(hours=1)
        assert completed(await publisher(batch))
    found = {
        "objects": [json.loads(record) for record in there.sentinel.workspaces[CONTOSO].objects()],
        "books": await books(there),
    }
    assert found == json.loads(GOLDEN.read_text())


async def books(there: World) -> dict[str, Any]:
    container = there.store.container("published")
    return {
        document.id: [document.body, document.ttl]
        for shard in SHARDS
        async for document in container.scan(partition_of(CONTOSO, shard))
    }
