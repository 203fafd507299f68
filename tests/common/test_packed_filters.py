"""What the filters of packed runs say of keys."""

from random import Random
from uuid import UUID

from mti.common.adapters.packed.filters import filter_of, from_text, hashed, may_hold, to_text
from mti.common.ports.store import Key


def keys(count: int, seed: int) -> list[Key]:
    rng = Random(seed)
    return [(f"grid:eu#{rng.randrange(32):02}", f"indicator--{UUID(int=rng.getrandbits(128))}") for _ in range(count)]


def test_every_key_is_found_and_few_others() -> None:
    held, others = keys(20_000, 1), keys(20_000, 2)
    words = filter_of(map(hashed, held), len(held))
    assert all(may_hold(words, hashed(key)) for key in held)
    assert sum(may_hold(words, hashed(key)) for key in others) < 0.01 * len(others)
    assert len(words) * 8 == 2 * len(held)


def test_a_filter_is_read_as_it_was_written() -> None:
    words = filter_of(map(hashed, keys(100, 3)), 100)
    assert from_text(to_text(words)) == words


def test_keys_that_differ_only_in_where_the_partition_ends_are_told_apart() -> None:
    assert hashed(("a", "bc")) != hashed(("ab", "c"))


def test_a_filter_of_one_key_finds_it() -> None:
    assert may_hold(filter_of([hashed(("a", "b"))], 1), hashed(("a", "b")))
