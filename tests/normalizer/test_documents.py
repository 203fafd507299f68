"""What is known is kept as the text that it was always kept as, and read from it as from what a parser made of it."""

from datetime import UTC, datetime, timedelta

import orjson
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from mti.common.contracts import timestamp
from mti.common.ports.store import Document
from mti.normalizer.facts import Facts
from mti.normalizer.observables import Observable
from mti.normalizer.records import Emission, KnownIndicator, RefreshRule

TEXTS = st.text(max_size=12)
MAYBE = st.none() | TEXTS
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001  see `timezones`
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
RULES = st.builds(
    RefreshRule,
    validity=st.timedeltas(timedelta(0), timedelta(days=400)),
    refresh_after=st.none() | st.floats(0, 1),
)
KNOWN = st.builds(
    KnownIndicator,
    id=TEXTS,
    observable=st.builds(Observable, key=TEXTS, value=TEXTS),
    created=MOMENTS,
    version=MOMENTS,
    valid_until=MOMENTS,
    sightings=st.integers(1, 10**6),
    first_by=TEXTS,
    refreshed_by=st.lists(TEXTS, max_size=3).map(tuple),
    refreshes=st.integers(0, 99),
    generation=st.integers(0, 3),
    emitted=st.dictionaries(RULES, st.builds(Emission, version=MOMENTS, valid_until=MOMENTS), max_size=3),
    facts=st.builds(
        Facts,
        name=MAYBE,
        extension=MAYBE,
        size=st.none() | st.integers(0, 2**63 - 1),
        mime_type=MAYBE,
        sender_ip=MAYBE,
        labels=st.lists(TEXTS, max_size=3).map(tuple),
        mimecast_id=MAYBE,
        siblings=st.lists(TEXTS, max_size=3).map(tuple),
    ),
    etag=MAYBE,
)


def body_of(known: KnownIndicator) -> dict[str, JsonValue]:
    """Return a document's body field by field, as those of earlier releases were made."""
    facts = known.facts
    told: dict[str, JsonValue] = {
        "name": facts.name,
        "extension": facts.extension,
        "size": facts.size,
        "mime_type": facts.mime_type,
        "sender_ip": facts.sender_ip,
        "labels": [*facts.labels] or None,
        "mimecast_id": facts.mimecast_id,
        "siblings": [*facts.siblings] or None,
    }
    body: dict[str, JsonValue] = {
        "key": known.observable.key,
        "value": known.observable.value,
        "created": timestamp(known.created),
        "version": timestamp(known.version),
        "valid_until": timestamp(known.valid_until),
        "sightings": known.sightings,
        "by": known.by,
        "first_by": known.first_by,
        "refreshed_by": [*known.refreshed_by],
        "refreshes": known.refreshes,
        "facts": {name: value for name, value in told.items() if value is not None},
    }
    if known.generation:
        body["generation"] = known.generation
    if known.emitted:
        body["emitted"] = [
            {
                "validity": rule.validity.total_seconds(),
                **({} if rule.refresh_after is None else {"refresh_after": rule.refresh_after}),
                "version": timestamp(emission.version),
                "valid_until": timestamp(emission.valid_until),
            }
            for rule, emission in known.emitted.items()
        ]
    return body


@given(KNOWN)
def test_what_is_known_is_written_to_the_byte_as_it_always_was(known: KnownIndicator) -> None:
    assert known.text == orjson.dumps(body_of(known))
    assert known.body() == body_of(known)


@given(KNOWN)
def test_what_is_known_is_read_alike_from_a_text_and_from_its_body(known: KnownIndicator) -> None:
    text = Document(partition="p", id=known.id, text=known.text, etag=known.etag)
    body = Document(partition="p", id=known.id, body=body_of(known), etag=known.etag)
    assert KnownIndicator.of(text) == KnownIndicator.of(body) == known
    assert KnownIndicator.of(text).etag == KnownIndicator.of(body).etag == known.etag
