"""What goes wrong at Mimecast, and what a user sees of it."""

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from mti.common.pauses import PauseState
from mti.common.registry.references import parse_reference
from mti.fetcher.mimecast import HttpLimits
from mti.fetcher.timetable import Run
from mti.simulators import MimecastFault, MimecastFaultKind
from mti.simulators.mimecast import Endpoint, Garbage
from tests.fetcher.world import CUSTOMER, GRID, NOW, OLD_CUSTOMER, World, world

Kind = MimecastFaultKind


def fault(kind: Kind, **fields: object) -> MimecastFault:
    return MimecastFault.model_validate({"kind": kind, "feed": CUSTOMER, **fields})


async def paused(there: World, source: str = CUSTOMER) -> PauseState:
    pause = (await there.checkpoint(source)).pause
    assert pause is not None
    assert there.queue.waiting == []
    assert there.queue.dead == []
    return pause


async def whole(there: World, source: str = CUSTOMER) -> None:
    """Everything arrived, once, and nothing is left of the trouble."""
    ids = there.topic.indicator_ids()
    assert len(set(ids)) == there.truth(source)
    checkpoint = await there.checkpoint(source)
    assert checkpoint.covered_until is not None
    assert checkpoint.covered_until >= NOW
    assert (checkpoint.pause, checkpoint.lifted, checkpoint.failures, checkpoint.token) == (None, None, 0, None)


TRANSIENT = [
    fault(Kind.HTML, page=2, status=502),
    fault(Kind.HTML, page=2, status=200),
    fault(Kind.HTML, page=2, status=403),
    fault(Kind.STATUS, page=2, status=500),
    fault(Kind.STATUS, page=2, status=503, retryable=False),
    fault(Kind.STATUS, page=2, status=409, retryable=False),
    fault(Kind.STATUS, page=2, status=400, retryable=True),
    fault(Kind.TRUNCATED, page=2),
    fault(Kind.BROKEN_OFF, page=2),
    fault(Kind.DROPPED, page=2),
    fault(Kind.HANG, page=2),
    fault(Kind.RATE_LIMITED, page=2),
    fault(Kind.RATE_LIMITED, page=2, retry_after=7),
    fault(Kind.RATE_LIMITED, page=2, reset_ms=9000),
    fault(Kind.FAIL, page=2, retryable=True),
    fault(Kind.FAIL, page=2, form="flat_fail"),
    fault(Kind.FAIL, page=2, form="flat_error"),
    fault(Kind.UNAUTHORIZED, page=2),
    MimecastFault(kind=Kind.HTML, endpoint=Endpoint.OAUTH, status=502),
    MimecastFault(kind=Kind.RATE_LIMITED, endpoint=Endpoint.OAUTH, retry_after=3),
    MimecastFault(kind=Kind.DROPPED, endpoint=Endpoint.OAUTH),
]


def named(rule: MimecastFault) -> str:
    return "-".join(str(part) for part in (rule.kind, rule.status or "", rule.form if rule.kind == "fail" else ""))


@pytest.mark.parametrize("compress", [True, False], ids=["zip", "plain"])
@pytest.mark.parametrize("rule", TRANSIENT, ids=named)
async def test_a_passing_failure_is_tried_again_and_loses_nothing(
    tmp_path: Path, rule: MimecastFault, compress: bool
) -> None:
    async with world(tmp_path, rule, compress=compress) as there:
        await there.fetch()
        await whole(there)
        assert await there.ledger() == there.truth()
        assert there.mimecast.faults.struck[rule.name or "fault-1"] == 1


@pytest.mark.parametrize(("told", "seconds"), [({"retry_after": 700}, 700), ({"reset_ms": 65_000}, 65)])
async def test_what_mimecast_says_about_waiting_is_obeyed(tmp_path: Path, told: dict[str, int], seconds: int) -> None:
    async with world(tmp_path, fault(Kind.RATE_LIMITED, **told)) as there:
        await there.fetch()
        assert timedelta(seconds=seconds) <= there.clock.now() - NOW < timedelta(seconds=seconds + 10)
        await whole(there)


@pytest.mark.parametrize(
    ("rule", "reason", "word"),
    [
        (fault(Kind.STATUS, status=403, retryable=False), "PermissionMissing", "Tracking | Read"),
        (fault(Kind.STATUS, status=404, retryable=False), "FeedNotFound", "base_url"),
        (fault(Kind.STATUS, status=400, retryable=False), "RequestRefused", "API application"),
        (fault(Kind.STATUS, status=401, retryable=False, times=2), "CredentialsRefused", "tenants file"),
        (fault(Kind.STATUS, status=418, retryable=False), "BindingExpired", "access key"),
        (fault(Kind.FAIL, retryable=False), "RequestRefused", "err_threat_intel_feed_failure"),
    ],
    ids=str,
)
async def test_what_a_person_must_mend_pauses_the_source_and_says_how(
    tmp_path: Path, rule: MimecastFault, reason: str, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(tmp_path, rule) as there:
        await there.fetch()
        pause = await paused(there)
        assert pause.reason == reason
        assert CUSTOMER in pause.description
        assert "account of contoso" in pause.description
        assert word in pause.description
        assert [entry.levelname for entry in caplog.records if entry.message == "a source is paused"] == ["WARNING"]
        there.clock.time = pause.until
        with caplog.at_level(logging.INFO):
            await there.fetch()
        await whole(there)
        lifted = [entry for entry in caplog.records if entry.message == "a source is fetched again after a pause"]
        assert len(lifted) == 1


async def test_eight_retries_in_vain_pause_the_source_with_the_last_reason(tmp_path: Path) -> None:
    async with world(tmp_path, fault(Kind.HTML, status=502, times=None)) as there:
        await there.fetch()
        pause = await paused(there)
        assert pause.reason == "MimecastUnavailable"
        assert len(there.calls()) == 9
        assert (await there.checkpoint()).covered_until is None
        there.mimecast.faults.clear()
        there.clock.time = pause.until
        await there.fetch()
        await whole(there)


async def test_a_pause_grows_from_probe_to_probe(tmp_path: Path) -> None:
    async with world(tmp_path, fault(Kind.STATUS, status=403, retryable=False, times=None)) as there:
        waits = []
        for _ in range(5):
            await there.fetch()
            pause = await paused(there)
            waits.append(pause.until - pause.probed)
            there.clock.time = pause.until
        assert waits[-1] > 4 * waits[0]
        last = await paused(there)
        assert last.since == NOW
        assert last.attempts == 5


async def test_a_paused_source_is_left_alone_until_its_probe(tmp_path: Path) -> None:
    async with world(tmp_path, fault(Kind.STATUS, status=403, retryable=False)) as there:
        await there.fetch()
        asked = len(there.calls())
        await there.fetch()
        assert len(there.calls()) == asked
        there.run = Run(started=NOW + timedelta(microseconds=1))
        there.clock.turn(seconds=1)
        await there.fetch()
        await whole(there)


async def test_a_refused_secret_is_read_again_before_anything_pauses(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        there.environ["CONTOSO_SECRET"] = "an old one"
        await there.secrets.resolve(parse_reference("env:CONTOSO_SECRET"))
        there.environ["CONTOSO_SECRET"] = "contoso-secret"
        await there.fetch()
        await whole(there)


async def test_wrong_credentials_pause_and_are_not_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with world(tmp_path) as there:
        there.environ["CONTOSO_SECRET"] = "not-the-secret"
        await there.fetch()
        pause = await paused(there)
        assert pause.reason == "CredentialsRefused"
        assert "not-the-secret" not in caplog.text + pause.description
        assert there.mimecast.journal.statuses["oauth 401"] == 1


async def test_a_secret_that_is_not_there_pauses_and_names_the_tenant(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        del there.environ["CONTOSO_SECRET"]
        await there.fetch()
        pause = await paused(there)
        assert pause.reason == "SecretUnavailable"
        assert "contoso" in pause.description
        assert "CONTOSO_SECRET" in pause.description


class TestBinding:
    async def test_an_expired_binding_is_renewed_and_the_new_keys_are_used_from_then_on(self, tmp_path: Path) -> None:
        async with world(tmp_path, new_keys_on_login=True) as there:
            there.mimecast.expire_binding("fabrikam")
            await there.fetch(OLD_CUSTOMER)
            await whole(there, OLD_CUSTOMER)
            assert there.mimecast.journal.statuses["login 200"] == 1
            assert there.mimecast.journal.statuses["get-feed 418"] == 1
            there.clock.turn(minutes=6)
            await there.fetch(OLD_CUSTOMER)
            assert there.mimecast.journal.statuses["get-feed 418"] == 1

    async def test_without_a_password_it_pauses_with_the_cure(self, tmp_path: Path) -> None:
        async with world(tmp_path) as there:
            secrets = there.registry.sources[OLD_CUSTOMER].accounts[0].secrets
            for name in ("email", "password"):
                del secrets[name]  # type: ignore[attr-defined]
            there.mimecast.expire_binding("fabrikam")
            await there.fetch(OLD_CUSTOMER)
            pause = await paused(there, OLD_CUSTOMER)
            assert pause.reason == "BindingExpired"
            assert "email and password" in pause.description

    async def test_a_password_that_is_refused_pauses(self, tmp_path: Path) -> None:
        async with world(tmp_path) as there:
            there.environ["FABRIKAM_PASSWORD"] = "old password"
            there.mimecast.expire_binding("fabrikam")
            await there.fetch(OLD_CUSTOMER)
            pause = await paused(there, OLD_CUSTOMER)
            assert pause.reason == "BindingExpired"
            assert "old password" not in pause.description
            there.environ["FABRIKAM_PASSWORD"] = "pass:word"
            there.clock.turn(minutes=6)
            await there.fetch(OLD_CUSTOMER)
            await whole(there, OLD_CUSTOMER)

    async def test_a_rotated_password_is_read_again_before_the_login_is_given_up(self, tmp_path: Path) -> None:
        async with world(tmp_path) as there:
            await there.secrets.resolve(
                parse_reference("env:FABRIKAM_PASSWORD")
            )  # it is in memory, as after an earlier login
            there.mimecast.rotate("fabrikam", password="another")
            there.environ["FABRIKAM_PASSWORD"] = "another"
            there.mimecast.expire_binding("fabrikam")
            await there.fetch(OLD_CUSTOMER)
            await whole(there, OLD_CUSTOMER)
            assert there.mimecast.journal.statuses["login 401"] == 1

    async def test_a_secret_key_that_is_not_base64_pauses(self, tmp_path: Path) -> None:
        async with world(tmp_path) as there:
            there.environ["FABRIKAM_SECRET_KEY"] = "no base64 at all!"
            await there.fetch(OLD_CUSTOMER)
            pause = await paused(there, OLD_CUSTOMER)
            assert pause.reason == "CredentialsMalformed"
            assert "no base64" not in pause.description


class TestTokens:
    async def test_a_token_that_repeats_stops_the_window(self, tmp_path: Path) -> None:
        async with world(tmp_path, fault(Kind.TOKEN_LOOP, page=2, times=None)) as there:
            await there.fetch()
            pause = await paused(there)
            assert pause.reason == "TokenLoop"
            assert there.calls() == [1, 2]
            assert len(there.topic.indicator_ids()) == 40, "its page is published all the same"
            checkpoint = await there.checkpoint()
            assert checkpoint.token is None
            assert checkpoint.window is not None
            there.mimecast.faults.clear()
            there.clock.time = pause.until
            await there.fetch()
            await whole(there)

    async def test_a_loop_that_goes_on_is_probed_less_and_less(self, tmp_path: Path) -> None:
        async with world(tmp_path, fault(Kind.TOKEN_LOOP, page=2, times=None)) as there:
            for number in range(1, 5):
                await there.fetch()
                pause = await paused(there)
                assert pause.attempts == number
                there.clock.time = pause.until

    async def test_a_token_that_disappears_closes_the_window(self, tmp_path: Path) -> None:
        async with world(tmp_path, fault(Kind.TOKEN_VANISHES, page=2)) as there:
            checkpoint = await there.fetch()
            assert there.calls() == [1, 2]
            assert checkpoint.covered_until == NOW

    async def test_a_token_that_is_refused_begins_the_window_anew_once(self, tmp_path: Path) -> None:
        rule = fault(Kind.STATUS, page=2, status=400, retryable=False)
        async with world(tmp_path, rule) as there:
            await there.fetch()
            assert there.calls() == [1, 2, 1, 2, 3]
            await whole(there)
            assert await there.ledger() == there.truth()

    async def test_a_token_that_is_refused_twice_pauses(self, tmp_path: Path) -> None:
        rule = fault(Kind.FAIL, page=2, retryable=False, times=2)
        async with world(tmp_path, rule) as there:
            await there.fetch()
            pause = await paused(there)
            assert pause.reason == "TokenRefused"
            assert there.calls() == [1, 2, 1, 2]
            there.clock.time = pause.until
            await there.fetch()
            await whole(there)

    async def test_no_token_is_logged(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        rules = [fault(Kind.STATUS, page=2, status=400, retryable=False, times=2)]
        with caplog.at_level(logging.DEBUG, "mti"):
            async with world(tmp_path, *rules) as there:
                await there.fetch()
                tokens = there.mimecast._endpoint._tokens._cursors
                assert tokens
                assert not any(token in caplog.text for token in tokens)


class TestSharedSources:
    async def test_the_next_account_takes_over_when_one_fails(self, tmp_path: Path) -> None:
        async with world(tmp_path) as there:
            there.environ["CONTOSO_SECRET"] = "wrong"
            await there.fetch(GRID)
            await whole(there, GRID)
            assert (await there.checkpoint(GRID)).account == "northwind"
            there.clock.turn(minutes=6)
            await there.fetch(GRID)
            assert there.mimecast.journal.statuses["oauth 401"] == 1, "it stays with the one that works"

    async def test_a_window_begins_anew_with_another_account(self, tmp_path: Path) -> None:
        rule = MimecastFault(
            kind=Kind.STATUS, account="contoso", feed=GRID, page=2, status=403, retryable=False, times=None
        )
        async with world(tmp_path, rule) as there:
            await there.fetch(GRID)
            assert [call.account for call in there.mimecast.journal.calls] == ["contoso"] * 2 + ["northwind"] * 3
            assert there.calls(GRID) == [1, 2, 1, 2, 3]
            await whole(there, GRID)
            assert await there.ledger(GRID) == there.truth(GRID)

    async def test_it_pauses_when_all_accounts_fail_in_a_row(self, tmp_path: Path) -> None:
        rule = MimecastFault(kind=Kind.STATUS, feed=GRID, status=403, retryable=False, times=2)
        async with world(tmp_path, rule) as there:
            await there.fetch(GRID)
            pause = await paused(there, GRID)
            assert pause.reason == "PermissionMissing"
            assert "all 2 accounts" in pause.description
            there.clock.time = pause.until
            await there.fetch(GRID)
            await whole(there, GRID)

    async def test_an_account_that_left_is_replaced_in_the_middle_of_a_window(self, tmp_path: Path) -> None:
        async with world(tmp_path) as there:
            there.environ["CONTOSO_SECRET"] = "wrong"
            await there.queue.send([])
            handler = there.handler()
            await there.schedule().run_once()
            while (await there.checkpoint(GRID)).token is None:
                await there.step(handler)
            source = there.registry.sources[GRID]
            there.environ["CONTOSO_SECRET"] = "contoso-secret"
            there.registry.sources[GRID] = type(source)(  # type: ignore[index]
                id=GRID, feed=source.feed, region="eu", accounts=source.accounts[:1]
            )
            await there.drain()
            await there.fetch(GRID)
            assert await there.ledger(GRID) == there.truth(GRID)
            assert (await there.checkpoint(GRID)).account == "contoso"


class TestBounds:
    async def test_a_bomb_is_refused_without_being_unpacked(self, tmp_path: Path) -> None:
        bomb = fault(Kind.ZIP_BOMB, size=64 * 1024 * 1024)
        async with world(tmp_path, bomb, limits=HttpLimits(read_seconds=20)) as there:
            await there.fetch()
            pause = await paused(there)
            assert pause.reason == "PageTooLarge"
            there.clock.time = pause.until
            await there.fetch()
            await whole(there)

    async def test_a_page_beyond_the_bounds_pauses_and_names_the_setting(self, tmp_path: Path) -> None:
        limits = HttpLimits(read_seconds=2, response_bytes=1000)
        async with world(tmp_path, limits=limits) as there:
            await there.fetch()
            pause = await paused(there)
            assert pause.reason == "PageTooLarge"
            assert "MTI_MIMECAST_RESPONSE_LIMIT" in pause.description

    async def test_an_archive_beyond_the_bounds_pauses_and_names_the_setting(self, tmp_path: Path) -> None:
        limits = HttpLimits(read_seconds=2, unpacked_bytes=1000)
        async with world(tmp_path, limits=limits) as there:
            await there.fetch()
            pause = await paused(there)
            assert pause.reason == "PageTooLarge"
            assert "MTI_MIMECAST_UNPACKED_LIMIT" in pause.description

    async def test_garbage_among_the_detections_is_passed_on_for_the_books(self, tmp_path: Path) -> None:
        async with world(tmp_path, fault(Kind.GARBAGE, page=1, garbage=list(Garbage))) as there:
            await there.fetch()
            counts = there.mimecast.journal.by_feed[CUSTOMER]
            garbage = sum(count for name, count in counts.items() if name.startswith("garbage "))
            assert garbage > 0
            assert await there.ledger() == there.truth() + garbage
