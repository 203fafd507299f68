"""Nothing of one tenant reaches another's workspace, whatever a message says."""

import gzip
from typing import Any

import orjson
import pytest

from mti.common.contracts.envelope import REFUSAL, REFUSAL_DESCRIPTION
from mti.common.ports.settlement import DeadLetter
from tests.publisher.world import (
    CONTOSO,
    CUSTOMER,
    FABRIKAM,
    GRID,
    OTHER_CUSTOMER,
    World,
    hash_of,
    indicator,
    message,
    reasons,
)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"session_id": None}, "NoDestination"),
        ({"session_id": ""}, "NoDestination"),
        ({"session_id": "00000000-0000-0000-0000-00000000000c"}, "UnknownDestination"),
        ({"session_id": CONTOSO.upper()}, "UnknownDestination"),
        ({"session_id": f"{CONTOSO}/../{FABRIKAM}"}, "UnknownDestination"),
        ({"session_id": FABRIKAM}, "NotRouted"),
        ({"properties": {}}, "MalformedEnvelope"),
        ({"body": b"not gzip"}, "MalformedBody"),
        ({"body": gzip.compress(b"{}")}, "MalformedBody"),
        ({"body": gzip.compress(orjson.dumps({"source": OTHER_CUSTOMER, "objects": []}))}, "MalformedBody"),
    ],
)
async def test_a_message_that_is_not_what_it_should_be_is_set_aside_and_nothing_is_sent(
    there: World, fields: dict[str, Any], reason: str
) -> None:
    [outcome] = await there.publisher()([message(indicator("a"), **fields)])
    assert reasons([outcome]) == [reason]
    assert isinstance(outcome, DeadLetter)
    assert len(outcome.description) > 40
    assert there.count("requests", CONTOSO) == there.count("requests", FABRIKAM) == 0


async def test_a_body_that_claims_another_source_than_its_envelope_is_set_aside(there: World) -> None:
    honest, forged = message(indicator("a")), message(indicator("b"), source=OTHER_CUSTOMER)
    [outcome] = await there.publisher()([message(indicator("b"), body=forged.body, properties=honest.properties)])
    assert reasons([outcome]) == ["SourceMismatch"]


async def test_a_body_that_names_a_destination_is_not_believed(there: World) -> None:
    honest = message(indicator("a"))
    body = orjson.loads(gzip.decompress(honest.body)) | {"destination": FABRIKAM, "session_id": FABRIKAM}
    await there.publisher()([message(indicator("a"), body=gzip.compress(orjson.dumps(body)))])
    assert there.holds(CONTOSO) == {hash_of("a")}
    assert there.holds(FABRIKAM) == set()


async def test_an_unknown_version_of_the_contract_is_not_guessed_at(there: World) -> None:
    honest = message(indicator("a"))
    future = {**honest.properties, "cloudEvents_type": "mimecast.ti.indicators.v2"}
    assert reasons(await there.publisher()([message(indicator("a"), properties=future)])) == ["UnsupportedSchema"]


@pytest.mark.parametrize(
    "id", ["", "indicator--", "malware--9c858901-8a57-4791-81fe-4c455b099bc9", "x" * 5000, "a/b#c"]
)
async def test_an_id_that_is_no_indicators_is_set_aside(there: World, id: str) -> None:
    outcomes = await there.publisher()([message(indicator("a", id=id)), message(indicator("b"))])
    assert reasons(outcomes) == ["MalformedBody", "Complete"]


async def test_bad_messages_do_not_sink_their_neighbours(there: World) -> None:
    batch = [
        message(indicator("a")),
        message(indicator("x"), body=b"nonsense"),
        message(indicator("b"), source=GRID),
        message(indicator("c"), source=OTHER_CUSTOMER),
        message(indicator("d"), source=CUSTOMER),
    ]
    assert reasons(await there.publisher()(batch)) == ["Complete", "MalformedBody", "Complete", "NotRouted", "Complete"]
    assert there.holds() == {hash_of("a"), hash_of("b"), hash_of("d")}


async def test_a_part_that_was_refused_is_dead_lettered_with_its_words_and_never_sent(there: World) -> None:
    honest = message(indicator("a"))
    marked = {**honest.properties, REFUSAL: "ObjectRefused", REFUSAL_DESCRIPTION: "because"}
    outcomes = await there.publisher()([message(indicator("a"), properties=marked)])
    assert outcomes == [DeadLetter("ObjectRefused", "because")]
    assert there.count("requests") == 0
