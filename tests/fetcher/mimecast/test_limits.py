from datetime import timedelta

import httpx
import pytest

from mti.fetcher.mimecast.limits import LONGEST, free_in
from tests.fetcher.world import NOW

pytestmark = pytest.mark.pure

IN_40_S = str(int(NOW.timestamp()) + 40)


@pytest.mark.parametrize(
    ("headers", "limited", "wait"),
    [
        ({}, False, None),
        ({}, True, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1500"}, False, timedelta(seconds=1.5)),
        ({"x-ratelimit-remaining": "0", "X-RATELIMIT-RESET": "1500"}, False, timedelta(seconds=1.5)),
        ({"X-RateLimit-Remaining": "7", "X-RateLimit-Reset": "1500"}, False, None),
        ({"X-RateLimit-Remaining": "7", "X-RateLimit-Reset": "1500"}, True, timedelta(seconds=1.5)),
        ({"X-RateLimit-Reset": "1500"}, True, timedelta(seconds=1.5)),
        ({"X-RateLimit-Remaining": "0"}, False, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}, True, None),
        ({"X-RateLimit-Remaining": "none", "X-RateLimit-Reset": "-5"}, True, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "nan"}, True, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1e300"}, True, LONGEST),
        ({"X-Rate-Limit-Reset": "1500"}, True, timedelta(seconds=1.5)),
        ({"x-rate-limit-remaining": "0", "X-RATE-LIMIT-RESET": "1500"}, False, timedelta(seconds=1.5)),
        ({"X-Rate-Limit-Remaining": "7", "X-Rate-Limit-Reset": "1500"}, False, None),
        ({"X-RateLimit-Reset": IN_40_S}, True, timedelta(seconds=40)),
        ({"X-Rate-Limit-Reset": f"{IN_40_S}.0"}, True, timedelta(seconds=40)),
        ({"X-Rate-Limit-Reset": f"{IN_40_S}250"}, True, timedelta(seconds=40.25)),
        ({"X-RateLimit-Reset": "1700000000"}, True, timedelta()),
        ({"X-RateLimit-Reset": "1700000000000"}, True, timedelta()),
        ({"X-RateLimit-Reset": "99999999999"}, True, LONGEST),
        ({"X-RateLimit-Reset": "9" * 30}, True, LONGEST),
        ({"X-RateLimit-Reset": "Tue, 24 Nov 2026 12:02:00 GMT"}, True, timedelta(minutes=2)),
        ({"X-RateLimit-Reset": "3600000"}, True, LONGEST),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, True, LONGEST),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 -2359"}, True, LONGEST),
        ({"Retry-After": "Mon, 01 Jan 0001 00:00:00 +2359"}, True, timedelta()),
        ({"Retry-After": "Tue, 24 Nov 2026 12:02:00 +9999"}, True, None),
        ({"Retry-After": "30"}, True, timedelta(seconds=30)),
        ({"retry-after": "Tue, 24 Nov 2026 12:02:00 GMT"}, True, timedelta(minutes=2)),
        ({"Retry-After": "Tue, 24 Nov 2026 11:00:00 GMT"}, True, timedelta()),
        ({"Retry-After": "Tue, 24 Nov 2026 12:02:00 -0000"}, True, timedelta(minutes=2)),
        ({"Retry-After": "whenever"}, True, None),
        ({"Retry-After": ""}, True, None),
        ({"Retry-After": "2", "X-RateLimit-Reset": "3000"}, True, timedelta(seconds=3)),
    ],
)
def test_the_headers_say_when_the_next_call_is_free(
    headers: dict[str, str], limited: bool, wait: timedelta | None
) -> None:
    assert free_in(httpx.Headers(headers), NOW, limited=limited) == wait
