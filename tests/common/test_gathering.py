"""Messages of a session are brought together while that is worth while, and none is lost or handed over twice."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from mti.common.hosting.gathering import AtOnce, Gatherer, Gathering
from mti.common.ports.bus import Received
from mti.simulation import virtual_time
from mti.simulation.virtual_time import VirtualClock


@dataclass
class Line:
    """A session in which messages come at moments."""

    moments: list[float]
    clock: VirtualClock = field(default_factory=VirtualClock)

    async def receive(self, count: int, wait: float) -> list[Received]:
        until = self.clock.monotonic() + wait
        if self.moments and self.moments[0] > self.clock.monotonic():
            await self.clock.sleep(min(self.moments[0], until) - self.clock.monotonic())
        elif not self.moments:
            await self.clock.sleep(wait)
        come = [moment for moment in self.moments if moment <= self.clock.monotonic()][:count]
        self.moments = self.moments[len(come) :]
        return [Received(body=b"12345678", message_id=str(moment)) for moment in come]


@dataclass
class Threes:
    """Three messages are enough, and so are six."""

    seconds: float = 10.0
    pause: float = 2.0

    def filled(self, messages: Sequence[Received]) -> int:
        return len(messages) // 3 * 3

    def quiet(self, messages: Sequence[Received]) -> float:
        return self.pause

    def longest(self) -> float:
        return self.seconds


def gathered(
    moments: list[float], gathering: Gathering, size: int = 1000, over: float = 1000.0
) -> list[tuple[int, float]]:
    """Return how many messages were handed over together, and when."""

    async def run() -> list[tuple[int, float]]:
        line = Line(list(moments))
        gatherer = Gatherer(line, gathering, line.clock, batch_size=4, size=size, idle=0.5)  # type: ignore[arg-type]
        found = []
        while messages := await gatherer.next(lambda: line.clock.monotonic() >= over):
            found.append((len(messages), round(line.clock.monotonic(), 1)))
        assert not gatherer.kept
        return found

    return virtual_time.run(run())


@pytest.mark.parametrize(
    ("moments", "handed_over"),
    [
        ([0.0], [(1, 2.0)]),
        ([0.0, 1.0, 2.0, 2.4], [(3, 2.0), (1, 4.4)]),
        ([0.0, 1.9, 3.7, 3.8], [(3, 3.7), (1, 5.8)]),
        ([0.0] * 9, [(9, 0.0)]),
        ([0.0] * 4, [(3, 0.1), (1, 2.1)]),
    ],
)
def test_what_is_enough_is_handed_over_and_the_rest_waits(
    moments: list[float], handed_over: list[tuple[int, float]]
) -> None:
    assert gathered(moments, Threes()) == handed_over


def test_the_first_message_waits_no_longer_than_the_longest() -> None:
    [(count, when), *_] = gathered([0.0, 1.9], Threes(seconds=3.0))
    assert (count, when) == (2, 3.0)


def test_a_session_that_is_let_go_hands_over_what_is_in_hand() -> None:
    assert gathered([0.0], Threes(pause=9.0), over=1.5) == [(1, 2.0)]


def test_no_more_is_held_than_a_bound() -> None:
    assert max(count for count, _ in gathered([0.0] * 100, Threes(), size=64)) <= 12


def test_without_a_policy_what_is_there_is_handed_over() -> None:
    assert gathered([0.0, 0.4], AtOnce()) == [(1, 0.0), (1, 0.4)]
