"""Shared access keys: who may send, listen and manage, when the namespace was given keys to check.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-sas. Without keys everybody may do everything.
"""

import base64
import hmac
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, NamedTuple, Self
from urllib.parse import unquote_plus

from pydantic import Field, ValidationError

from servicebus_local.clock import Clock
from servicebus_local.config import explain
from servicebus_local.entities import AuthorizationRule, Described, Right
from servicebus_local.errors import ConfigError, Unauthorized
from servicebus_local.paths import path_of

_PREFIX = "SharedAccessSignature "


class SharedAccessKey(Described):
    """A key and what it allows, in the whole namespace or for one entity."""

    key_name: Annotated[str, Field(min_length=1)]
    primary_key: Annotated[str, Field(min_length=1, repr=False)]
    secondary_key: Annotated[str, Field(repr=False)] = ""
    rights: tuple[Right, ...]
    entity_path: str = ""

    @classmethod
    def of(cls, rules: Iterable[AuthorizationRule], path: str) -> "list[SharedAccessKey]":
        """The keys that an entity's authorization rules hold."""
        return [
            cls(
                key_name=rule.key_name,
                primary_key=rule.primary_key,
                secondary_key=rule.secondary_key or "",
                rights=rule.rights,
                entity_path=path,
            )
            for rule in rules
            if rule.key_name and rule.primary_key
        ]


class SharedAccessKeys(Described):
    """The file of keys: `{"SharedAccessKeys": [{"KeyName": …, "PrimaryKey": …, "Rights": ["Send", "Listen"]}]}`."""

    shared_access_keys: Annotated[tuple[SharedAccessKey, ...], Field(min_length=1)]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file. Raises `ConfigError`, which never holds a key."""
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}") from error
        except ValidationError as error:
            raise ConfigError(explain(error)) from None  # the original repeats what was in the file


class Claim(NamedTuple):
    """What a token allows, where and until when (milliseconds since the Unix epoch)."""

    path: str
    rights: frozenset[str]
    expires_at: int

    def covers(self, path: str, right: Right, now: int) -> bool:
        """Whether it allows that."""
        allowed = right in self.rights or "Manage" in self.rights
        return allowed and now < self.expires_at and _is_within(path.lower(), self.path)


class Access:
    """Checks tokens, by the keys of the namespace and by those of the entities' authorization rules."""

    def __init__(
        self,
        keys: SharedAccessKeys | None,
        clock: Clock,
        of_entities: Callable[[], Iterable[SharedAccessKey]] = tuple,
    ) -> None:
        self._keys = () if keys is None else keys.shared_access_keys
        self._clock = clock
        self._of_entities = of_entities

    @property
    def is_open(self) -> bool:
        """Whether everybody may do everything."""
        return not self._keys

    def claim_of(self, token: str, path: str = "") -> Claim:
        """Return what a token allows at a path and below it. Raises `Unauthorized`."""
        fields = dict(part.partition("=")[::2] for part in token.removeprefix(_PREFIX).split("&"))
        if not token.startswith(_PREFIX) or not {"sr", "sig", "se", "skn"} <= fields.keys():
            raise Unauthorized("InvalidSignature: the token is not a shared access signature.")
        key = self._key(fields)
        expires_at = int(fields["se"]) * 1000 if fields["se"].isdigit() else 0
        if expires_at <= self._clock():
            raise Unauthorized("ExpiredToken: the token is expired.")
        audience = path_of(_as_uri(unquote_plus(fields["sr"])))
        return Claim(_innermost(path, audience, key.entity_path), frozenset(key.rights), expires_at)

    def claims_of(self, name: str, secret: str) -> list[Claim]:
        """Return what a rule's name and key allow, as a client gives them by SASL PLAIN; they do not expire.

        Raises `Unauthorized` when no rule of that name has that key.
        """
        given = secret.encode()
        claims = [
            Claim(key.entity_path.lower(), frozenset(key.rights), sys.maxsize)
            for key in (*self._keys, *self._of_entities())
            if key.key_name == name and any(hmac.compare_digest(each.encode(), given) for each in _secrets(key))
        ]
        if not claims:
            raise Unauthorized("InvalidSignature: no shared access rule has that name and key.")
        return claims

    def check(self, claims: Iterable[Claim], path: str, *rights: Right) -> None:
        """Raises `Unauthorized` when no claim allows any of that."""
        now = self._clock()
        if not self.is_open and not any(claim.covers(path, right, now) for claim in claims for right in rights):
            wanted = f"'{rights[0]}' claim(s) are required to perform this operation"
            raise Unauthorized(f"Unauthorized access. {wanted}. Resource: '{path}'.")

    def _key(self, fields: dict[str, str]) -> SharedAccessKey:
        name, signature = unquote_plus(fields["skn"]), unquote_plus(fields["sig"])
        for key in (*self._keys, *self._of_entities()):
            if key.key_name == name and any(_fits(secret, fields, signature) for secret in _secrets(key)):
                return key
        raise Unauthorized("InvalidSignature: the token has an invalid signature.")


def _is_within(path: str, area: str) -> bool:
    return not area or path == area or path.startswith(area + "/")


def _innermost(*paths: str) -> str:
    innermost = ""
    for path in map(str.lower, paths):
        if not _is_within(path, innermost) and not _is_within(innermost, path):
            raise Unauthorized("InvalidAudience: the token, its key and what it is put for are of different entities.")
        innermost = path if _is_within(path, innermost) else innermost
    return innermost


def _secrets(key: SharedAccessKey) -> list[str]:
    return [secret for secret in (key.primary_key, key.secondary_key) if secret]


def _fits(secret: str, fields: dict[str, str], signature: str) -> bool:
    signed = f"{fields['sr']}\n{fields['se']}".encode()
    expected = base64.b64encode(hmac.digest(secret.encode(), signed, "sha256")).decode()
    return hmac.compare_digest(expected, signature)


def _as_uri(audience: str) -> str:
    return audience if "://" in audience else f"sb://{audience}"
