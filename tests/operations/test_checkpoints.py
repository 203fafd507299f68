from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mti.common.adapters.packed import packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.errors import ConfigurationError
from mti.common.pauses import PauseState
from mti.common.registry import Source
from mti.fetcher.records import Claim, SourceCheckpoint, TokenMemory, Window, source_checkpoints
from mti.fetcher.timetable import Run, needs_job
from mti.fetcher.windows import with_open_window
from mti.operations.checkpoints import reset, set_back, show
from mti.operations.stores import Stores
from tests.normalizer.world import CUSTOMER, NOW, registry

pytestmark = pytest.mark.pure

SOURCE: Source = registry().sources[CUSTOMER]
HOUR = timedelta(hours=1)
BUSY = SourceCheckpoint(
    revision=7,
    epoch=1,
    covered_until=NOW - HOUR,
    window=Window(start=NOW - HOUR, end=NOW),
    token="next",
    page=3,
    claim=Claim(job="j", by="m#0", nonce="n", since=NOW, until=NOW + HOUR),
    queued_at=NOW,
    next_due=NOW + HOUR,
)


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    found = Stores(*(packed(SqliteStore(tmp_path / f"{name}.db")) for name in ("fetcher", "normalizer", "publisher")))
    yield found
    await found.close()


def test_the_next_window_starts_at_the_time_that_was_asked_for() -> None:
    after = with_open_window(set_back(BUSY, SOURCE, NOW - 5 * HOUR, NOW), SOURCE, NOW)
    assert after.window == Window(start=NOW - 5 * HOUR, end=NOW)
    assert (after.token, after.page, after.epoch) == (None, 0, 2)


def test_without_a_time_the_source_is_fetched_by_its_look_back() -> None:
    after = with_open_window(set_back(BUSY, SOURCE, None, NOW), SOURCE, NOW)
    assert after.window == Window(start=NOW - SOURCE.lookback, end=NOW)


def test_a_source_that_was_set_back_gets_a_job_at_once_under_a_name_of_its_own() -> None:
    after = set_back(BUSY, SOURCE, None, NOW)
    assert needs_job(after, NOW, Run())
    assert after.revision > BUSY.revision


def test_a_pause_outlives_a_reset() -> None:
    pause = PauseState(reason="CredentialsRefused", description="…", since=NOW, probed=NOW, until=NOW + HOUR)
    assert set_back(BUSY.model_copy(update={"pause": pause}), SOURCE, None, NOW).pause == pause


def test_a_time_in_the_future_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="in the future"):
        set_back(BUSY, SOURCE, NOW + HOUR, NOW)


def test_what_is_covered_never_reaches_beyond_now() -> None:
    after = set_back(BUSY, SOURCE, NOW, NOW)
    assert after.covered_until == NOW


async def test_a_job_that_has_the_source_in_hand_loses_to_the_reset(stores: Stores) -> None:
    checkpoints = source_checkpoints(stores.fetcher.container("checkpoints"))
    in_hand = await checkpoints.save((await checkpoints.load(CUSTOMER, SourceCheckpoint())).with_value(BUSY))
    done = await reset(stores, SOURCE, None, NOW)
    assert (done.epoch, done.before.token) == (2, "next")
    with pytest.raises(Exception, match="is not what was read"):
        await checkpoints.save(in_hand.with_value(BUSY.advanced(token="later", tokens=TokenMemory())))
    assert (await checkpoints.load(CUSTOMER, SourceCheckpoint())).value.window is None


async def test_checkpoints_are_shown_by_source_or_by_workspace(stores: Stores) -> None:
    await reset(stores, SOURCE, None, NOW)
    assert list((await show(stores)).sources) == [CUSTOMER]
    assert (await show(stores, source=CUSTOMER)).sources[CUSTOMER].fetcher.epoch == 1
    with pytest.raises(ConfigurationError, match="no checkpoint of a workspace 'x'"):
        await show(stores, destination="x")


async def test_a_source_that_was_never_fetched_can_be_set_to_a_time(stores: Stores) -> None:
    to = datetime(2026, 11, 1, tzinfo=UTC)
    done = await reset(stores, SOURCE, to, NOW)
    assert (done.fetches_from, done.epoch) == (to, 1)
