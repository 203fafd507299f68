"""How an answer of Sentinel's is read."""

from datetime import UTC, datetime, timedelta

import pytest

from mti.publisher.sentinel import (
    Accepted,
    Answer,
    BadRequest,
    Forbidden,
    NotFound,
    RateLimited,
    TooLarge,
    Unauthorized,
    Unavailable,
    read_answer,
)

pytestmark = pytest.mark.pure

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def read(status: int, body: str = "", headers: dict[str, str] | None = None) -> Answer:
    return read_answer(status, headers or {}, body.encode(), objects=3, now=NOW)


def test_an_empty_200_means_that_all_was_taken() -> None:
    assert read(200) == Accepted({})
    assert read(200, "  \n") == Accepted({})


def test_a_partial_200_names_the_refused_by_their_place() -> None:
    body = '{"errors":[{"recordIndex":2,"errorMessages":["no pattern","no id"]},{"recordIndex":0,"errorMessages":[]}]}'
    assert read(200, body) == Accepted({2: ("no pattern", "no id"), 0: ("no reason was given",)})


def test_a_place_that_is_named_twice_keeps_all_its_reasons() -> None:
    body = '{"errors":[{"recordIndex":1,"errorMessages":["a"]},{"recordIndex":1,"errorMessages":["b"]}]}'
    assert read(200, body) == Accepted({1: ("a", "b")})


@pytest.mark.parametrize("status", [200, 201, 202, 204])
@pytest.mark.parametrize(
    "body",
    [
        "",
        "{}",
        "[]",
        "null",
        "true",
        "OK",
        '"Accepted."',
        "\ufeff{}",
        '{"errors":null}',
        '{"errors":[]}',
        '{"errors":""}',
        '{"errors":[],"message":null}',
        '{"Errors":[]}',
        '{"requestId":"4a5f"}',
        '{"statusCode":202,"message":"Accepted"}',
        '{"status":"Succeeded"}',
    ],
)
def test_whatever_can_only_mean_that_all_was_taken_is_a_success_since_each_try_is_billed(
    status: int, body: str
) -> None:
    assert read(status, body) == Accepted({})


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('{"recordIndex":1,"errorMessages":"one text"}', ("one text",)),
        ('{"recordIndex":1,"errorMessages":null}', ("no reason was given",)),
        ('{"recordIndex":1}', ("no reason was given",)),
        ('{"recordIndex":1,"errorMessage":"one text"}', ("one text",)),
        ('{"recordIndex":1,"errorMessages":["a",{"code":"b"}]}', ("a", '{"code":"b"}')),
        ('{"recordIndex":"1","errorMessages":[]}', ("no reason was given",)),
        ('{"recordIndex":1.0,"errorMessages":["a"]}', ("a",)),
        ('{"RecordIndex":1,"ErrorMessages":["a"]}', ("a",)),
    ],
)
@pytest.mark.parametrize("form", ['{"errors":[%s]}', '{"errors":%s}', '{"errors":[%s],"message":"some were refused"}'])
def test_one_refused_object_is_named_in_whatever_way_and_the_rest_is_taken(
    entry: str, said: tuple[str, ...], form: str
) -> None:
    assert read(200, form % entry) == Accepted({1: said})


@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.parametrize(
    "body",
    [
        "<html>welcome</html>",
        "please sign in",
        "5",
        "false",
        "[1]",
        '{"message":"please sign in"}',
        '{"error":{"message":"unavailable"}}',
        '{"statusCode":500,"message":"Internal server error","errors":[]}',
        '{"status":"Failed"}',
        '{"errors":["of no object"]}',
        '{"errors":"something"}',
        '{"errors":[{"recordIndex":3,"errorMessages":["beyond the end"]}]}',
        '{"errors":[{"recordIndex":-1,"errorMessages":["before the start"]}]}',
        '{"errors":[{"recordIndex":true,"errorMessages":[]}]}',
        '{"errors":[{"recordIndex":1.5,"errorMessages":[]}]}',
        '{"errors":[{"errorMessages":["nowhere"]}]}',
        '{"errors":[',
    ],
)
def test_a_success_that_cannot_be_understood_is_none(status: int, body: str) -> None:
    assert isinstance(read(status, body), Unavailable)


@pytest.mark.parametrize(
    ("body", "headers", "seconds"),
    [
        ('{"statusCode":429,"message":"Rate limit is exceeded. Try again in 12 seconds."}', {}, 12),
        ('{"statusCode":429,"message":"Rate limit is exceeded. Try again in 1 second."}', {}, 1),
        ("", {"retry-after": "30"}, 30),
        ('{"message":"Try again in 12 seconds."}', {"retry-after": "30"}, 30),
        ('{"message":"Try again in 40 seconds."}', {"retry-after": "30"}, 40),
        ("", {"retry-after": "Tue, 24 Nov 2026 12:00:45 GMT"}, 45),
        ("", {"retry-after": "Tue, 24 Nov 2026 11:00:00 GMT"}, 0),
    ],
)
def test_a_429_waits_for_the_longest_that_it_names(body: str, headers: dict[str, str], seconds: int) -> None:
    assert read(429, body, headers) == RateLimited(timedelta(seconds=seconds))


@pytest.mark.parametrize("value", ["", "soon", "-5", "1e9", "Tue, 99 Nov 2026 12:00:45 GMT"])
def test_a_429_that_names_no_delay_leaves_it_to_the_back_off(value: str) -> None:
    assert read(429, "Rate limit is exceeded.", headers={"retry-after": value}) == RateLimited(None)


def test_errors_of_the_whole_request_keep_sentinels_words() -> None:
    body = '{"statusCode":400,"message":"sourcesystem is required."}'
    assert read(400, body) == BadRequest("sourcesystem is required.")
    assert read(401, body) == Unauthorized("sourcesystem is required.")
    assert read(403, '{"error":{"code":"x","message":"no role"}}') == Forbidden("no role")
    assert read(404, "<html><b>not</b> here</html>") == NotFound("not here")
    assert read(413) == TooLarge("the request is too large")


@pytest.mark.parametrize("status", [302, 408, 500, 502, 503, 504])
def test_any_other_status_is_tried_again(status: int) -> None:
    assert isinstance(read(status, "what"), Unavailable)


def test_a_503_may_name_a_delay() -> None:
    assert read(503, headers={"retry-after": "20"}) == Unavailable("HTTP 503", timedelta(seconds=20))


def test_an_endless_text_is_cut() -> None:
    answer = read(400, "x" * 100_000)
    assert isinstance(answer, BadRequest)
    assert len(answer.text) == 500
