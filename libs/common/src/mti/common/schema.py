"""Which form a service's store is in. A store of an earlier form is refused with what to run, never misread.

A document, in the container `checkpoints`, partition `schema`, id `books`: ``{"version": 3}``. A store without it that
holds nothing yet is of the current form; one that holds something is of form 1.
"""

from collections.abc import Sequence
from typing import Final

from mti.common.errors import ConfigurationError, WriteConflict
from mti.common.ports.store import Document, Store

VERSION: Final = 3
"""1: what is known was kept by source and policy, and what is published by the ids of generations. 2: each indicator
was a document of its own in the store, and not packed (`mti.common.adapters.packed`)."""
CONTAINER: Final = "checkpoints"
PARTITION: Final = "schema"
ID: Final = "books"


async def version_of(store: Store, containers: Sequence[str]) -> int:
    """Return the form that a store is in.

    Args:
        store: a service's.
        containers: those whose documents have changed their form.

    Raises:
        StoreUnavailable: it does not answer.
    """
    marked = await _marked(store)
    if marked is None and await _holds_something(store, containers):
        # A process that starts at the same moment marks a new store before it writes anything else to it.
        marked = await _marked(store)
        return 1 if marked is None else marked
    return VERSION if marked is None else marked


async def _marked(store: Store) -> int | None:
    found = await store.container(CONTAINER).read(PARTITION, ID)
    return None if found is None else int(str(found.body.get("version", 1)))


async def _holds_something(store: Store, containers: Sequence[str]) -> bool:
    for name in containers:
        async for _ in store.container(name).partitions():
            return True
    return False


async def is_marked(store: Store) -> bool:
    """Say whether it is written down which form a store is in."""
    return await _marked(store) is not None


async def mark(store: Store, version: int = VERSION) -> None:
    """Write down which form a store is of, unless it is of that or a later one."""
    container = store.container(CONTAINER)
    there = await container.read(PARTITION, ID)
    if there is not None and int(str(there.body.get("version", 1))) >= version:
        return
    document = Document(
        partition=PARTITION, id=ID, body={"version": version}, etag=None if there is None else there.etag
    )
    try:
        await container.write(document)
    except WriteConflict:
        return  # another process of the service has just written it


async def require_current(store: Store, service: str, containers: Sequence[str], *, writing: bool) -> None:
    """See that a store is of the form that this release works with.

    Args:
        store: a service's.
        service: its name, for the error.
        containers: see `version_of`.
        writing: whether to mark a store that is new.

    Raises:
        ConfigurationError: it is of another form; the text says what to run.
        StoreUnavailable: it does not answer.
    """
    found = await version_of(store, containers)
    if found < VERSION:
        raise ConfigurationError(
            f"the {service}'s store was written by an earlier release; stop the services, run `mti migrate` once "
            "(with --data DIR for an embedded stack), and start them again"
        )
    if found > VERSION:
        raise ConfigurationError(
            f"the {service}'s store was written by a later release (form {found}, this one reads {VERSION}); "
            "run that one"
        )
    if writing:
        await mark(store)
