"""`POST /{azure_tenant_id}/oauth2/v2.0/token`, and `…/oauth2/token` before it: client credentials, by secret or by
assertion.

The requests are those of https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow; the
older endpoint names a `resource` instead of a scope and answers in strings
(https://learn.microsoft.com/previous-versions/azure/active-directory/azuread-dev/v1-oauth2-client-creds-grant-flow).
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from random import Random
from typing import NamedTuple
from urllib.parse import unquote_plus

import orjson
from pydantic import SecretStr

from mti.simulators.secret import same
from mti.simulators.sentinel.answers import Refused, TokenRefused
from mti.simulators.sentinel.audience import audience_of_scope, is_one_of
from mti.simulators.sentinel.settings import App, SentinelSettings

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Grant(NamedTuple):
    """What a token is given out for."""

    app: App
    audience: str
    by_resource: bool
    """Whether it came to the older endpoint."""


def form_of(fields: Mapping[str, str], authorization: str) -> dict[str, str]:
    """Return a token request's form; the client may name itself in `Authorization: Basic` (RFC 6749, section 2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return dict(fields)
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return dict(fields)
    return {**fields, "client_id": unquote_plus(name), "client_secret": unquote_plus(secret)}


class Authority:
    """Gives access tokens out and recognises them."""

    def __init__(self, apps: Iterable[App], settings: SentinelSettings, rng: Random) -> None:
        self._apps = {(app.azure_tenant_id.lower(), app.client_id.lower()): app for app in apps}
        self._settings = settings
        self._rng = rng
        self._live: dict[str, tuple[Grant, int]] = {}
        self.issued = 0

    def check_tenant(self, azure_tenant_id: str) -> str:
        """Return the directory's id in lower case; raises `TokenRefused` for one that is not there."""
        tenant = azure_tenant_id.lower()
        if not any(tenant == known for known, _ in self._apps):
            raise TokenRefused(400, "invalid_tenant", 90002, f"Tenant '{azure_tenant_id}' not found.")
        return tenant

    def grant_for(self, azure_tenant_id: str, form: Mapping[str, str], *, by_resource: bool = False) -> Grant:
        """Check a token request's form and return whose it is and what for; raises `TokenRefused`.

        Args:
            azure_tenant_id: the directory.
            form: the fields.
            by_resource: whether it came to the older endpoint.
        """
        tenant = self.check_tenant(azure_tenant_id)
        if form.get("grant_type") != "client_credentials":
            raise TokenRefused(400, "unsupported_grant_type", 70003, "The grant type is not supported.")
        client_id = form.get("client_id", "")
        app = self._apps.get((tenant, client_id.lower()))
        if app is None:
            raise TokenRefused(
                400, "unauthorized_client", 700016, f"Application with identifier '{client_id}' was not found."
            )
        _check_proof(app, form)
        return Grant(app, self._audience(form, by_resource=by_resource), by_resource)

    def _audience(self, form: Mapping[str, str], *, by_resource: bool) -> str:
        audience = form.get("resource") if by_resource else audience_of_scope(form.get("scope", ""))
        known = audience and (self._settings.other_audiences or is_one_of(audience, self._settings.audiences))
        if audience and known:
            return audience
        accepted = self._settings.audiences[0]
        if by_resource:
            raise TokenRefused(400, "invalid_resource", 500011, f"The resource must be {accepted}/ here.")
        raise TokenRefused(400, "invalid_scope", 70011, f"The scope must be {accepted}/.default here.")

    def issue(self, grant: Grant, now_ms: int) -> dict[str, object]:
        """Give out a token, as the answer's JSON."""
        self.issued += 1
        seconds = self._settings.token_seconds
        token = f"{self._rng.getrandbits(512):0128x}"
        self._live[token] = (grant, now_ms + seconds * 1000)
        if grant.by_resource:
            return {
                "token_type": "Bearer",
                "expires_in": str(seconds),
                "ext_expires_in": str(seconds),
                "expires_on": str(now_ms // 1000 + seconds),
                "not_before": str(now_ms // 1000),
                "resource": grant.audience,
                "access_token": token,
            }
        return {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}

    def check(self, authorization: str, now_ms: int) -> App:
        """Return whose token it is; raises `Refused` with 401."""
        scheme, _, token = authorization.partition(" ")
        grant, until_ms = self._live.get(token.strip(), (None, 0))
        if scheme.lower() != "bearer" or grant is None:
            raise Refused(401, "Access token is missing or invalid.")
        if now_ms >= until_ms:
            raise Refused(401, "Access token has expired.")
        if not is_one_of(grant.audience, self._settings.audiences):
            raise Refused(401, "Access token is for another audience.")
        return grant.app

    def rotate(self, client_id: str, client_secret: str) -> None:
        """Expect another secret of an app from now on; tokens that were given for the old one are void.

        Raises:
            KeyError: there is no such app.
        """
        key = next((found for found in self._apps if found[1] == client_id.lower()), None)
        if key is None:
            raise KeyError(client_id)
        self._apps[key] = self._apps[key].model_copy(update={"client_secret": SecretStr(client_secret)})
        void = {token for token, (grant, _) in self._live.items() if grant.app.client_id.lower() == client_id.lower()}
        self._live = {token: held for token, held in self._live.items() if token not in void}

    def revoke_all(self) -> None:
        """Make every token void."""
        self._live.clear()


def _check_proof(app: App, form: Mapping[str, str]) -> None:
    secret, assertion = form.get("client_secret"), form.get("client_assertion")
    if secret is None and assertion is None:
        raise TokenRefused(401, "invalid_client", 7000218, "client_assertion or client_secret is required.")
    if secret is not None and not same(app.client_secret, secret):
        raise TokenRefused(401, "invalid_client", 7000215, "Invalid client secret provided.")
    if assertion is None:
        return
    if form.get("client_assertion_type") != ASSERTION_TYPE or not _is_jwt(assertion):
        raise TokenRefused(400, "invalid_request", 50027, "The client assertion is not a JWT.")
    if app.trusts is not None and not _is_from(app.trusts, app.exchange_audience, assertion):
        raise TokenRefused(401, "invalid_client", 70021, "No matching federated identity record found.")
    if not app.accepts_assertions:
        raise TokenRefused(401, "invalid_client", 700027, "No key or federated credential fits the assertion.")


def _is_from(subject: str, audience: str, assertion: str) -> bool:
    """Say whether an assertion is of a subject and for an audience, as a federated credential names them."""
    claims = orjson.loads(base64.urlsafe_b64decode(assertion.split(".")[1] + "=="))
    return bool(claims.get("sub") == subject and claims.get("aud") == audience)


def _is_jwt(text: str) -> bool:
    """Say whether it has a JWT's form; its signature is not verified."""
    parts = text.split(".")
    if len(parts) != 3 or not parts[2]:
        return False
    try:
        return all(isinstance(orjson.loads(base64.urlsafe_b64decode(part + "==")), dict) for part in parts[:2])
    except (binascii.Error, orjson.JSONDecodeError):
        return False
