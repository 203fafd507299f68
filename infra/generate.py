"""What the templates have in common with the code, written into files that they load: `make templates`.

The entities of the bus, the containers of the stores and the hosts of the clouds are said once, in the code. Bicep
can't import Python, so these files lie beside the modules; a test sees that they are what this module would write.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from mti.common.adapters.cosmos.containers import CONTAINERS
from mti.common.registry.endpoints import COSMOS_HOSTS, SENTINEL_HOSTS, SERVICEBUS_HOSTS, VAULT_HOSTS
from mti.common.registry.records import CONTAINER as TENANTS
from mti.common.settings import PREFIX, BusSettings
from mti.common.topology.documents import template
from mti.common.topology.topology import STANDARD

ROOT: Final = Path(__file__).parents[1]
GENERATED: Final = ROOT / "infra" / "bicep" / "generated"
PAGES: Final = (ROOT / "README.md", ROOT / "docs" / "deploy.md")
"""Those that have the button of the form."""
BUTTON: Final = re.compile(r"https://portal\.azure\.com/#create/Microsoft\.Template/uri/[^)\s]+")

STORES: Final[Mapping[str, tuple[str, ...]]] = {
    "fetcher": ("checkpoints", "ledger"),
    "normalizer": ("checkpoints", "known", "ledger"),
    "publisher": ("checkpoints", "published"),
    TENANTS: (TENANTS,),
}
"""A database for each service and one for the tenants, with the containers that are used in it."""

CLOUDS: Final = ("AzureCloud", "AzureUSGovernment", "AzureChinaCloud")
"""As `environment().name` has them, in the order in which `mti.common.registry.endpoints` lists their hosts."""
KEDA: Final = ("AzurePublicCloud", "AzureUSGovernmentCloud", "AzureChinaCloud")
"""The same by the names of KEDA's scaler (https://keda.sh/docs/latest/scalers/azure-service-bus/)."""
PRIVATE_VAULTS: Final = ("vaultcore.azure.net", "vaultcore.usgovcloudapi.net", "vaultcore.azure.cn")
REGISTRIES: Final = ("azurecr.io", "azurecr.us", "azurecr.cn")
BLOBS: Final = ("blob.core.windows.net", "blob.core.usgovcloudapi.net", "blob.core.chinacloudapi.cn")
SITES: Final = ("azurewebsites.net", "azurewebsites.us", "chinacloudsites.cn")
MONITORS: Final = (
    ("monitor.azure.com", "oms.opinsights.azure.com", "ods.opinsights.azure.com", "agentsvc.azure-automation.net"),
    ("monitor.azure.us", "oms.opinsights.azure.us", "ods.opinsights.azure.us", "agentsvc.azure-automation.us"),
    ("monitor.azure.cn", "oms.opinsights.azure.cn", "ods.opinsights.azure.cn", "agentsvc.azure-automation.cn"),
)
"""With `privatelink.` before them, the zones of https://learn.microsoft.com/azure/private-link/private-endpoint-dns.
Azure Monitor has several, and that of blobs besides."""


def topology() -> dict[str, Any]:
    """Return the entities of the bus as Azure Resource Manager writes them, and who does what with them."""
    found = template(STANDARD)
    return {
        "queues": found["queues"],
        "topics": found["topics"],
        "settings": {
            f"{PREFIX}{name.upper()}": field.default
            for name, field in BusSettings.model_fields.items()
            if isinstance(field.default, str)
        },
        "services": _services(_aside(found)),
        "aside": _aside(found),
    }


def databases() -> list[dict[str, Any]]:
    """Return the databases with their containers, as Azure Resource Manager writes them."""
    return [
        {
            "name": database,
            "containers": [
                {
                    "id": CONTAINERS[name].name,
                    "partitionKey": {"paths": [CONTAINERS[name].partition_key_path], "kind": "Hash", "version": 2},
                    "defaultTtl": CONTAINERS[name].default_ttl,
                    "indexingPolicy": dict(CONTAINERS[name].index_policy),
                }
                for name in names
            ],
        }
        for database, names in STORES.items()
    ]


def clouds() -> dict[str, dict[str, Any]]:
    """Return the domains of each cloud: all but `sentinel` and `keda` follow a name and a dot.

    `privateZones` are by the group of a private endpoint, each with all zones that its names are in.
    """
    return {name: _cloud(place) for place, name in enumerate(CLOUDS)}


def _cloud(place: int) -> dict[str, Any]:
    bus, cosmos, vault = (hosts[place].removeprefix("*.") for hosts in (SERVICEBUS_HOSTS, COSMOS_HOSTS, VAULT_HOSTS))
    return {
        "serviceBus": bus,
        "cosmos": cosmos,
        "vault": vault,
        "registry": REGISTRIES[place],
        "sentinel": f"https://{SENTINEL_HOSTS[place]}",
        "keda": KEDA[place],
        "privateZones": {
            group: [f"privatelink.{domain}" for domain in domains]
            for group, domains in {
                "namespace": (bus,),
                "Sql": (cosmos,),
                "vault": (PRIVATE_VAULTS[place],),
                "blob": (BLOBS[place],),
                "sites": (SITES[place],),
                "azuremonitor": (*MONITORS[place], BLOBS[place]),
            }.items()
        },
    }


def button() -> str:
    """Return where the form's button leads: the portal, with the template and the form of the release.

    https://learn.microsoft.com/azure/azure-resource-manager/templates/deploy-to-azure-button
    """
    address = json.loads((ROOT / "infra" / "release.json").read_text())["address"]
    template_at, form_at = (quote(f"{address}/{name}.json", safe="") for name in ("azuredeploy", "createUiDefinition"))
    return f"https://portal.azure.com/#create/Microsoft.Template/uri/{template_at}/createUIDefinitionUri/{form_at}"


def generated() -> dict[Path, str]:
    """Return each file with what belongs in it; of a page the button alone is ours."""
    pages = {page: BUTTON.sub(button(), page.read_text()) for page in PAGES}
    return {**_loaded(), **pages}


def _loaded() -> dict[Path, str]:
    contents = {"topology": topology(), "databases": databases(), "clouds": clouds()}
    return {
        GENERATED / f"{name}.json": json.dumps(content, indent=2, ensure_ascii=True) + "\n"
        for name, content in contents.items()
    }


def _aside(found: Mapping[str, Any]) -> list[str]:
    """Return the queues that no service receives from: in them all services set things aside for a person."""
    return [queue["name"] for queue in found["queues"] if queue["name"] != STANDARD.jobs.name]


def _services(aside: list[str]) -> dict[str, Any]:
    """Return what each service receives, looks at and sends to: its roles follow from that.

    A retry is a copy that is sent to where the message came from. The fetcher looks at the line before the normalizer.
    """
    jobs, pages, indicators = STANDARD.jobs, STANDARD.pages, STANDARD.indicators
    to_normalize = {"topic": pages.name, "subscription": pages.subscription}
    to_publish = {"topic": indicators.name, "subscription": indicators.subscription}
    return {
        "fetcher": _rights(queues=[jobs.name], looks=[to_normalize], sends=[jobs.name, *aside], topics=[pages.name]),
        "normalizer": _rights(subscriptions=[to_normalize], sends=aside, topics=[pages.name, indicators.name]),
        "publisher": _rights(subscriptions=[to_publish], sends=aside, topics=[indicators.name]),
    }


def _rights(
    *,
    sends: list[str],
    topics: list[str],
    queues: list[str] | None = None,
    subscriptions: list[dict[str, str | None]] | None = None,
    looks: list[dict[str, str | None]] | None = None,
) -> dict[str, Any]:
    return {
        "receives": {"queues": queues or [], "subscriptions": subscriptions or []},
        "looksAt": looks or [],
        "sends": {"queues": sends, "topics": topics},
    }


def _stale() -> Iterator[Path]:
    for path, text in generated().items():
        if not path.is_file() or path.read_text() != text:
            yield path


def main() -> None:
    """Write the files that are not what they should be; tell their names."""
    for path in list(_stale()):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(generated()[path])
        sys.stdout.write(f"wrote {path.name}\n")


if __name__ == "__main__":
    main()
