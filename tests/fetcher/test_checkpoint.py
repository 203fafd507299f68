"""The checkpoint's transitions: what each leaves alone, and that the documents of earlier releases are read."""

import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import get_type_hints

import pytest

from mti.common.pauses import PauseState
from mti.fetcher.records.checkpoint import Fields, SourceCheckpoint
from mti.fetcher.records.checkpoint_parts import Claim, Damage, TokenMemory, Window
from tests.fetcher.world import NOW

pytestmark = pytest.mark.pure

HOUR = timedelta(hours=1)
WINDOW = Window(start=NOW - HOUR, end=NOW)
CLAIM = Claim(job="job", by="message#0", nonce="nonce", since=NOW, until=NOW + HOUR)
PAUSE = PauseState(reason="PermissionMissing", description="…", since=NOW, probed=NOW, until=NOW + HOUR)
BUSY = SourceCheckpoint(
    revision=7,
    epoch=1,
    covered_until=NOW - HOUR,
    window=WINDOW,
    token="next",
    page=3,
    tokens=TokenMemory(digest="d", power=2),
    damage=Damage(digest="broken"),
    account="contoso",
    accounts_failed=1,
    claim=CLAIM,
    resume_at=NOW,
    pause=PAUSE,
    failures=2,
)
TRANSITIONS: dict[str, Callable[[], SourceCheckpoint]] = {
    "without_job": BUSY.without_job,
    "with_account": lambda: BUSY.with_account("northwind"),
    "with_window": lambda: BUSY.with_window(WINDOW),
    "without_window": BUSY.without_window,
    "at_first_page": BUSY.at_first_page,
    "bounded": lambda: BUSY.bounded(reached=NOW),
    "claimed": lambda: BUSY.claimed(CLAIM),
    "renewed": lambda: BUSY.renewed(until=NOW + 2 * HOUR),
    "released": lambda: BUSY.released(now=NOW),
    "advanced": lambda: BUSY.advanced(token="later", tokens=TokenMemory()),
    "closed": lambda: BUSY.closed(covered_until=NOW, asked_until=None, next_due=NOW + HOUR),
    "succeeded": lambda: BUSY.succeeded(now=NOW, resume_at=None, queued_at=NOW),
    "put_off": lambda: BUSY.put_off(now=NOW, resume_at=None, damage=None),
    "waiting": lambda: BUSY.waiting(until=NOW),
    "paused": lambda: BUSY.paused(PAUSE),
    "refused": lambda: BUSY.refused(PAUSE),
    "handed_on": lambda: BUSY.handed_on("northwind", now=NOW),
    "token_refused": lambda: BUSY.token_refused(now=NOW),
    "pause_lifted": BUSY.pause_lifted,
    "reset": lambda: BUSY.reset(covered_until=None),
}
AT_FIRST_PAGE = {"with_account", "with_window", "without_window", "at_first_page", "closed", "handed_on"}
AT_FIRST_PAGE |= {"token_refused", "reset"}
GIVE_BACK = {"released", "succeeded", "put_off", "waiting", "paused", "refused", "handed_on", "token_refused", "reset"}


def test_every_transition_is_here() -> None:
    methods = inspect.getmembers(SourceCheckpoint, inspect.isfunction)
    public = {name for name, method in methods if name in vars(SourceCheckpoint) and not name.startswith("_")}
    assert public == TRANSITIONS.keys() | {"is_covered", "queued_since"}


@pytest.mark.parametrize("name", TRANSITIONS)
def test_every_transition_is_a_revision_so_that_no_job_has_the_message_id_of_another(name: str) -> None:
    assert TRANSITIONS[name]().revision > BUSY.revision


@pytest.mark.parametrize("name", TRANSITIONS)
def test_a_window_begins_with_nothing_that_was_remembered_of_an_earlier_page(name: str) -> None:
    after = TRANSITIONS[name]()
    fresh = (after.token, after.page, after.tokens, after.damage) == (None, 0, TokenMemory(), None)
    assert fresh is (name in AT_FIRST_PAGE)


@pytest.mark.parametrize("name", TRANSITIONS)
def test_what_ends_a_job_gives_the_source_back_and_nothing_else_does(name: str) -> None:
    assert (TRANSITIONS[name]().claim is None) is (name in GIVE_BACK)


def test_a_pause_that_ended_is_remembered_until_its_window_is_closed() -> None:
    further = BUSY.succeeded(now=NOW, resume_at=None, queued_at=NOW)
    assert (further.pause, further.lifted, further.accounts_failed) == (None, PAUSE, 1)
    last = BUSY.closed(covered_until=NOW, asked_until=None, next_due=NOW + HOUR)
    after = last.succeeded(now=NOW, resume_at=None, queued_at=None)
    assert (after.pause, after.lifted, after.accounts_failed) == (None, None, 0)


def test_a_transition_may_change_every_field_that_there_is_and_no_other() -> None:
    fields = get_type_hints(SourceCheckpoint)
    assert {*get_type_hints(Fields), "revision"} == {name for name in fields if name in SourceCheckpoint.model_fields}


def test_a_document_of_an_earlier_release_is_read() -> None:
    document = {
        "revision": 12,
        "epoch": 0,
        "covered_until": "2026-11-24T11:00:00Z",
        "window": {"start": "2026-11-24T10:45:00Z", "end": "2026-11-24T12:00:00Z"},
        "token": "next",
        "page": 1,
        "tokens": {"digest": "d", "power": 2, "steps": 0},
        "account": "contoso",
        "accounts_failed": 0,
        "restarted": False,
        "claim": {
            "job": "job",
            "by": "message#0",
            "nonce": "0",
            "since": "2026-11-24T12:00:00Z",
            "until": "2026-11-24T12:05:00Z",
        },
        "failures": 0,
    }
    read = SourceCheckpoint.model_validate(document)
    assert (read.revision, read.covered_until, read.token, read.account) == (12, NOW - HOUR, "next", "contoso")
    assert read.model_dump(mode="json", exclude_none=True) == document
