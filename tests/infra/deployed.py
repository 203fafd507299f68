"""What a snapshot says would be created, in the words of the tests."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from tests.infra.expressions import Deployment

SECRETS = {
    "mimecastPassword": "mimecast-password",
    "mimecastAppKey": "mimecast-app-key",
    "mimecastAccessKey": "mimecast-access-key",
    "mimecastSecretKey": "mimecast-secret-key",
    "mimecastClientSecret": "mimecast-client-secret",
    "activeDirectoryAppSecret": "active-directory-app-secret",
}
"""The secure parameters that are kept, and the names of their secrets in the vault."""

ROLES = {
    "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0": "bus receiver",
    "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39": "bus sender",
    "090c5cfd-751d-490a-894a-3ce6f1109419": "bus owner",
    "00000000-0000-0000-0000-000000000001": "store reader",
    "00000000-0000-0000-0000-000000000002": "store contributor",
    "4633458b-17de-408a-b874-0445c86b69e6": "secrets user",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": "secrets officer",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "blob owner",
    "ab8e14d6-4a74-4a29-9ba8-549422addade": "Sentinel contributor",
    "3913510d-42f4-4e42-8a64-420c390055eb": "metrics publisher",
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": "image puller",
}
"""https://learn.microsoft.com/azure/role-based-access-control/built-in-roles, and Cosmos DB's own two."""


class Deployed:
    """The resources of a snapshot, with the expressions worked out."""

    def __init__(self, snapshot: Mapping[str, Any], deployment: Deployment) -> None:
        self.raw = snapshot
        self.resources: list[dict[str, Any]] = deployment.worked_out(snapshot["predictedResources"])
        self.outputs: dict[str, Any] = deployment.worked_out(snapshot["outputs"])

    @staticmethod
    def plain(snapshot: Mapping[str, Any], **given: str) -> Deployment:
        """Return what a deployment is worked out with whose secrets are values, or what is given."""
        values = {parameter: f"value of {parameter}" for parameter in SECRETS} | given
        secrets = {name: values[parameter] for parameter, name in SECRETS.items()}
        vault = Deployment().worked_out(snapshot["outputs"]["operatorSettings"])["MTI_KEYVAULT_URL"]
        variables = {"vaultSecret": f"@Microsoft.KeyVault(SecretUri={vault}/secrets/"}
        names = list(SECRETS.values())
        open_ones = {"workspaceKey": "", **values, "secrets": secrets, "secretNames": names}
        return Deployment(open_ones, variables)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the resources of a type that are created, their condition being what it is."""
        return [each for each in self.resources if each["type"] == kind and each.get("condition", True)]

    def one(self, kind: str) -> dict[str, Any]:
        """Return the only resource of a type."""
        (found,) = self.of(kind)
        return found

    def settings(self) -> dict[str, dict[str, str]]:
        """Return the environment of each host, by service."""
        found = {
            _service(each["name"]): cast("dict[str, str]", each["properties"])
            for each in self.of("Microsoft.Web/sites/config")
        }
        for app in self.of("Microsoft.App/containerApps"):
            (container,) = app["properties"]["template"]["containers"]
            found[container["name"]] = {each["name"]: each["value"] for each in container["env"]}
        return found

    def hosts(self) -> dict[str, dict[str, Any]]:
        """Return the function apps or container apps, by service."""
        return {
            _service(each["name"]): each
            for each in (*self.of("Microsoft.Web/sites"), *self.of("Microsoft.App/containerApps"))
        }

    def roles(self) -> dict[str, set[tuple[str, str]]]:
        """Return what each identity may do: by service (or object id), the role and what it is for."""
        found: dict[str, set[tuple[str, str]]] = {}
        for role, scope, principal in self._assignments():
            who = re.fullmatch(r"<id-.*-(fetcher|normalizer|publisher)-[a-z0-9]+\.principalId>", principal)
            found.setdefault(who[1] if who else principal, set()).add((ROLES[role], scope))
        return found

    def _assignments(self) -> Iterator[tuple[str, str, str]]:
        for each in self.of("Microsoft.Authorization/roleAssignments"):
            properties = each["properties"]
            scope = each["id"].partition("/providers/Microsoft.Authorization/")[0].partition("/providers/")[2]
            yield properties["roleDefinitionId"].rpartition("/")[2], _short(scope), properties["principalId"]
        for each in self.of("Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments"):
            properties = each["properties"]
            scope = properties["scope"].partition("/dbs/")[2] or "all stores"
            yield properties["roleDefinitionId"].rpartition("/")[2], scope, properties["principalId"]


def _service(name: str) -> str:
    match = re.search(r"-(fetcher|normalizer|publisher)-", name)
    assert match, name
    return match[1]


def _short(scope: str) -> str:
    """Return a scope without the names that are made up: `queues/fetch-jobs`, `vaults`."""
    provider, kind, _name, *rest = scope.split("/")
    assert provider.startswith("Microsoft.")
    return "/".join(rest) or kind
