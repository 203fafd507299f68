"""A publisher whose clock is wrong: nothing waits longer for it, nothing is sent twice, and people are told."""

from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import orjson
import pytest

from mti.common.adapters.secrets import ReferenceResolver
from mti.common.clock_check import ClockCheck
from mti.common.errors import Pause
from mti.common.ports.settlement import Park
from mti.common.registry import SentinelAuth
from mti.common.registry.references import parse_reference
from mti.publisher.sentinel import Tokens
from mti.simulators.sentinel import SentinelEndpoint, SentinelFault, SentinelFaultKind
from tests.publisher.certificates import self_signed
from tests.publisher.world import CONTOSO, World, completed, destination, hash_of, indicator, message, world
from tests.support.recorded import recorded, series

SECOND = timedelta(seconds=1)
WRONG = [timedelta(hours=6), timedelta(days=400), -timedelta(hours=6), -timedelta(days=400)]
NOT_IN_TIME = {"error": "invalid_client", "error_description": "AADSTS700024: Client assertion is not within its time"}


@pytest.mark.parametrize("ahead", WRONG, ids=str)
async def test_what_comes_is_delivered_and_the_wrong_clock_is_said_until_it_is_right(
    there: World, ahead: timedelta, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    publisher = there.publisher()
    there.machine.ahead = ahead
    with recorded() as measured:
        assert completed(await publisher([message(indicator("a"))]))
    points = measured.points("mti.clock.ahead")
    for server in ("sentinel", "entra"):
        assert abs(points[series(mti_api=server)] - ahead.total_seconds()) <= 5
        assert [server.capitalize() in record.getMessage() for record in caplog.records].count(True) == 1
    note = (await there.checkpoint()).clock
    assert note is not None
    assert abs(note.ahead - ahead) <= 5 * SECOND
    assert abs(note.at - there.clock.now()) <= 5 * SECOND
    there.machine.ahead = timedelta()
    there.clock.turn(minutes=11)
    assert completed(await publisher([message(indicator("b"))]))
    assert (await there.checkpoint()).clock is None
    assert "this machine's clock is Sentinel's again" in [record.getMessage() for record in caplog.records]
    assert there.holds() == {hash_of("a"), hash_of("b")}


@pytest.mark.parametrize("ahead", WRONG, ids=str)
async def test_a_pause_lasts_as_long_as_ever_and_not_until_a_time_that_never_comes(
    there: World, ahead: timedelta
) -> None:
    there.machine.ahead = ahead
    publisher = there.publisher()
    there.faults(SentinelFault(kind=SentinelFaultKind.STATUS, status=403, times=None))
    [outcome] = await publisher([message(indicator("a"))])
    assert isinstance(outcome, Park)
    assert outcome.delay <= timedelta(seconds=40)
    pause = (await there.checkpoint()).pause
    assert pause is not None
    assert pause.reason == "RoleMissing", "a wrong clock is not what keeps it from uploading"
    requests = (await there.checkpoint()).counts.requests
    [outcome] = await publisher([message(indicator("b"))])
    assert isinstance(outcome, Park)
    assert (await there.checkpoint()).counts.requests == requests, "the pause holds"
    there.sentinel.faults.clear()
    there.machine.ahead = timedelta()
    assert completed(await publisher([message(indicator("a"))])), "who has a right clock does not wait for a wrong one"


@pytest.mark.parametrize("ahead", WRONG, ids=str)
async def test_a_date_to_wait_for_is_by_the_clock_of_who_says_it(there: World, ahead: timedelta) -> None:
    there.machine.ahead = ahead
    until = format_datetime(there.clock.now() + timedelta(seconds=50), usegmt=True)
    there.faults(
        SentinelFault.model_validate(
            {"kind": "raw", "status": 429, "headers": {"Retry-After": until}, "body": "", "times": 1}
        )
    )
    assert completed(await there.publisher()([message(indicator("a"))]))
    assert 48 <= sum(there.clock.slept) <= 54


@pytest.mark.parametrize("ahead", WRONG, ids=str)
async def test_how_long_the_books_are_kept_does_not_hang_on_the_clock(tmp_path: Path, ahead: timedelta) -> None:
    async with world(tmp_path) as there:
        there.machine.ahead = ahead
        publisher = there.publisher()
        lasting = indicator("a", validity=timedelta(days=200))
        assert completed(await publisher([message(lasting)]))
        there.clock.turn(days=150)
        assert completed(await publisher([message(lasting)]))
        counts = (await there.checkpoint()).counts
        assert (counts.accepted, counts.held) == (1, 1), "what it holds is not forgotten, nor billed again"


@pytest.mark.parametrize(
    ("auth", "ahead", "reason"),
    [
        (SentinelAuth.CERTIFICATE, timedelta(hours=1), "ClockSkew"),
        (SentinelAuth.CERTIFICATE, -timedelta(hours=1), "ClockSkew"),
        (SentinelAuth.CERTIFICATE, timedelta(), "CredentialsRefused"),
        (SentinelAuth.CLIENT_SECRET, timedelta(hours=1), "CredentialsRefused"),
    ],
)
async def test_the_clock_is_blamed_for_what_a_certificate_signed_by_it_and_for_no_secret(
    there: World, auth: SentinelAuth, ahead: timedelta, reason: str
) -> None:
    there.machine.ahead = ahead
    there.faults(
        SentinelFault.model_validate(
            {
                "kind": "raw",
                "endpoint": SentinelEndpoint.TOKEN,
                "status": 401,
                "body": orjson.dumps(NOT_IN_TIME).decode(),
                "headers": {"Content-Type": "application/json"},
                "times": None,
            }
        )
    )
    fields = {"auth": auth, "certificate": parse_reference("env:PEM")}
    environ = {**there.environ, "PEM": self_signed("publisher")}
    resolver = ReferenceResolver(environ=environ, clock=there.clock)
    found = Tokens(destination(CONTOSO, there.sentinel.base_url, **fields), resolver, ClockCheck(there.machine))
    with pytest.raises(Pause) as caught:
        await found.token()
    await found.close()
    assert caught.value.reason == reason
    if reason == "ClockSkew":
        assert "NTP" in caught.value.description
        assert CONTOSO in caught.value.description
        assert "AADSTS700024" in caught.value.description
