"""The tenants that a command works on: an embedded stack's folder with its file, or a store."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mti.common.adapters.identity import identity_in
from mti.common.composition.stores import TEXT, live_registry, open_store
from mti.common.errors import ConfigurationError
from mti.common.ports.store import Container
from mti.common.registry import LiveRegistry, Registry
from mti.common.registry.document import Document, parse_document, read_document
from mti.common.registry.records import CONTAINER, read_records
from mti.common.settings import TenantsSettings
from mti.stack.layout import TENANTS_SECONDS, Layout


@dataclass(frozen=True, slots=True)
class TenantsDesk:
    """Where states are written, and which tenants there are."""

    container: Container
    known: frozenset[str]
    name: str
    """Where the tenants are described."""


def settings_of(
    data: Path | None, tenants: Path | None, store: str | None = None, *, allow_loopback: bool = True
) -> TenantsSettings:
    """Return where the tenants are described, by options first and the environment after them.

    Args:
        data: the folder of an embedded stack, which has the states, and remembers the file.
        tenants: the tenants file.
        store: the store of the tenants.
        allow_loopback: whether endpoints on this machine are accepted.

    Raises:
        ConfigurationError: they are described nowhere, or twice.
    """
    given: dict[str, Any] = {"allow_loopback": True} if allow_loopback else {}
    if data is not None:
        last = Layout(data).recall()
        path = tenants or (last.tenants if last else None)
        if path is None:
            raise ConfigurationError(
                f"no tenants file is known; name it with --tenants FILE, since {data} is no folder that a stack ran on"
            )
        states = f"sqlite:{Layout(data).tenants.absolute()}"
        given |= {"tenants_file": path, "tenants_store": None, "tenants_text": None, "tenants_states": states}
    elif tenants is not None:
        given |= {"tenants_file": tenants, "tenants_store": None, "tenants_text": None}
    elif store is not None:
        given |= {"tenants_file": None, "tenants_store": store, "tenants_text": None, "tenants_states": None}
    return TenantsSettings.from_environment(**given)


async def registry_in(settings: TenantsSettings) -> Registry:
    """Read the tenants once, with their states.

    Raises:
        ConfigurationError: the tenants are wrong; the text lists all that is wrong.
    """
    async with AsyncExitStack() as stack:
        return (await stack.enter_async_context(live_registry(settings, identity_in(stack)))).current


@asynccontextmanager
async def following(data: Path, tenants: Path, *, allow_loopback: bool) -> AsyncIterator[LiveRegistry]:
    """Follow the tenants of an embedded run, as its services do.

    Raises:
        ConfigurationError: the tenants file is wrong; the text lists all that is wrong.
    """
    settings = settings_of(data, tenants, allow_loopback=allow_loopback)
    settings = settings.model_copy(update={"tenants_seconds": float(TENANTS_SECONDS)})
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(live_registry(settings, identity_in(stack)))


@asynccontextmanager
async def opened(settings: TenantsSettings) -> AsyncIterator[Container]:
    """Open the container that the settings name for writing: of the tenants, or of their states beside a file.

    Raises:
        ConfigurationError: the settings name none.
    """
    target = settings.tenants_store_target or settings.tenants_states_target
    if target is None:
        raise ConfigurationError(
            "it is not said where the tenants' states are kept; name an embedded stack's folder with --data, or set"
            " MTI_TENANTS_STORE, or MTI_TENANTS_STATES beside a tenants file or text"
        )
    async with AsyncExitStack() as stack:
        opening = open_store(target, settings.cosmos_key, identity_in(stack))
        stack.push_async_callback(opening.close)
        yield opening.container(CONTAINER)


@asynccontextmanager
async def desk(data: Path | None, tenants: Path | None, store: str | None) -> AsyncIterator[TenantsDesk]:
    """Open what pausing, resuming and removing need. A tenants file may have faults meanwhile: its ids will do.

    Raises:
        ConfigurationError: the settings are wrong, or the folder is none of a stack.
    """
    if data is not None and tenants is None and not Layout(data).bus.is_dir():
        raise ConfigurationError(
            f"{data} is no folder of an embedded stack; name the --data folder of `mti up`, or, before its first run,"
            " the tenants file too, with --tenants"
        )
    settings = settings_of(data, tenants, store)
    if data is not None:
        Layout(data).make()
    async with opened(settings) as container:
        if settings.tenants_file is not None:
            yield TenantsDesk(container, _ids_in(read_document(settings.tenants_file)), str(settings.tenants_file))
        elif settings.tenants_text is not None:
            document = parse_document(settings.tenants_text.encode(), TEXT)
            yield TenantsDesk(container, _ids_in(document), TEXT)
        else:
            records = await read_records(container)
            yield TenantsDesk(container, frozenset(records.tenants), str(settings.tenants_store))


def _ids_in(document: Document) -> frozenset[str]:
    found = document.data
    entries = found.get("tenants") if isinstance(found, dict) else None
    ids = [entry.get("id") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return frozenset(id for id in ids if isinstance(id, str))
