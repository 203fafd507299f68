"""The document of an observable in the books is what the model of the first releases wrote, and reads the same."""

from collections.abc import Mapping
from datetime import UTC, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, JsonValue

from mti.common.contracts import Carried, Indicator
from mti.common.ports.store import Document, json_of
from mti.common.registry import Feed
from mti.publisher.records import NO_CONTENT, Backing, Published, Refusal, content_of
from tests.publisher.world import indicator

pytestmark = pytest.mark.pure

ZONES = st.sampled_from([UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-5, minutes=-30))])
MOMENTS = st.datetimes(timezones=ZONES).filter(lambda moment: 1990 < moment.year < 2100)
MAYBE = st.none() | MOMENTS
BACKINGS = st.builds(Backing, version=MAYBE, valid_until=MAYBE, withdrawn=MAYBE)
REFUSALS = st.builds(Refusal, version=MOMENTS, reason=st.text(), description=st.text(), valid_until=MAYBE)
CONTENTS = st.dictionaries(st.text(), st.text() | st.none() | st.lists(st.integers())).map(
    lambda content: msgspec.Raw(msgspec.json.encode(content))
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "generation": st.integers(0, 2),
    "version": MAYBE,
    "valid_until": MAYBE,
    "revoked": st.booleans(),
    "feed": st.none() | st.sampled_from(Feed),
    "source": st.none() | st.text(),
    "content": st.just(NO_CONTENT) | CONTENTS,
    "sources": st.dictionaries(st.text(), BACKINGS, max_size=2),
    "withdrawn": MAYBE,
    "lifted": MAYBE,
    "accepted": st.integers(0, 3),
    "passed": MAYBE,
    "rebuilt": st.none() | st.text(),
    "refused": st.none() | REFUSALS,
    "disturbed": st.integers(0, 1),
    "unsure": st.booleans(),
}
PUBLISHED = st.builds(Published, **FIELDS)


class RefusalModel(BaseModel):
    version: AwareDatetime
    reason: str
    description: str
    valid_until: AwareDatetime | None = None


class BackingModel(BaseModel):
    version: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None
    withdrawn: AwareDatetime | None = None


class Model(BaseModel):
    """What wrote the books of earlier releases."""

    generation: int = 0
    version: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None
    revoked: bool = False
    feed: Feed | None = None
    source: str | None = None
    content: Mapping[str, JsonValue] | None = None
    sources: Mapping[str, BackingModel] = {}
    withdrawn: AwareDatetime | None = None
    lifted: AwareDatetime | None = None
    accepted: int = 0
    passed: AwareDatetime | None = None
    rebuilt: str | None = None
    refused: RefusalModel | None = None
    disturbed: int = 0
    unsure: bool = False


def test_every_field_is_tried() -> None:
    names = {field.name for field in msgspec.structs.fields(Published)}
    assert FIELDS.keys() == names == Model.model_fields.keys()


@given(PUBLISHED)
def test_its_document_is_what_the_model_writes_and_reads(known: Published) -> None:
    document = Document(partition="p", id="i", text=known.text)
    content = json_of(known.content) if known.content else None
    model = Model.model_validate(
        {name: getattr(known, name) for name in FIELDS} | {"content": content}, from_attributes=True
    )
    assert document.body == model.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    assert Published.of(document) == known
    assert Model.model_validate(document.body) == model
    as_body = Published.of(Document(partition="p", id="i", body=document.body))
    assert as_body.changed(content=known.content) == known
    assert (json_of(as_body.content) if as_body.content else None) == content


@pytest.mark.parametrize("wrong", [{"version": "2026-11-24T12:00:00"}, {"sources": [1]}, {"accepted": "many"}])
def test_what_is_no_document_of_the_books_is_not_read(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        Published.of(Document(partition="p", id="i", body=wrong))


@given(PUBLISHED, PUBLISHED)
def test_a_change_is_a_copy_with_other_fields(known: Published, other: Published) -> None:
    new = {name: getattr(other, name) for name in ("version", "content", "unsure")}
    assert known.changed(**new) == Published(**{name: getattr(known, name) for name in FIELDS} | new)


OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "confidence": st.integers(0, 100),
        "created_by_ref": st.just("identity--other"),
        "description": st.none() | st.text(),
        "extensions": st.none()
        | st.just(
            {
                "extension-definition--b": {"feed": "f", "region": "eu", "times_seen": 1, "other_hashes": ["a", "b"]},
                "extension-definition--a": {"feed": "f", "region": "eu", "times_seen": 2, "file_size": 0},
            }
        ),
        "external_references": st.just([{"source_name": "mimecast", "external_id": "1"}]),
        "indicator_types": st.sampled_from([[], ["malicious-activity"], ["anomalous-activity"]]),
        "kill_chain_phases": st.sampled_from([[], [{"kill_chain_name": "other", "phase_name": "first"}]]),
        "labels": st.lists(st.text(), max_size=2),
        "object_marking_refs": st.lists(st.text(), max_size=2),
        "revoked": st.none() | st.booleans(),
    },
)


@given(OBJECTS)
def test_the_content_of_an_object_is_all_of_it_but_id_and_version_and_what_every_object_is(
    fields: dict[str, Any],
) -> None:
    carried = Carried.of(indicator("a", **fields))
    usual = Indicator.model_validate(
        {name: value for name, value in carried.wire.items() if Indicator.model_fields[name].is_required()}
    )
    as_ever = usual.model_dump(mode="json", exclude=set(REQUIRED))
    assert json_of(content_of(carried)) == {
        name: value
        for name, value in carried.wire.items()
        if name not in ("id", "modified", "valid_until", "revoked") and value != as_ever.get(name, ...)
    }


REQUIRED = [name for name, field in Indicator.model_fields.items() if field.is_required()]
