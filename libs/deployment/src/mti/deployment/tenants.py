"""The tenants of a deployment: where they are described, where their states are kept, and their workspaces."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mti.common.adapters.identity import Identity
from mti.common.adapters.secrets import ReferenceResolver
from mti.common.composition.stores import TEXT, open_store
from mti.common.errors import ConfigurationError
from mti.common.ports.store import Container
from mti.common.registry import Registry, check_secrets, load_registry
from mti.common.registry.document import Document, parse_document, read_document
from mti.common.registry.records import CONTAINER, read_records
from mti.common.settings import TenantsSettings
from mti.deployment.settings import DeploymentSettings

if TYPE_CHECKING:
    from mti.stack.layout import Layout


@dataclass(frozen=True, slots=True)
class TenantStates:
    """Where states are written, and which tenants there are."""

    container: Container
    known: frozenset[str]
    name: str
    """Where the tenants are described."""


def tenants_settings(*, file: Path | None = None, store: str | None = None, **given: Any) -> TenantsSettings:  # noqa: ANN401  as the fields are
    """Return the settings of tenants that are described in a file or in a store, whatever the environment says of it.

    Args:
        file: the tenants file.
        store: the store of the tenants.
        given: what else is known, as the fields of `TenantsSettings`; the environment says the rest.

    Raises:
        ConfigurationError: one is wrong.
    """
    named: dict[str, Any] = {"tenants_file": file, "tenants_store": store, "tenants_text": None}
    if "states" in given:
        named["tenants_states"] = given.pop("states")
    return TenantsSettings.from_environment(**named, **given)


def file_of_folder(layout: "Layout") -> Path:
    """Return the tenants file of a folder's last run, or the one that the environment names.

    Raises:
        ConfigurationError: none is known.
    """
    last = layout.recall()
    path = last.tenants if last else DeploymentSettings.from_environment().tenants_file
    if path is None:
        raise ConfigurationError(
            f"no tenants file is known; name it with --tenants FILE, since {layout.root} is no folder that a stack ran"
            " on"
        )
    return path


def workspaces_of(tenant: str | None, data: Path | None, tenants: Path | None) -> frozenset[str]:
    """Return the workspaces of a tenant, when a tenants file is at hand, whatever the states of its tenants are.

    Args:
        tenant: its id; `None` has none.
        data: the folder of an embedded stack, which remembers the file of its last run.
        tenants: the tenants file.

    Raises:
        ConfigurationError: the file is wrong.
    """
    if tenant is None:
        return frozenset()
    path = tenants or _last_file(data) or DeploymentSettings.from_environment().tenants_file
    if path is None:
        return frozenset()
    # An endpoint on this machine is no reason to refuse the file here: nothing is sent to any.
    registry = load_registry(path, allow_loopback=True)
    return frozenset(route.destination for route in registry.routes if tenant in route.tenants)


def _last_file(data: Path | None) -> Path | None:
    if data is None:
        return None
    from mti.stack.layout import Layout  # noqa: PLC0415  a deployment on Azure has no folder

    last = Layout(data).recall()
    return last.tenants if last else None


async def states_in(settings: TenantsSettings, container: Container) -> TenantStates:
    """Return what pausing, resuming and removing need.

    Args:
        settings: where the tenants are described.
        container: where their states are written; see `container_in`.

    Raises:
        ConfigurationError: the tenants can't be read.
    """
    if settings.tenants_file is not None:
        return TenantStates(container, _ids_in(read_document(settings.tenants_file)), str(settings.tenants_file))
    if settings.tenants_text is not None:
        return TenantStates(container, _ids_in(parse_document(settings.tenants_text.encode(), TEXT)), TEXT)
    records = await read_records(container)
    return TenantStates(container, frozenset(records.tenants), str(settings.tenants_store))


def container_in(settings: TenantsSettings, identity: Identity, exits: AsyncExitStack) -> Container:
    """Open the container that the settings name for writing: of the tenants, or of their states beside a file.

    Args:
        settings: where the tenants are described.
        identity: who this process is to Azure.
        exits: closes what is opened.

    Raises:
        ConfigurationError: the settings name none.
    """
    target = settings.tenants_store_target or settings.tenants_states_target
    if target is None:
        raise ConfigurationError(
            "it is not said where the tenants' states are kept; name an embedded stack's folder with --data, or set"
            " MTI_TENANTS_STORE, or MTI_TENANTS_STATES beside a tenants file or text"
        )
    store = open_store(target, settings.cosmos_key, identity)
    exits.push_async_callback(store.close)
    return store.container(CONTAINER)


async def require_secrets(registry: Registry, tenants: Path) -> None:
    """Resolve every reference before anything starts: a person is there to mend it, and later it is only a pause.

    Raises:
        ConfigurationError: lists each secret that can't be read, with its tenant, field and cure.
    """
    settings = tenants_settings(file=tenants, states=None)
    async with ReferenceResolver(settings.keyvault_url, tenants.parent) as resolver:
        problems = await check_secrets(registry, resolver)
    if problems:
        raise ConfigurationError("\n".join([f"{tenants}: some secrets can't be read:", *problems]))


def _ids_in(document: Document) -> frozenset[str]:
    data = document.data
    entries = data.get("tenants") if isinstance(data, dict) else None
    ids = [entry.get("id") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return frozenset(id for id in ids if isinstance(id, str))
