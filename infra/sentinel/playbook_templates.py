"""Playbooks in the form of Azure-Sentinel's repository: a folder each, with a template that stands alone and a page.

https://github.com/Azure/Azure-Sentinel/wiki#playbooks says what its validators want: a title, a description, what is
needed before and left to do after, entities, tags, support, author and release notes in `metadata`; a parameter
`PlaybookName`; the tags `hidden-SentinelTemplateName` and `hidden-SentinelTemplateVersion`.
"""

import json
from typing import Any, Final

from infra.sentinel.content import VERSION
from infra.sentinel.playbooks import Playbook, playbooks

UPDATED: Final = "2026-11-28T00:00:00.000Z"
_RESOURCE_MANAGER: Final = (
    "[if(endsWith(environment().resourceManager, '/'), take(environment().resourceManager, "
    "sub(length(environment().resourceManager), 1)), environment().resourceManager)]"
)
_API: Final = (
    "[concat('/subscriptions/', subscription().subscriptionId, '/providers/Microsoft.Web/locations/', "
    "parameters('location'), '/managedApis/azuresentinel')]"
)
_CONNECTION: Final = "[resourceId('Microsoft.Web/connections', variables('SentinelConnectionName'))]"


def folder_of(name: str) -> str:
    """Return the folder of a playbook in the solution: `Mimecast-Block-In-Defender`."""
    return "Mimecast-" + "-".join(part.capitalize() for part in name.split("-"))


def template(name: str) -> dict[str, Any]:
    """Return `azuredeploy.json` of a playbook."""
    book = playbooks()[name]
    own = {key: given for key, given in book.all_parameters.items() if key != "ResourceManager"}
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "metadata": _metadata(book),
        "parameters": {
            "PlaybookName": {
                "type": "string",
                "defaultValue": folder_of(name),
                "metadata": {"description": "The name of the workflow."},
            },
            "location": {
                "type": "string",
                "defaultValue": "[resourceGroup().location]",
                "metadata": {"description": "Where it lives."},
            },
            **{
                key: {
                    "type": given.type.lower(),
                    **({} if given.default is None else {"defaultValue": given.default}),
                    **({"allowedValues": list(given.allowed)} if given.allowed else {}),
                    "metadata": {"description": given.description},
                }
                for key, given in own.items()
            },
        },
        "variables": {
            "SentinelConnectionName": "[concat('MicrosoftSentinel-', parameters('PlaybookName'))]",
            "ResourceManager": _RESOURCE_MANAGER,
        },
        "resources": [_connection(), _workflow(book, folder_of(name), list(own))],
        "outputs": {
            "principalId": {
                "type": "string",
                "value": (
                    "[reference(resourceId('Microsoft.Logic/workflows', parameters('PlaybookName')), '2019-05-01', "
                    "'full').identity.principalId]"
                ),
            }
        },
    }


def page(name: str) -> str:
    """Return `readme.md` of a playbook."""
    book = playbooks()[name]
    needed = "\n".join(f"{place}. {each}" for place, each in enumerate(book.prerequisites, 1))
    left = "\n".join(f"{place}. {each}" for place, each in enumerate(book.after_deployment, 1))
    return (
        f"# {book.title}\n\n## Summary\n\n{book.description}\n\n## Prerequisites\n\n{needed}\n\n"
        f"## Post-deployment\n\n{left}\n"
    )


def files() -> dict[str, str]:
    """Return each file of the solution's folder `Playbooks`, by its path in there."""
    found = {}
    for name in playbooks():
        found[f"{folder_of(name)}/azuredeploy.json"] = json.dumps(template(name), indent=2, ensure_ascii=True) + "\n"
        found[f"{folder_of(name)}/readme.md"] = page(name)
    return found


def _metadata(book: Playbook) -> dict[str, Any]:
    return {
        "title": book.title,
        "description": book.description,
        "prerequisites": list(book.prerequisites),
        "postDeployment": list(book.after_deployment),
        "prerequisitesDeployTemplateFile": "",
        "lastUpdateTime": UPDATED,
        "entities": list(book.entities),
        "tags": list(book.tags),
        "support": {"tier": "community"},
        "author": {"name": "Community"},
        "releaseNotes": [{"version": VERSION, "title": book.title, "notes": ["First release"]}],
    }


def _connection() -> dict[str, Any]:
    return {
        "type": "Microsoft.Web/connections",
        "apiVersion": "2016-06-01",
        "name": "[variables('SentinelConnectionName')]",
        "location": "[parameters('location')]",
        "kind": "V1",
        "properties": {
            "displayName": "[variables('SentinelConnectionName')]",
            "parameterValueType": "Alternative",
            "api": {"id": _API},
        },
    }


def _workflow(book: Playbook, name: str, own: list[str]) -> dict[str, Any]:
    values = {key: {"value": f"[parameters('{key}')]"} for key in own}
    return {
        "type": "Microsoft.Logic/workflows",
        "apiVersion": "2019-05-01",
        "name": "[parameters('PlaybookName')]",
        "location": "[parameters('location')]",
        "identity": {"type": "SystemAssigned"},
        "tags": {"hidden-SentinelTemplateName": name, "hidden-SentinelTemplateVersion": VERSION},
        "dependsOn": [_CONNECTION],
        "properties": {
            "state": "Enabled",
            "definition": book.definition(),
            "parameters": {
                **values,
                "ResourceManager": {"value": "[variables('ResourceManager')]"},
                "$connections": {
                    "value": {
                        "azuresentinel": {
                            "id": _API,
                            "connectionId": _CONNECTION,
                            "connectionName": "[variables('SentinelConnectionName')]",
                            "connectionProperties": {"authentication": {"type": "ManagedServiceIdentity"}},
                        }
                    }
                },
            },
        },
    }
