"""Who does not answer holds a part of the jobs, and nobody else."""

import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from mti.common.errors import Pause, Retry
from mti.common.feeds import FeedFormat
from mti.common.registry.model import MimecastAccount, MimecastApi
from mti.fetcher import consequences
from mti.fetcher.mimecast import HttpLimits, MimecastClients, NoAnswer
from mti.fetcher.records.checkpoint import SourceCheckpoint
from mti.fetcher.silence import AGAIN, BRIEF, IN_A_ROW, OVERDUE, PROBES, NotAsked, Silences
from tests.fetcher.world import TurnedClock, world

TIME_OUT = 10.0


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def account(tenant: str, region: str = "eu") -> MimecastAccount:
    return MimecastAccount(
        tenant=tenant, api=MimecastApi.V2, region=region, base_url=f"https://{region}.example", format=FeedFormat.CSV
    )


class World:
    def __init__(self, jobs: int = 16) -> None:
        self.clock = Clock()
        self.silences = Silences(jobs, self.clock, random.Random(3))

    def call(self, tenant: str, region: str = "eu") -> AbstractContextManager[None]:
        return self.silences.call(f"{tenant}/malware_customer", account(tenant, region))

    def answer(self, tenant: str, region: str = "eu", error: Exception | None = None) -> None:
        with suppressed(), self.call(tenant, region):
            if error is not None:
                raise error

    def no_answer(self, tenant: str, region: str = "eu", seconds: float = TIME_OUT) -> None:
        with suppressed(), self.call(tenant, region):
            self.clock.seconds += seconds
            raise NoAnswer("MimecastUnavailable", "nobody there")

    def wait_of(self, tenant: str, region: str = "eu") -> timedelta | None:
        try:
            self.answer(tenant, region)
        except NotAsked as error:
            return error.delay
        return None


@contextmanager
def suppressed() -> Iterator[None]:
    try:
        yield
    except NotAsked:
        raise
    except (Retry, Pause):
        return


@pytest.fixture
def there() -> World:
    return World()


def silence(there: World, region: str = "eu") -> None:
    for number in range(IN_A_ROW):
        there.no_answer(f"lost-{number}", region)


def test_a_host_that_answers_nobody_is_left_alone_and_other_hosts_are_not(there: World) -> None:
    silence(there)
    delay = there.wait_of("contoso")
    assert delay is not None
    assert delay < PROBES.longest + timedelta(seconds=10)
    assert there.wait_of("fabrikam", "us") is None


def test_the_words_name_the_source_the_tenant_the_host_and_what_to_do(there: World) -> None:
    silence(there)
    with pytest.raises(NotAsked) as caught, there.call("contoso"):
        pass
    assert caught.value.reason == "MimecastSilent"
    for word in ("contoso/malware_customer", "account of contoso", "https://eu.example", "status page"):
        assert word in caught.value.description


def test_one_call_at_a_time_probes_a_silent_host(there: World) -> None:
    silence(there)
    there.clock.seconds += PROBES.longest.total_seconds()
    with there.call("contoso"):
        assert there.wait_of("fabrikam") is not None
    assert there.wait_of("fabrikam") is None


def test_a_probe_in_vain_keeps_the_host_alone_for_longer(there: World) -> None:
    silence(there)
    for number in range(6):
        there.clock.seconds += PROBES.longest.total_seconds()
        there.no_answer(f"probe-{number}")
        assert there.wait_of("contoso") is not None


@pytest.mark.parametrize("error", [None, Retry("MimecastRateLimited", "429"), Pause("CredentialsRefused", "401")])
def test_any_answer_whatever_it_says_ends_the_silence(there: World, error: Exception | None) -> None:
    silence(there)
    there.clock.seconds += PROBES.longest.total_seconds()
    there.answer("contoso", error=error)
    assert there.wait_of("fabrikam") is None


def test_a_secret_that_can_not_be_read_is_no_answer(there: World) -> None:
    silence(there)
    there.clock.seconds += PROBES.longest.total_seconds()
    there.answer("contoso", error=Pause("SecretUnavailable", "no such variable"))
    assert there.wait_of("fabrikam") is not None


def test_failures_that_come_at_once_hold_nobody_up_and_do_not_count(there: World) -> None:
    for number in range(9):
        there.no_answer(f"refused-{number}", seconds=BRIEF / 2)
    assert there.wait_of("contoso") is None


def test_answers_in_between_say_that_it_is_not_the_host(there: World) -> None:
    for number in range(9):
        there.no_answer(f"hanging-{number}", seconds=60)
        there.answer("contoso")
    assert there.wait_of("contoso") is None


def test_one_account_that_hangs_again_and_again_does_not_hold_its_neighbours_back(there: World) -> None:
    for _ in range(9):
        there.no_answer("hanging", seconds=60)
    assert there.wait_of("contoso") is None
    with there.call("hanging"):
        there.clock.seconds += 50
        assert there.wait_of("contoso") is None


def test_a_host_that_lets_a_quarter_of_the_jobs_wait_gets_no_more_of_them(there: World) -> None:
    with ExitStack() as under_way:
        for number in range(4):
            under_way.enter_context(there.call(f"waiting-{number}"))
        assert there.wait_of("early") is None
        for number in range(4):
            under_way.enter_context(there.call(f"again-{number}"))
        there.clock.seconds += OVERDUE + 1
        assert there.wait_of("late") is not None
        assert there.wait_of("elsewhere", "us") is None


def test_accounts_that_were_silent_share_a_quarter_of_the_jobs(there: World) -> None:
    hanging = [(f"hanging-{number}", f"region-{number}") for number in range(6)]
    for tenant, region in hanging:
        there.no_answer(tenant, region, seconds=60)
    with ExitStack() as under_way:
        for tenant, region in hanging[:4]:
            under_way.enter_context(there.call(tenant, region))
        delay = there.wait_of(*hanging[4])
        assert delay is not None
        assert delay >= AGAIN
        assert there.wait_of("contoso") is None
    assert there.wait_of(*hanging[4]) is None


def test_a_place_among_the_silent_is_given_back_however_the_call_ends() -> None:
    there = World(jobs=4)
    there.no_answer("hanging", seconds=60)
    for _ in range(5):
        there.no_answer("hanging", seconds=60)
        with pytest.raises(KeyError), there.call("hanging"):
            raise KeyError
        there.no_answer("hanging", seconds=60)
    assert there.wait_of("hanging") is None


class Gone(httpx.AsyncBaseTransport):
    """A host that takes no connection, at the price of a time-out."""

    def __init__(self, clock: TurnedClock) -> None:
        self.clock = clock
        self.asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        self.clock.turn(seconds=TIME_OUT)
        raise httpx.ConnectTimeout("nobody there", request=request)


async def test_the_sources_of_a_region_that_is_gone_wait_and_are_paused_and_hold_few_calls(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(tmp_path) as there:
        gone = Gone(there.clock)
        clients = MimecastClients(there.secrets, there.clock, random.Random(1), HttpLimits(), gone)
        handler = there.handler(clients=clients)
        await there.schedule().run_once()
        steps = 0
        while await there.step(handler):
            steps += 1
            assert steps < 200
        for source in there.registry.sources:
            pause = (await there.checkpoint(source)).pause
            assert pause is not None
            assert pause.reason in {"MimecastSilent", "MimecastUnavailable"}
            assert source in pause.description
        said = [entry for entry in caplog.records if entry.message == "a source is paused"]
        assert len(said) == len(there.registry.sources)
        asked = gone.asked
        there.clock.turn(minutes=31)
        await there.schedule().run_once()
        while await there.step(handler):
            pass
        assert gone.asked - asked <= len(there.registry.sources)


def test_an_account_that_was_not_asked_is_not_blamed_and_is_soon_there_when_the_host_is_back() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    checkpoint = SourceCheckpoint(account="contoso", token="next", page=3)
    for _ in range(12):
        checkpoint = consequences.not_asked(
            checkpoint, NotAsked("nobody there", timedelta(seconds=20)), now, random.Random(1)
        )
        assert checkpoint.pause is not None
        assert timedelta(seconds=20) <= checkpoint.pause.until - now <= timedelta(minutes=5)
    assert (checkpoint.account, checkpoint.accounts_failed, checkpoint.token, checkpoint.page) == (
        "contoso",
        0,
        "next",
        3,
    )
