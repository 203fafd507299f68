"""What a token is for: the resource in its scope, and whether the upload API takes it.

The API takes tokens for `https://management.azure.com` and `https://management.core.windows.net`, with or without a
slash at the end (https://learn.microsoft.com/azure/sentinel/stix-objects-api, "Acquire an access token"). A scope is
the resource and `/.default`; where the resource ends in a slash, there are two
(https://learn.microsoft.com/entra/identity-platform/scopes-oidc#trailing-slash-and-default). The other clouds have
hosts of their own (https://learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure,
https://learn.microsoft.com/azure/china/resources-developer-guide).
"""

MANAGEMENT = (
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://management.usgovcloudapi.net",
    "https://management.core.usgovcloudapi.net",
    "https://management.chinacloudapi.cn",
    "https://management.core.chinacloudapi.cn",
)
_DEFAULT = "/.default"
_OF_THE_PROTOCOL = frozenset({"openid", "profile", "email", "offline_access"})


def audience_of_scope(scope: str) -> str | None:
    """Return the resource that a scope of API 2.0 asks for; `None` when it is not one resource's `.default`."""
    named = [word for word in scope.split() if word not in _OF_THE_PROTOCOL]
    if len(named) != 1 or not named[0].endswith(_DEFAULT):
        return None
    return named[0].removesuffix(_DEFAULT) or None


def is_one_of(audience: str, accepted: tuple[str, ...]) -> bool:
    """Say whether a resource is among these, whatever its case and with or without a slash at its end."""
    return audience.lower().removesuffix("/") in {known.lower().removesuffix("/") for known in accepted}
