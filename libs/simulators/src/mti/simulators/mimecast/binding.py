"""API 1.0: access keys, whether they are bound, and the login that binds them again.

An expired binding is answered with 418; `POST /api/login/login` renews it. See
https://integrations.mimecast.com/documentation/api-overview/authorization/
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random

from pydantic import SecretStr

from mti.simulators.mimecast.answers import Refused
from mti.simulators.mimecast.settings import AccountV1
from mti.simulators.secret import same

API_VERSION = "2014.6.1"


@dataclass(slots=True)
class Binding:
    """An account's keys. Those of the past are remembered: the API knows them, as expired."""

    account: AccountV1
    access_key: str
    secret_key: str = field(repr=False)
    expired: bool
    known_keys: set[str] = field(repr=False)
    logins: int = 0


class Bindings:
    """All API 1.0 accounts' bindings."""

    def __init__(self, accounts: Iterable[AccountV1], rng: Random, *, new_keys: bool) -> None:
        self._rng = rng
        self._new_keys = new_keys
        self._by_account = {
            account.id: Binding(
                account,
                account.access_key,
                account.secret_key.get_secret_value(),
                account.binding_expired,
                {account.access_key},
            )
            for account in accounts
        }

    def find(self, access_key: str) -> Binding | None:
        """Return the binding that an access key, present or past, belongs to."""
        return next((held for held in self._by_account.values() if access_key in held.known_keys), None)

    def expire(self, account_id: str) -> bool:
        """Let an account's binding expire; say whether there is such an account on API 1.0."""
        binding = self._by_account.get(account_id)
        if binding is not None:
            binding.expired = True
        return binding is not None

    def rotate(self, account_id: str, fields: Mapping[str, SecretStr]) -> bool:
        """Expect other secrets (`app_key`, `secret_key`, `password`) of an account from now on, as `expire` says."""
        binding = self._by_account.get(account_id)
        if binding is not None:
            binding.account = binding.account.model_copy(update=dict(fields))
            binding.secret_key = binding.account.secret_key.get_secret_value()
        return binding is not None

    def logins(self) -> dict[str, int]:
        """Return how often each account has logged in."""
        return {name: binding.logins for name, binding in self._by_account.items()}

    def account_for(self, headers: Mapping[str, str], body: object) -> AccountV1:
        """Check a login's headers and body and return whose it is; raises `Refused`."""
        email, password = _basic_cloud(headers.get("Authorization", ""))
        binding = next((held for held in self._by_account.values() if held.account.email == email), None)
        if binding is None or not same(binding.account.password, password):
            raise Refused(401, "err_login_failed", "The email address or the password is wrong")
        if headers.get("x-mc-app-id") != binding.account.app_id:
            raise Refused(401, "err_app_id_unknown", "x-mc-app-id is missing or unknown")
        if headers.get("x-mc-api-version") != API_VERSION:
            raise Refused(400, "err_api_version", f"x-mc-api-version must be {API_VERSION}")
        entry = _only_entry(body)
        if entry.get("userName") != email or entry.get("accessKey") not in binding.known_keys:
            raise Refused(400, "err_login_body", "userName and accessKey must be those of the account")
        return binding.account

    def renew(self, account: AccountV1) -> dict[str, object]:
        """Bind the account's keys again and return the login's data entry."""
        binding = self._by_account[account.id]
        binding.logins += 1
        binding.expired = False
        if self._new_keys:
            binding.access_key = base64.b64encode(self._rng.randbytes(48)).decode()
            binding.secret_key = base64.b64encode(self._rng.randbytes(64)).decode()
            binding.known_keys.add(binding.access_key)
        return {
            "accessKey": binding.access_key,
            "secretKey": binding.secret_key,
            "duration": 259_200,
            "bindingType": "one_step",
            "extendOnValidate": False,
        }


def _basic_cloud(authorization: str) -> tuple[str, str]:
    scheme, _, value = authorization.partition(" ")
    if scheme != "Basic-Cloud":
        raise Refused(401, "err_login_scheme", "Authorization must be Basic-Cloud")
    try:
        email, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Refused(401, "err_login_scheme", "Authorization is not base64(email:password)") from error
    return email, password


def _only_entry(body: object) -> dict[str, object]:
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, list) or len(data) != 1 or not isinstance(data[0], dict):
        raise Refused(400, "err_validation_body", "data must be a list of one object")
    return data[0]
