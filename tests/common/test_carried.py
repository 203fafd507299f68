"""Objects that are carried as they came are in the form that `Indicator` writes; all others go by way of the model."""

import gzip
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid5

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mti.common.contracts import Carried, Indicator, IndicatorBatch, decode, decode_carried, indicators_message
from mti.common.contracts import carried as module
from mti.common.contracts.identity import NAMESPACE, generation_id
from mti.common.errors import Poison
from mti.common.ports.bus import Received
from tests.publisher.world import indicator

pytestmark = pytest.mark.pure

FULL = indicator(
    "a",
    description="as “rechnung.pdf”",
    labels=["mimecast"],
    external_references=[{"source_name": "mimecast", "external_id": "1"}],
    revoked=True,
)


def message(*objects: Mapping[str, Any], source: Any = "grid:eu") -> Received:
    made = indicators_message("w", IndicatorBatch(source="grid:eu", objects=[FULL]))
    body = gzip.compress(orjson.dumps({"source": source, "objects": list(objects)}))
    return Received(body=body, message_id="m", properties=made.properties)


def wire(found: Indicator) -> dict[str, Any]:
    return dict(Carried.of(found).wire)


@pytest.mark.parametrize("found", [indicator("a"), FULL, indicator("b", labels=["x", "y"], confidence=0)])
def test_what_the_model_writes_is_carried_as_it_is(found: Indicator) -> None:
    batch = module._batch({"source": "grid:eu", "objects": [wire(found)]})
    assert batch is not None
    [carried] = batch.objects
    assert carried == Carried.of(found)
    assert carried.indicator == found
    assert (carried.id, carried.pattern, carried.modified, carried.valid_until, carried.revoked) == (
        found.id, found.pattern, found.modified, found.valid_until, found.revoked
    )  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
NAMES = [*Indicator.model_fields, "unknown"]
STAMPS = st.sampled_from(
    ["2026-11-24T12:00:00.000Z", "2026-11-24T12:00:00Z", "2026-W48-2T12:00:00.000Z", "2026-13-24T12:00:00.000Z",
     "2026-11-24T12:00:00.000+", "2026-11-24T12:00:00.0001Z", "2026-11-24T13:00:00.000+01:00"]
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(NAMES), JSON | STAMPS, max_size=3), st.sets(st.sampled_from(NAMES), max_size=2))
def test_whatever_is_in_a_body_it_is_read_as_the_model_reads_it(changed: dict[str, Any], gone: set[str]) -> None:
    found = {name: value for name, value in {**wire(FULL), **changed}.items() if name not in gone}
    arrived = message(found)
    try:
        _, batch = decode(arrived, IndicatorBatch)
    except Poison as error:
        with pytest.raises(Poison, match=f"^{re.escape(str(error))}$"):
            decode_carried(arrived)
        return
    source, carried = decode_carried(arrived)
    assert (source, carried.source) == ("/sources/grid:eu", batch.source)
    assert [dict(each.wire) for each in carried.objects] == [wire(each) for each in batch.objects]


@pytest.mark.parametrize("source", [None, 5, ["a"]])
def test_a_source_that_is_no_text_is_refused_as_ever(source: object) -> None:
    with pytest.raises(Poison, match="source"):
        decode_carried(message(wire(FULL), source=source))


def test_too_many_objects_and_none_are_refused_as_ever() -> None:
    for count in (0, 101):
        with pytest.raises(Poison, match="objects"):
            decode_carried(message(*[wire(FULL)] * count))


def test_another_id_and_a_revocation_change_that_alone() -> None:
    carried = Carried.of(indicator("a"))
    assert carried.under("other").indicator == indicator("a", id="other")
    later = datetime(2026, 12, 1, tzinfo=UTC) + timedelta(milliseconds=5)
    assert carried.withdrawn(later).indicator == indicator("a").model_copy(update={"modified": later, "revoked": True})


@given(st.text(), st.integers(0, 3))
def test_an_id_is_the_name_based_uuid_of_its_observable(value: str, generation: int) -> None:
    name = f"domain-name:value={value}" + (f"#{generation}" if generation else "")
    try:
        expected = f"indicator--{uuid5(NAMESPACE, name)}"
    except UnicodeEncodeError:
        return
    assert generation_id("domain-name:value", value, generation) == expected
