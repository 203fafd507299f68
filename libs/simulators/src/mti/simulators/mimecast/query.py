"""What a get-feed request asks for, and whether it may.

The body's fields are documented at
https://integrations.mimecast.com/documentation/endpoint-reference/threat-intel/get-feed/; all are optional. Published
clients send more than it shows, which `strict` refuses: `start` and `end` beside a token (which means its own window),
and dates with other ends than `+0000`.
"""

from dataclasses import dataclass
from typing import Literal

import orjson

from mti.simulators.mimecast.answers import Refused
from mti.simulators.mimecast.settings import FEED_TYPES, Account
from mti.simulators.times import parse_request_time

FileType = Literal["stix", "csv"]
_WEEK_MS = 7 * 24 * 3_600_000
_INVALID = "err_validation_invalid_value"


@dataclass(frozen=True, slots=True)
class FeedQuery:
    """A request that makes sense."""

    feed_type: str
    file_type: FileType
    compress: bool
    start_ms: int
    end_ms: int
    token: str | None


def read_query(body: bytes, account: Account, now_ms: int, *, strict: bool = False) -> FeedQuery:
    """Read a request's body; raises `Refused` with 400, or with 403 for a feed the account has not opted in to."""
    entry = _entry(body)
    feed_type = entry.get("feedType", FEED_TYPES[0])
    if feed_type not in FEED_TYPES:
        raise Refused(400, _INVALID, "feedType must be malware_customer or malware_grid")
    file_type = entry.get("fileType", "csv")
    compress = entry.get("compress", False)
    if file_type not in ("stix", "csv") or not isinstance(compress, bool):
        raise Refused(400, _INVALID, "fileType must be stix or csv, compress a boolean")
    token = entry.get("token")
    if token is not None and not isinstance(token, str):
        raise Refused(400, "err_validation_token", "token must be a string")
    if strict and token is not None and ("start" in entry or "end" in entry):
        raise Refused(400, "err_validation_token", "token excludes start and end")
    start_ms, end_ms = _window(entry, now_ms, strict=strict)
    if feed_type not in account.enabled:
        raise Refused(403, "err_threat_intel_feed_disabled", "The feed is not enabled for this account")
    known: FileType = "stix" if file_type == "stix" else "csv"
    return FeedQuery(str(feed_type), known, compress, start_ms, end_ms, token)


def _entry(body: bytes) -> dict[str, object]:
    try:
        document = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise Refused(400, "err_validation_body", "The body is not JSON") from error
    data = document.get("data", []) if isinstance(document, dict) else None
    if not isinstance(data, list) or len(data) > 1 or not all(isinstance(entry, dict) for entry in data):
        raise Refused(400, "err_validation_body", "data must be a list of at most one object")
    return data[0] if data else {}


def _window(entry: dict[str, object], now_ms: int, *, strict: bool) -> tuple[int, int]:
    end_ms = parse_request_time(entry["end"], strict=strict) if "end" in entry else now_ms
    start_ms = parse_request_time(entry["start"], strict=strict) if "start" in entry else now_ms - _WEEK_MS
    if start_ms is None or end_ms is None:
        raise Refused(400, "err_validation_date", "start and end must look like 2026-11-17T10:15:30+0000")
    if start_ms > end_ms:
        raise Refused(400, "err_validation_date", "start must not be later than end")
    return start_ms, end_ms
