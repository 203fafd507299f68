"""What an operator sees of dead letters, and how they say which they mean."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mti.common.contracts.envelope import REPLAYS
from mti.common.ports.bus import Received
from mti.operations.bus import DeadLetter
from mti.operations.dead_letters import Selection, find, survey, view
from mti.operations.dead_letters.archive import letter_of, line_of
from mti.operations.dead_letters.edit import body_to_edit
from tests.operations.dead_letters.world import World, page
from tests.publisher.world import CONTOSO, FABRIKAM, indicator, message
from tests.support.bus import FETCH_JOBS, INDICATORS, RAW_PAGES

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
INDICATORS_PATH = str(INDICATORS)
bus_test = pytest.mark.asyncio(loop_scope="session")


def letter(source: Received | None = None, **fields: Any) -> DeadLetter:
    """Return a dead letter of the publisher."""
    found = source or message(indicator("a"), to=CONTOSO)
    properties = {
        **found.properties,
        "DeadLetterReason": "ObjectRefused",
        "DeadLetterErrorDescription": "Sentinel said no",
        **fields.pop("properties", {}),
    }
    values = {name: getattr(found, name) for name in found.__dataclass_fields__}
    given = {**values, "properties": properties, "enqueued_at": NOW - timedelta(hours=3), **fields}
    return DeadLetter(entity=INDICATORS_PATH, message=Received(**given))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, True),
        ({"tenant": "contoso"}, True),
        ({"tenant": "fabrikam"}, False),
        ({"tenant": "fabrikam", "workspaces": frozenset({CONTOSO})}, True),
        ({"source": "contoso/malware_customer"}, True),
        ({"source": "grid:eu"}, False),
        ({"destination": CONTOSO.upper()}, True),
        ({"destination": FABRIKAM}, False),
        ({"reason": "objectrefused"}, True),
        ({"reason": "Bug"}, False),
        ({"older_than": timedelta(hours=2)}, True),
        ({"older_than": timedelta(hours=4)}, False),
        ({"newer_than": timedelta(hours=4)}, True),
        ({"newer_than": timedelta(hours=2)}, False),
        ({"text": "sentinel SAID"}, True),
        ({"text": "malicious-activity"}, True),
        ({"text": "nowhere"}, False),
        ({"identities": frozenset({"77"})}, True),
        ({"identities": frozenset({"78"})}, False),
        ({"reason": "ObjectRefused", "source": "grid:eu"}, False),
    ],
)
def test_all_that_a_selection_asks_for_must_hold(asked: dict[str, Any], found: bool) -> None:
    assert Selection(**asked).matches(letter(sequence_number=77), NOW) is found


def test_a_cloudevents_id_means_its_message() -> None:
    one = letter()
    assert Selection(identities=frozenset({one.id})).matches(one, NOW)


def test_a_selection_that_asks_for_nothing_means_everything() -> None:
    assert Selection().everything
    assert Selection(workspaces=frozenset({CONTOSO})).everything
    assert not Selection(reason="Bug").everything
    assert not Selection(older_than=timedelta(hours=1)).everything


def test_a_view_shows_the_body_as_json_and_no_credential_of_a_stranger() -> None:
    shown = view(letter(properties={"Authorization": "Bearer abc", "x_api_key": "abc", REPLAYS: 2}))
    assert shown["reason"] == "ObjectRefused"
    assert shown["replays"] == 2
    body = shown["body"]
    assert isinstance(body, dict)
    assert isinstance(body["objects"], list)
    assert "Bearer abc" not in str(shown)
    properties = shown["properties"]
    assert isinstance(properties, dict)
    assert (properties["Authorization"], properties["x_api_key"]) == ("***", "***")


@pytest.mark.parametrize(
    ("body", "shown"), [(b"plain words", "plain words"), (b"", ""), (b"\x1f\x8bcut", "\x1f\ufffdcut"), (b"[1]", [1])]
)
def test_a_body_that_is_not_ours_is_shown_as_well_as_it_can_be(body: bytes, shown: object) -> None:
    assert view(letter(body=body))["body"] == shown


def test_a_message_of_a_stranger_has_no_source_and_no_tenant() -> None:
    stranger = DeadLetter(entity=INDICATORS_PATH, message=Received(body=b"", message_id="x"))
    assert (stranger.id, stranger.source, stranger.tenant, stranger.reason) == ("", "", None, "Unknown")
    assert stranger.age(NOW) == timedelta()


@bus_test
async def test_dead_letters_are_counted_by_entity_and_reason_with_the_oldest_and_an_example(there: World) -> None:
    await there.die(RAW_PAGES, there.page("1"), there.page("2"), reason="NoPattern", description="purge them")
    await there.die(INDICATORS, there.batch("a"), reason="UnknownDestination")
    await there.die(FETCH_JOBS, there.job(), reason="UnknownSource")
    groups = await survey(there.queues, Selection(), there.clock)
    assert [(group.entity, group.reason, group.count) for group in groups] == [
        ("fetch-jobs", "UnknownSource", 1),
        ("raw-pages/subscriptions/normalizer", "NoPattern", 2),
        ("indicators/subscriptions/publisher", "UnknownDestination", 1),
    ]
    assert groups[1].example == "purge them"
    assert groups[1].oldest is not None
    assert timedelta() <= there.clock.now() - groups[1].oldest < timedelta(minutes=1)


@bus_test
@pytest.mark.parametrize(
    "name", ["normalizer", "raw-pages", "RAW-PAGES/normalizer", "raw-pages/subscriptions/normalizer"]
)
async def test_an_entity_goes_by_any_of_its_names(there: World, name: str) -> None:
    await there.die(RAW_PAGES, there.page("1"))
    await there.die(INDICATORS, there.batch("a"))
    found = [letter async for letter in find(there.queues, Selection(entity=name), there.clock)]
    assert [letter.entity for letter in found] == ["raw-pages/subscriptions/normalizer"]


@bus_test
async def test_looking_takes_nothing_and_is_bounded_by_its_limit(there: World) -> None:
    await there.die(RAW_PAGES, *(there.page(str(n)) for n in range(250)))
    for _ in range(2):
        found = [letter async for letter in find(there.queues, Selection(), there.clock, limit=120)]
        assert len({letter.sequence for letter in found}) == 120
    assert len(await there.dead(RAW_PAGES)) == 250


def test_a_page_names_its_tenant() -> None:
    sent = page("a")
    one = DeadLetter(
        entity=str(RAW_PAGES), message=Received(body=sent.body, message_id=sent.message_id, properties=sent.properties)
    )
    assert (one.tenant, one.destination) == ("contoso", None)


def test_a_body_that_nests_too_deeply_is_shown_and_mended_as_text() -> None:
    for depth in (300, 900, 5000):
        body = b"[" * depth + b"]" * depth
        found = letter(body=body)
        assert view(found)["body"] == body.decode()
        assert body_to_edit(found) == body
        assert letter_of(line_of(found)).message.body == body
