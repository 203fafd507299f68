"""Threat remediation: files that are taken out of an account's mailboxes, some time after somebody asked for it.

The forms are those of
https://integrations.mimecast.com/documentation/endpoint-reference/threat-intel/create-incident/, its second version
(`create-incident-v2`) and `get-incident`; public clients read the same fields. An incident has no state: its counts
grow until what was identified is remediated or failed. How long that takes, and the words of a refusal, are this
simulator's own.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

import orjson

from mti.simulators.mimecast.answers import Refused
from mti.simulators.mimecast.plan import Endpoint
from mti.simulators.mimecast.settings import Account, Mailed, MimecastSettings
from mti.simulators.times import in_seconds, parse_request_time

_INVALID: Final = "err_validation_invalid_value"
_HASH: Final = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
_MESSAGE_ID: Final = re.compile(r"<[^<>\s]+@[^<>\s]+>")
_MONTH_MS: Final = 31 * 24 * 3_600_000
_FIELDS: Final = {
    1: {"reason", "searchBy", "hashOrMessageId", "url", "start", "end"},
    2: {"reason", "searchBy", "hash", "messageIds", "url", "start", "end"},
}
"""Of a request, by the version of the endpoint."""
_KINDS: Final = {1: ("hash", "messageId", "url"), 2: ("hash", "message_ids", "url")}


Work = Callable[[Account, bytes, int], dict[str, object]]
"""From an account, a body and the time (in milliseconds) to the entry of an answer; raises `Refused`."""


@dataclass(frozen=True, slots=True)
class _Asked:
    reason: str
    kind: str
    value: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Remediation:
    """One incident of an account."""

    id: str
    code: str
    account: str
    kind: str
    """`hash`, `messageId` or `url`."""
    value: str
    reason: str
    start_ms: int
    end_ms: int
    asked_ms: int
    found: Mailed

    def at(self, now_ms: int, settings: MimecastSettings) -> dict[str, object]:
        """Return the incident as the API tells of it at a time: nothing is identified at once."""
        passed = (now_ms - self.asked_ms) / 1000
        identified = self.found.messages if passed >= settings.remediation_search_seconds else 0
        done = passed >= settings.remediation_seconds
        failed = min(self.found.failing, identified) if done else 0
        about = {"hash": "fileHash", "messageId": "messageId"}.get(self.kind, "url")
        return {
            "id": self.id,
            "code": self.code,
            "type": "manual",
            "reason": self.reason,
            "identified": identified,
            "successful": identified - failed if done else 0,
            "failed": failed,
            "restored": 0,
            "create": in_seconds(self.asked_ms),
            "modified": in_seconds(now_ms),
            "searchCriteria": {
                about: self.value,
                "start": in_seconds(self.start_ms),
                "end": in_seconds(self.end_ms),
            },
        }


class Remediations:
    """All accounts' incidents, in the order in which they were asked for."""

    def __init__(self, settings: MimecastSettings, rng: Random) -> None:
        self._settings = settings
        self._rng = rng
        self.incidents: list[Remediation] = []

    def calls(self) -> dict[str, tuple[Endpoint, Work]]:
        """Return what is served, by path."""
        return {
            "/api/ttp/remediation/create": (Endpoint.REMEDIATE, self.create),
            "/api/ttp/remediation/v2/create": (Endpoint.REMEDIATE, self.create_v2),
            "/api/ttp/remediation/get-incident": (Endpoint.REMEDIATION, self.get),
        }

    def create(self, account: Account, body: bytes, now_ms: int) -> dict[str, object]:
        """Create an incident of an account by a request's body, and return what is answered.

        Raises:
            Refused: 403 without *Services | Threat Remediation | Edit*, 400 for a request that makes no sense.
        """
        return self._create(account, body, now_ms, 1)

    def create_v2(self, account: Account, body: bytes, now_ms: int) -> dict[str, object]:
        """Do as `create`, for the newer endpoint."""
        return self._create(account, body, now_ms, 2)

    def get(self, account: Account, body: bytes, now_ms: int) -> dict[str, object]:
        """Return an incident of the account by its id.

        Raises:
            Refused: 403 without *Services | Threat Remediation | Read*, 400 for a malformed request, 404 for an id
                that the account has not.
        """
        _permit(account, "read", "Read")
        id = _text(_entry(body, {"id"}), "id")
        for incident in self.incidents:
            if (incident.id, incident.account) == (id, account.id):
                return incident.at(now_ms, self._settings)
        raise Refused(404, "err_remediation_incident_not_found", "There is no such remediation incident")

    def _create(self, account: Account, body: bytes, now_ms: int, version: int) -> dict[str, object]:
        _permit(account, "edit", "Edit")
        asked = _read(body, now_ms, version)
        number = len(self.incidents) + 1
        incident = Remediation(
            id=f"{self._rng.getrandbits(128):032x}",
            code=f"TR-{account.id.upper()}-{number:05}-M",
            account=account.id,
            kind=asked.kind,
            value=asked.value,
            reason=asked.reason,
            start_ms=asked.start_ms,
            end_ms=asked.end_ms,
            asked_ms=now_ms,
            found=account.mail.get(asked.value.lower(), Mailed(messages=0)),
        )
        self.incidents.append(incident)
        return incident.at(now_ms, self._settings)


def _permit(account: Account, what: str, named: str) -> None:
    if what not in account.remediation:
        raise Refused(403, "err_insufficient_permissions", f"Services | Threat Remediation | {named} is missing")


def _read(body: bytes, now_ms: int, version: int) -> _Asked:
    entry = _entry(body, _FIELDS[version])
    reason = _text(entry, "reason")
    kind = entry.get("searchBy", "hash")
    if kind not in _KINDS[version]:
        raise Refused(400, _INVALID, f"searchBy must be one of {', '.join(_KINDS[version])}")
    value = _value(entry, str(kind), version)
    start_ms = parse_request_time(entry["start"], strict=False) if "start" in entry else now_ms - _MONTH_MS
    end_ms = parse_request_time(entry["end"], strict=False) if "end" in entry else now_ms
    if start_ms is None or end_ms is None or start_ms > end_ms:
        raise Refused(400, "err_validation_date", "start and end must look like 2026-11-17T10:15:30+0000, in order")
    return _Asked(reason, "messageId" if kind == "message_ids" else str(kind), value, start_ms, end_ms)


def _value(entry: Mapping[str, object], kind: str, version: int) -> str:
    if kind == "url":
        return _text(entry, "url")
    if kind == "message_ids":
        found = entry.get("messageIds")
        if not isinstance(found, list) or not found or not all(isinstance(each, str) for each in found):
            raise Refused(400, _INVALID, "messageIds must be a list of message ids")
        return ",".join(found)
    value = _text(entry, "hash" if version == 2 else "hashOrMessageId")
    if kind == "hash" and not _HASH.fullmatch(value):
        raise Refused(400, _INVALID, "The hash must be an MD5, SHA-1 or SHA-256 in hexadecimal digits")
    if kind == "messageId" and not _MESSAGE_ID.fullmatch(value):
        raise Refused(400, _INVALID, "A message id stands between < and >")
    return value


def _entry(body: bytes, fields: set[str]) -> dict[str, object]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, "err_validation_body", "The body is not JSON") from error
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, list) or len(data) != 1 or not isinstance(data[0], dict):
        raise Refused(400, "err_validation_body", "data must be a list of one object")
    entry: dict[str, object] = data[0]
    if unknown := sorted(entry.keys() - fields):
        raise Refused(400, "err_validation_unknown_field", f"Unknown: {', '.join(unknown)}")
    return entry


def _text(entry: Mapping[str, object], name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Refused(400, "err_validation_blank", f"{name} must not be blank")
    return value
