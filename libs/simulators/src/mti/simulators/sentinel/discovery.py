"""What a client asks an authority before it asks for a token, so that MSAL works unmodified.

- `GET /{tenant}/v2.0/.well-known/openid-configuration` and the same without `v2.0`
  (https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc);
- `GET /common/discovery/instance`, which says which hosts are one authority, where a client is told to ask this one;
- `GET /{tenant}/discovery/v2.0/keys`, which is empty: nobody but the simulator itself reads its tokens.
"""

from collections.abc import Callable

from aiohttp import web

from mti.simulators.sentinel.answers import TokenRefused, json_answer
from mti.simulators.sentinel.authority import Authority
from mti.simulators.serving import Route


class DiscoveryPages:
    """Describes the authority.

    Args:
        tokens: it knows which tenants there are.
        base_url: where it is reached, once it serves.
        refusal: makes an answer of a refusal.
    """

    def __init__(
        self, tokens: Authority, base_url: Callable[[], str], refusal: Callable[[TokenRefused], web.Response]
    ) -> None:
        self._tokens = tokens
        self._base_url = base_url
        self._refusal = refusal

    def routes(self) -> list[Route]:
        """Return the routes to serve."""
        return [
            ("GET", "/{tenant}/.well-known/openid-configuration", self._on_configuration),
            ("GET", "/{tenant}/v2.0/.well-known/openid-configuration", self._on_configuration_v2),
            ("GET", "/common/discovery/instance", self._on_instance),
            ("GET", "/{tenant}/discovery/keys", self._on_keys),
            ("GET", "/{tenant}/discovery/v2.0/keys", self._on_keys),
        ]

    async def _on_configuration(self, request: web.Request) -> web.Response:
        return self._configuration(request.match_info["tenant"], "")

    async def _on_configuration_v2(self, request: web.Request) -> web.Response:
        return self._configuration(request.match_info["tenant"], "/v2.0")

    def _configuration(self, tenant: str, version: str) -> web.Response:
        try:
            self._tokens.check_tenant(tenant)
        except TokenRefused as refused:
            return self._refusal(refused)
        base = f"{self._base_url()}/{tenant}"
        return json_answer(
            {
                "token_endpoint": f"{base}/oauth2{version}/token",
                "token_endpoint_auth_methods_supported": [
                    "client_secret_post",
                    "private_key_jwt",
                    "client_secret_basic",
                ],
                "jwks_uri": f"{base}/discovery{version}/keys",
                "response_modes_supported": ["query", "fragment", "form_post"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "issuer": f"{base}{version or '/'}",
                "authorization_endpoint": f"{base}/oauth2{version}/authorize",
                "device_authorization_endpoint": f"{base}/oauth2{version}/devicecode",
                "end_session_endpoint": f"{base}/oauth2{version}/logout",
                "tenant_region_scope": None,
            }
        )

    async def _on_instance(self, request: web.Request) -> web.Response:
        host = request.host
        tenant = request.query.get("authorization_endpoint", "").removeprefix("https://").partition("/")[2]
        return json_answer(
            {
                "tenant_discovery_endpoint": (
                    f"{self._base_url()}/{tenant.partition('/')[0] or 'common'}/v2.0/.well-known/openid-configuration"
                ),
                "api-version": "1.1",
                "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
            }
        )

    async def _on_keys(self, _request: web.Request) -> web.Response:
        return json_answer({"keys": []})
