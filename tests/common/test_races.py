"""The one loop of compare-and-set."""

import pytest

from mti.common.errors import StoreUnavailable, WriteConflict
from mti.common.races import ATTEMPTS, until_won

pytestmark = pytest.mark.pure


async def test_a_lost_race_is_run_again() -> None:
    tries = iter(range(ATTEMPTS))

    async def attempt() -> int:
        if (number := next(tries)) < ATTEMPTS - 1:
            raise WriteConflict("lost")
        return number

    assert await until_won(attempt) == ATTEMPTS - 1


async def test_races_that_are_lost_again_and_again_end_in_the_last_conflicts_words() -> None:
    tries = 0

    async def attempt() -> None:
        nonlocal tries
        tries += 1
        raise WriteConflict(f"contoso was written by somebody else ({tries})")

    with pytest.raises(
        StoreUnavailable, match=rf"contoso was written by somebody else \({ATTEMPTS}\), {ATTEMPTS} times"
    ):
        await until_won(attempt)
    assert tries == ATTEMPTS


async def test_any_other_failure_is_not_run_again() -> None:
    tries = 0

    async def attempt() -> None:
        nonlocal tries
        tries += 1
        raise StoreUnavailable("no answer")

    with pytest.raises(StoreUnavailable, match="no answer"):
        await until_won(attempt)
    assert tries == 1
