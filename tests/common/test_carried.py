"""Objects that are carried as they came are in the form that `Indicator` writes; all others go by way of the model."""

import gzip
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid5

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from pydantic import BaseModel

from mti.common.contracts import (
    EXTENSION_ID,
    Carried,
    DetectionFacts,
    Indicator,
    IndicatorBatch,
    decode,
    decode_carried,
    indicators_message,
)
from mti.common.contracts import carried as module
from mti.common.contracts.extension import KillChainPhase
from mti.common.contracts.identity import NAMESPACE, generation_id
from mti.common.contracts.indicators import ExternalReference
from mti.common.contracts.written_indicator import WrittenFacts, WrittenIndicator, WrittenPhase, WrittenReference
from mti.common.errors import Poison
from mti.common.ports.bus import Received
from mti.publisher.sentinel.client import request_body
from tests.publisher.world import indicator

pytestmark = pytest.mark.pure

FACTS = {"feed": "malware_grid", "region": "eu", "times_seen": 3, "file_name": "é" * 200, "other_hashes": ["a", "b"]}
FULL = indicator(
    "a",
    description="as “rechnung.pdf”",
    labels=["mimecast"],
    external_references=[{"source_name": "mimecast", "external_id": "1"}],
    extensions={EXTENSION_ID: FACTS},
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
    batch = module._batch(message(wire(found)).body)
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
    read_alike(found)


VALUES = st.sampled_from(["", "x" * 8, "x" * 9, "x" * 64, "é" * 65, "x" * 128, "x" * 129, "é" * 201, [], ["é" * 64] * 4,
                          ["x"] * 5, ["x" * 65], 0, 1, -1, 2**62, 1.0, True, None, "property-extension"])  # fmt: skip


@given(
    st.dictionaries(st.sampled_from([*DetectionFacts.model_fields, "unknown"]), VALUES | JSON, max_size=2),
    st.sets(st.sampled_from([*DetectionFacts.model_fields]), max_size=1),
)
def test_whatever_facts_are_in_a_body_they_are_read_as_the_model_reads_them(
    changed: dict[str, Any], gone: set[str]
) -> None:
    facts = {name: value for name, value in {**FACTS, **changed}.items() if name not in gone}
    read_alike({**wire(FULL), "extensions": {EXTENSION_ID: facts}})


def read_alike(found: dict[str, Any]) -> None:
    """See that a body is read as the model reads it, and refused with its words."""
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


@pytest.mark.parametrize("form", [WrittenIndicator, WrittenFacts, WrittenReference, WrittenPhase])
def test_what_is_written_has_the_fields_of_the_model_in_the_order_of_their_names(form: type[Struct]) -> None:
    models: dict[type[Struct], type[BaseModel]] = {
        WrittenIndicator: Indicator,
        WrittenFacts: DetectionFacts,
        WrittenReference: ExternalReference,
        WrittenPhase: KillChainPhase,
    }
    names = [field.name for field in msgspec.structs.fields(form)]
    assert names == sorted(models[form].model_fields)


def test_a_field_that_stands_twice_is_sent_once() -> None:
    written = orjson.dumps(wire(FULL))
    twice = written.replace(b'"id":', b'"id":"another","id":', 1)
    made = indicators_message("w", IndicatorBatch(source="grid:eu", objects=[FULL]))
    body = gzip.compress(b'{"source":"grid:eu","objects":[%b]}' % twice)
    _, batch = decode_carried(Received(body=body, message_id="m", properties=made.properties))
    assert request_body("Mimecast", batch.objects) == request_body("Mimecast", [Carried.of(FULL)])


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
