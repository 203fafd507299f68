"""API 1.0: whether a request is signed as the API demands.

The signature is HMAC-SHA1 under the decoded secret key over `{x-mc-date}:{x-mc-req-id}:{path}:{application key}`. See
https://integrations.mimecast.com/documentation/api-overview/authorization/
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from mti.simulators.mimecast.answers import Refused
from mti.simulators.mimecast.binding import Binding, Bindings
from mti.simulators.mimecast.settings import AccountV1
from mti.simulators.secret import same
from mti.simulators.times import to_ms

_DATE = "%a, %d %b %Y %H:%M:%S UTC"


class SignatureCheck:
    """Verifies signatures and remembers request ids, which may be used once."""

    def __init__(self, bindings: Bindings, skew_seconds: float) -> None:
        self._bindings = bindings
        self._skew_ms = int(skew_seconds * 1000)
        self._seen_ids: set[str] = set()

    def check(self, headers: Mapping[str, str], path: str, now_ms: int) -> AccountV1:
        """Return whose request it is; raises `Refused`, with 418 when the keys are right but no longer bound."""
        access_key, signature = _credentials(headers.get("Authorization", ""))
        binding = self._bindings.find(access_key)
        if binding is None or headers.get("x-mc-app-id") != binding.account.app_id:
            raise Refused(401, "err_xdk_unknown_key", "The access key or x-mc-app-id is unknown")
        if binding.expired or access_key != binding.access_key:
            raise Refused(418, "err_xdk_binding_expired", "The access key has expired: log in again")
        self._check_date(headers.get("x-mc-date", ""), now_ms)
        request_id = _request_id(headers.get("x-mc-req-id", ""))
        text = f"{headers['x-mc-date']}:{request_id}:{path}"
        if not same(_expected(binding, text), signature):
            raise Refused(401, "err_xdk_invalid_signature", "The signature is wrong")
        if request_id in self._seen_ids:
            raise Refused(401, "err_xdk_replay", "x-mc-req-id was used before")
        self._seen_ids.add(request_id)
        return binding.account

    def _check_date(self, text: str, now_ms: int) -> None:
        try:
            sent_ms = to_ms(datetime.strptime(text, _DATE).replace(tzinfo=UTC))
        except ValueError as error:
            raise Refused(401, "err_xdk_date", "x-mc-date must look like Tue, 24 Nov 2015 12:50:11 UTC") from error
        if abs(now_ms - sent_ms) > self._skew_ms:
            raise Refused(401, "err_xdk_clock_skew", "x-mc-date is too far from the server's time")


def _expected(binding: Binding, text: str) -> str:
    signed = f"{text}:{binding.account.app_key.get_secret_value()}"
    key = base64.b64decode(binding.secret_key)
    return base64.b64encode(hmac.new(key, signed.encode(), hashlib.sha1).digest()).decode()


def _credentials(authorization: str) -> tuple[str, str]:
    scheme, _, rest = authorization.partition(" ")
    access_key, colon, signature = rest.partition(":")
    if scheme != "MC" or not colon:
        raise Refused(401, "err_xdk_authorization", "Authorization must be MC accessKey:signature")
    return access_key, signature


def _request_id(text: str) -> str:
    try:
        UUID(text)
    except ValueError as error:
        raise Refused(401, "err_xdk_request_id", "x-mc-req-id must be a UUID") from error
    return text
