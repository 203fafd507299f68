"""The document of an observable in the books is what its model says, however quickly it is made."""

from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mti.common.registry import Feed
from mti.publisher.records import Backing, Published, Refusal

pytestmark = pytest.mark.pure

ZONES = st.sampled_from([UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-5, minutes=-30))])
MOMENTS = st.datetimes(timezones=ZONES).filter(lambda moment: 1990 < moment.year < 2100)
MAYBE = st.none() | MOMENTS
BACKINGS = st.builds(Backing, version=MAYBE, valid_until=MAYBE, withdrawn=MAYBE)
REFUSALS = st.builds(Refusal, version=MOMENTS, reason=st.text(), description=st.text(), valid_until=MAYBE)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "generation": st.integers(0, 2),
    "version": MAYBE,
    "valid_until": MAYBE,
    "revoked": st.booleans(),
    "feed": st.none() | st.sampled_from(Feed),
    "source": st.none() | st.text(),
    "content": st.none() | st.dictionaries(st.text(), st.text() | st.none() | st.lists(st.integers())),
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


def test_every_field_is_tried() -> None:
    assert FIELDS.keys() == Published.model_fields.keys()


@given(PUBLISHED)
def test_its_document_is_what_the_model_writes_and_reads(known: Published) -> None:
    document = known.document()
    assert document == known.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    assert Published.model_validate(document) == known


@given(PUBLISHED, PUBLISHED)
def test_a_change_is_a_copy_with_other_fields(known: Published, other: Published) -> None:
    fields = {"version": other.version, "content": other.content, "unsure": other.unsure}
    changed, copy = known.changed(**fields), known.model_copy(update=fields)
    assert changed == copy
    assert changed.model_fields_set == copy.model_fields_set
    assert changed.document() == copy.document()
