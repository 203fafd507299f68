"""How long messages wait for others that fill a request with them."""

import pytest

from mti.common.contracts.envelope import OBJECTS
from mti.common.contracts.indicators import objects_in
from mti.common.ports.bus import Received
from mti.publisher.filling import Filling

pytestmark = pytest.mark.pure


def of(*counts: int) -> list[Received]:
    return [Received(body=b"", message_id="m", session_id="w", properties={OBJECTS: count}) for count in counts]


@pytest.mark.parametrize(
    ("counts", "taken"),
    [
        ((100,), 1),
        ((91,), 0),
        ((92,), 1),
        ((7,) * 14, 14),  # 98
        ((7,) * 15, 14),  # 105 would be two requests
        ((64, 64), 0),
        ((64, 64, 64), 3),
        ((100, 100, 30), 2),
        ((30, 100, 100), 0),
        ((), 0),
    ],
)
def test_the_most_messages_that_fill_requests_well_are_taken(counts: tuple[int, ...], taken: int) -> None:
    assert Filling(lambda _: 0.0).filled(of(*counts)) == taken


def test_the_more_of_the_budget_is_used_the_longer_another_message_is_waited_for() -> None:
    waits = [Filling(lambda _, used=used: used, 10.0).quiet(of(1)) for used in (0.0, 0.1, 0.2, 0.5, 1.0)]  # type: ignore[misc]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (1.0, 10.0)


def test_a_message_of_an_earlier_release_is_weighed_by_its_size() -> None:
    assert objects_in(Received(body=b"x" * 1200, message_id="m")) == 10
    assert objects_in(Received(body=b"", message_id="m", properties={OBJECTS: 10**9})) == 1
