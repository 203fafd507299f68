"""Whatever an authority or Sentinel answers, it is their fault: the destination waits, and no message is blamed."""

import logging
import random
from datetime import timedelta

import httpx
import pytest

from mti.common.ports.settlement import Park
from mti.common.registry import Destination
from mti.publisher.retrying import Attempts, RetryingClient
from mti.publisher.sentinel import SentinelClient
from mti.publisher.uploader import Uploader
from mti.simulators.sentinel import SentinelEndpoint, SentinelFault, SentinelFaultKind
from tests.publisher.world import SECRET, World, completed, indicator, message, messages_of, reasons, run_until_settled

ODD_TOKENS = [
    "5",
    "[]",
    "null",
    '"text"',
    "true",
    "{}",
    "",
    "<html>",
    "[" * 5000,
    '{"access_token":"abc"}',
    '{"access_token":"abc","expires_in":null}',
    '{"access_token":"abc","expires_in":[1]}',
    '{"access_token":"abc","expires_in":{}}',
    '{"access_token":"abc","expires_in":"soon"}',
    '{"access_token":"abc","expires_in":NaN}',
    '{"access_token":"abc","expires_in":1e999}',
    '{"access_token":"abc","expires_in":' + "9" * 5000 + "}",
    '{"expires_in":3599}',
    '{"access_token":null,"expires_in":3599}',
    '{"access_token":5,"expires_in":3599}',
    '{"access_token":[],"expires_in":3599}',
    '{"access_token":"","expires_in":3599}',
    '{"access_token":"t\\u00f6ken-value","expires_in":3599}',
    '{"access_token":"token-value\\n","expires_in":3599}',
    '{"access_token":"token-value\\r\\nX-Evil: 1","expires_in":3599}',
    '{"access_token":"token value","expires_in":3599}',
    '{"access_token":"\\ud800","expires_in":3599}',
    '{"access_token":"token-value\\u0000","expires_in":3599}',
    '{"access_token":"abc","expires_in":3599,"refresh_in":"x"}',
    '{"access_token":"abc","expires_in":3599,"id_token":"a.b.c","client_info":"!"}',
]


@pytest.mark.parametrize("body", ODD_TOKENS, ids=lambda body: body[:60])
async def test_an_odd_token_answer_makes_messages_wait(
    there: World, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    there.attempts = Attempts(healthy=2)
    odd = SentinelFault(
        name="odd", endpoint=SentinelEndpoint.TOKEN, kind=SentinelFaultKind.RAW, status=200, body=body, times=None
    )
    there.faults(odd)
    publisher = there.publisher()
    with caplog.at_level(logging.DEBUG):
        outcomes = await publisher(messages_of(["a", "b"], 1))
    assert reasons(outcomes) == ["Park", "Park"]
    pause = (await there.checkpoint()).pause
    assert pause is not None
    assert "contoso" in pause.description
    said = pause.description + "".join(str(record.__dict__) for record in caplog.records if record.name[:3] == "mti")
    assert "token-value" not in said
    assert SECRET not in said
    there.sentinel.faults.remove("odd")
    assert completed((await run_until_settled(there, publisher, messages_of(["a", "b"], 1))).values())


@pytest.mark.parametrize("seconds", ["-5", "0", "999999999999", "1e3", "3599.5", '"3599"'])
async def test_a_token_with_an_odd_life_does_no_harm(there: World, seconds: str) -> None:
    there.attempts = Attempts(healthy=2)
    there.faults(
        SentinelFault(
            endpoint=SentinelEndpoint.TOKEN,
            kind=SentinelFaultKind.RAW,
            status=200,
            body=f'{{"access_token":"unknown-here","token_type":"Bearer","expires_in":{seconds}}}',
            times=1,
        )
    )
    # The token is refused; a fresh one is good.
    assert completed(await there.publisher()([message(indicator("a"))]))


ODD_HEADERS = [
    {"Location": "http://[bad"},
    {"Location": "http://[::1"},
    {"Location": "http://host:99999999/"},
    {"Location": "//\u007f"},
    {"Location": "x" * 7000},
    {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"},
    {"Retry-After": "Fri, 31 Dec 9999 23:59:59 -2359"},
    {"Retry-After": "Mon, 01 Jan 0001 00:00:00 +2359"},
    {"Retry-After": "Tue, 24 Nov 2026 12:00:45 +9999999999999999999999"},
    {"Retry-After": "Tue, 24 Nov 2026 21:00:00 GMT"},
    {"Retry-After": "999999"},
    {"Retry-After": "9" * 5000},
    {"Retry-After": "-1"},
    {"Retry-After": "NaN"},
    {"Retry-After": "\u0665"},
    {"Date": "Fri, 99 Foo 99999 99:99:99 XXX"},
    {"Set-Cookie": "a=b; expires=Fri, 31 Dec 99999 23:59:59 GMT; max-age=x; domain=[", "Date": ""},
    {"Content-Type": "text/html; charset=no-such-charset"},
    {"Content-Type": ";;;"},
]


@pytest.mark.parametrize("status", [302, 307, 429, 503])
@pytest.mark.parametrize("headers", ODD_HEADERS, ids=lambda headers: str(headers)[:60])
async def test_odd_headers_make_messages_wait_and_never_for_long(
    there: World, status: int, headers: dict[str, str]
) -> None:
    odd = SentinelFault(name="odd", kind=SentinelFaultKind.RAW, status=status, headers=headers, body="odd", times=None)
    there.faults(odd)
    publisher = there.publisher()
    outcomes = await publisher(messages_of(["a", "b"], 1))
    assert all(isinstance(outcome, Park) and outcome.delay <= timedelta(minutes=31) for outcome in outcomes)
    pause = (await there.checkpoint()).pause
    assert pause is not None
    assert pause.until - there.clock.now() <= timedelta(minutes=30)
    there.sentinel.faults.remove("odd")
    assert completed((await run_until_settled(there, publisher, messages_of(["a", "b"], 1))).values())


@pytest.mark.parametrize("text", ["Try again in 99999999 seconds.", "Try again in " + "9" * 400 + " seconds."])
async def test_a_text_that_says_to_wait_for_years_is_heeded_for_half_an_hour(there: World, text: str) -> None:
    there.faults(SentinelFault(kind=SentinelFaultKind.STATUS, status=429, message=text, times=None))
    await there.publisher()([message(indicator("a"))])
    pause = (await there.checkpoint()).pause
    assert pause is not None
    assert pause.until - there.clock.now() == timedelta(minutes=30)


@pytest.mark.parametrize("status", [200, 202, 400, 401, 403, 404, 413, 500])
@pytest.mark.parametrize(
    "body", ["\x00\xff", "[" * 5000, '{"message":' + "9" * 5000 + "}", '{"errors":NaN}', '"\\ud800"']
)
async def test_odd_bodies_do_not_break_the_publisher(there: World, status: int, body: str) -> None:
    there.attempts = Attempts(healthy=2)
    there.faults(SentinelFault(name="odd", kind=SentinelFaultKind.RAW, status=status, body=body, times=None))
    outcomes = await there.publisher()([message(indicator(name)) for name in "abcdef"])
    assert "Bug" not in reasons(outcomes)
    assert reasons(outcomes) == ["Park"] * 6


class Tripping:
    """Tokens that fail as nobody foresaw."""

    async def token(self) -> str:
        raise ZeroDivisionError(SECRET)

    async def renew(self) -> None:
        raise RuntimeError(SECRET)


async def test_an_unforeseen_fault_of_an_upload_pauses_and_blames_no_message(there: World) -> None:
    def connect(destination: Destination) -> Uploader:
        tokens = Tripping()
        client = SentinelClient(destination, tokens, there.clock, transport=httpx.AsyncHTTPTransport())
        retrying = RetryingClient(destination, client, tokens, there.clock, random.Random(1))
        return Uploader(destination, retrying, there.clock, random.Random(1))

    outcomes = await there.publisher(connect=connect)(messages_of(["a", "b"], 1))
    assert reasons(outcomes) == ["Park", "Park"]
    pause = (await there.checkpoint()).pause
    assert pause is not None
    assert pause.reason == "Unforeseen"
    assert "ZeroDivisionError" in pause.description
    assert SECRET not in pause.description
