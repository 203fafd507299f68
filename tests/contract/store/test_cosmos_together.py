"""Which new documents are created by one request."""

from typing import Any

import pytest

from mti.common.adapters.cosmos.together import AT_ONCE, LIMIT, batches_of

pytestmark = pytest.mark.pure


def item(id: int, partition: str = "p", size: int = 10) -> dict[str, Any]:
    return {"id": f"{id}", "partition": partition, "body": "x" * size}


def ids(batches: list[list[dict[str, Any]]]) -> list[list[str]]:
    return [[each["id"] for each in batch] for batch in batches]


def test_those_of_a_partition_go_together_and_one_that_is_alone_does_not() -> None:
    items = [item(1, "a"), item(2, "b"), item(3, "a"), item(4, "c"), item(5, "c")]
    assert ids(batches_of([(each, None) for each in items])) == [["1", "3"], ["4", "5"]]


def test_what_is_replaced_is_none_of_them() -> None:
    assert ids(batches_of([(item(1), None), (item(2), "etag"), (item(3), None)])) == [["1", "3"]]
    assert batches_of([]) == []


def test_a_request_has_a_hundred_at_most() -> None:
    batches = batches_of([(item(number), None) for number in range(2 * AT_ONCE + 1)])
    assert [len(batch) for batch in batches] == [AT_ONCE, AT_ONCE]


def test_a_request_stays_below_the_limit_of_its_size() -> None:
    sizes = [LIMIT - 1, 1, 1, LIMIT + 1, 5, 5]
    batches = batches_of([(item(number, size=size), None) for number, size in enumerate(sizes)])
    assert ids(batches) == [["0", "1"], ["4", "5"]]
