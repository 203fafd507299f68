"""API 2.0: bearer tokens for client credentials.

The exchange is OAuth 2.0's (RFC 6749, section 4.4), at `POST /oauth/token`; a token lives about an hour.
"""

from collections.abc import Iterable, Mapping
from random import Random

from pydantic import SecretStr

from mti.simulators.mimecast.answers import Refused
from mti.simulators.mimecast.settings import AccountV2
from mti.simulators.secret import same


class BearerTokens:
    """Gives tokens out and recognises them."""

    def __init__(self, accounts: Iterable[AccountV2], seconds: int, rng: Random) -> None:
        self._accounts = {account.client_id: account for account in accounts}
        self._seconds = seconds
        self._rng = rng
        self._live: dict[str, tuple[AccountV2, int]] = {}
        self.issued = 0

    def account_for(self, form: Mapping[str, str]) -> AccountV2:
        """Check a token request's form and return whose it is; raises `Refused`."""
        if form.get("grant_type") != "client_credentials":
            raise Refused(400, "unsupported_grant_type", "grant_type must be client_credentials", flat=True)
        account = self._accounts.get(form.get("client_id", ""))
        if account is None or not same(account.client_secret, form.get("client_secret", "")):
            raise Refused(401, "InvalidClientIdentifier", "Client credentials are invalid", flat=True)
        return account

    def issue(self, account: AccountV2, now_ms: int) -> dict[str, object]:
        """Give out a token, as the answer's JSON."""
        self.issued += 1
        token = f"{self._rng.getrandbits(256):064x}"
        self._live[token] = (account, now_ms + self._seconds * 1000)
        return {"access_token": token, "token_type": "Bearer", "expires_in": self._seconds, "scope": ""}

    def check(self, authorization: str, now_ms: int) -> AccountV2:
        """Return whose token it is; raises `Refused` when it is unknown, void or too old."""
        token = authorization.removeprefix("Bearer ").strip()
        account, until_ms = self._live.get(token, (None, 0))
        if account is None:
            raise Refused(401, "InvalidToken", "Access token is not valid", flat=True)
        if now_ms >= until_ms:
            raise Refused(401, "TokenExpired", "Access token has expired", flat=True)
        return account

    def rotate(self, account_id: str, client_secret: SecretStr) -> bool:
        """Expect another client secret of an account from now on; say whether there is such an account on API 2.0."""
        account = next((found for found in self._accounts.values() if found.id == account_id), None)
        if account is not None:
            self._accounts[account.client_id] = account.model_copy(update={"client_secret": client_secret})
        return account is not None

    def revoke(self, account_id: str) -> None:
        """Make all tokens of the account void."""
        self._live = {token: held for token, held in self._live.items() if held[0].id != account_id}
