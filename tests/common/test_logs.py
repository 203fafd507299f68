import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider

from mti.common.logs import PASSING, QUIET, Redaction, RedactionFilter, configure, redaction
from tests.support.work import calls_of

pytestmark = pytest.mark.pure


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.level, list(root.handlers), {name: logging.getLogger(name).level for name in QUIET}
    filters = {handler: list(handler.filters) for handler in root.handlers}
    written = io.StringIO()
    configure("fetcher", "INFO", stream=written)
    yield written
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    for handler, known in filters.items():
        handler.filters[:] = known
    for name, level in before[2].items():
        logging.getLogger(name).setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_when_who_what_and_the_fields(stream: io.StringIO) -> None:
    logging.getLogger("mti.fetcher").info("fetched %d rows", 7, extra={"source": "contoso/malware_customer", "rows": 7})
    (line,) = lines(stream)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "service": "fetcher",
        "logger": "mti.fetcher",
        "message": "fetched 7 rows",
        "source": "contoso/malware_customer",
        "rows": 7,
    }


def test_a_field_does_not_overwrite_what_every_line_has(stream: io.StringIO) -> None:
    logging.getLogger("mti").info("hello", extra={"service": "forged", "level": "forged"})
    assert (lines(stream)[0]["service"], lines(stream)[0]["level"]) == ("fetcher", "INFO")


def test_a_message_with_newlines_stays_one_line(stream: io.StringIO) -> None:
    logging.getLogger("mti").info("one\ntwo\u2028three")
    assert stream.getvalue().count("\n") == 1
    assert lines(stream)[0]["message"] == "one\ntwo\u2028three"


def test_an_exception_is_told_with_its_traceback(stream: io.StringIO) -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("mti").exception("it failed")
    (line,) = lines(stream)
    assert line["level"] == "ERROR"
    assert line["exception"].startswith("Traceback")
    assert "ValueError: broken" in line["exception"]


def test_the_active_span_is_named(stream: io.StringIO) -> None:
    with TracerProvider().get_tracer("test").start_as_current_span("fetch") as span:
        logging.getLogger("mti").info("inside")
    logging.getLogger("mti").info("outside")
    inside, outside = lines(stream)
    assert inside["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert inside["span_id"] == f"{span.get_span_context().span_id:016x}"
    assert "trace_id" not in outside


def test_arguments_that_do_not_fit_the_message_are_still_a_line(stream: io.StringIO) -> None:
    logging.getLogger("mti").info("%d rows", "many")
    assert "many" in lines(stream)[0]["message"]


async def test_libraries_do_not_log_addresses_or_headers(stream: io.StringIO) -> None:
    configure("fetcher", "DEBUG", stream=stream)
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    async with httpx.AsyncClient(transport=transport) as client:
        await client.get("https://eu-api.mimecast.com/?token=hunter2", headers={"Authorization": "Bearer hunter2"})
    for name in ("azure.core.pipeline.policies.http_logging_policy", "azure.identity", "aiohttp.access", "msal.token"):
        logging.getLogger(name).info("Authorization: Bearer hunter2")
    logging.getLogger("mti").debug("ours")
    assert [line["message"] for line in lines(stream)] == ["ours"]


def test_the_value_of_a_secret_is_masked_wherever_it_turns_up(stream: io.StringIO) -> None:
    secret = 'hun"ter/2 ü\\s3cret'
    redaction.add(secret)
    try:
        raise ValueError(f"refused {secret}")
    except ValueError:
        logging.getLogger("mti").exception(
            "login with %s failed", secret, extra={"body": {"data": [secret, 1, None]}, "url": f"x?{secret}"}
        )
    logging.getLogger("mti").warning("https://x/?s=hun%22ter%2F2%20%C3%BC%5Cs3cret")
    assert "s3cret" not in stream.getvalue()
    first, second = lines(stream)
    assert first["message"] == "login with *** failed"
    assert first["body"] == {"data": ["***", 1, None]}
    assert first["exception"].endswith("ValueError: refused ***")
    assert second["message"] == "https://x/?s=***"


def test_each_line_of_a_certificate_is_masked() -> None:
    values = Redaction()
    values.add("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nshort\n-----END PRIVATE KEY-----\n")
    assert values.apply("key MIIEvQIBADANBgkqhkiG9w0BAQEFAASC") == "key ***"
    assert values.apply("a short word") == "a short word"


def test_a_short_value_does_not_blot_out_innocent_words() -> None:
    values = Redaction()
    values.add("contoso")
    assert values.apply("tenant contoso") == "tenant contoso"


def test_a_field_that_is_named_like_a_credential_is_masked_whatever_it_holds(stream: io.StringIO) -> None:
    logging.getLogger("mti").info("sent", extra={"headers": {"Authorization": "MC abc", "x-mc-app-id": "app"}})
    assert lines(stream)[0]["headers"] == {"Authorization": "***", "x-mc-app-id": "app"}


def test_configuring_twice_writes_each_line_once(stream: io.StringIO) -> None:
    configure("publisher", "WARNING", stream=stream)
    logging.getLogger("mti").info("quiet")
    logging.getLogger("mti").warning("loud")
    assert [(line["service"], line["message"]) for line in lines(stream)] == [("publisher", "loud")]


def test_a_hosts_own_handlers_stay_and_mask_secrets(stream: io.StringIO) -> None:
    redaction.add("hosted-secret")
    hosted = io.StringIO()
    handler = logging.StreamHandler(hosted)
    logging.getLogger().addHandler(handler)
    configure("fetcher", "INFO", hosted=True)
    configure("fetcher", "INFO", hosted=True)
    logging.getLogger("mti").info("found %s", "hosted-secret")
    assert hosted.getvalue() == "found ***\n"
    assert stream.getvalue() == ""
    assert sum(isinstance(known, RedactionFilter) for known in handler.filters) == 1


def test_a_line_costs_the_same_with_three_secrets_as_with_thousands() -> None:
    text = "the source contoso/malware_customer is paused: Mimecast refused the call (401 secret-of-nobody)" * 3

    def work(secrets: int) -> tuple[int, int]:
        values = Redaction()

        def add_all() -> None:
            for number in range(secrets):
                values.add(f"secret-{number:06}-of-tenant")

        added = calls_of(add_all)
        applied: list[str] = []
        cost = calls_of(lambda: applied.append(values.apply(text)))
        assert applied == [text]
        return added // secrets, cost

    (few_added, few), (many_added, many) = work(3), work(3000)
    assert many <= few + 10
    assert many_added <= few_added + 10


def test_values_that_overlap_are_masked_from_the_first_character_to_the_last() -> None:
    values = Redaction()
    values.add("abcdefgh-first")
    values.add("first-and-second-value")
    values.add("abcdefgh")
    assert values.apply("x abcdefgh-first-and-second-value y") == "x *** y"
    assert values.apply("x abcdefghabcdefgh y") == "x ****** y"
    assert values.apply("abcdefgh") == "***"
    assert values.apply("abcdefg") == "abcdefg"


def test_tokens_pass_and_secrets_stay() -> None:
    values = Redaction()
    values.add("a-secret-that-stays")
    values.add_passing("a-token-that-is-a-secret-too")
    values.add("a-token-that-is-a-secret-too")
    values.add_passing("the-first-token")
    for number in range(PASSING):
        values.add_passing(f"token-{number:06}")
    assert values.apply("token-000000 token-002047") == "*** ***"
    assert values.apply("the-first-token") == "the-first-token"
    assert values.apply("a-secret-that-stays a-token-that-is-a-secret-too") == "*** ***"
