"""What a namespace says of itself: by the administration of one that runs, or from the folder of one that rests."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from mti.common.errors import BusUnavailable

if TYPE_CHECKING:
    import httpx

    from servicebus_local import NamespaceAtRest


class NamespaceReader(Protocol):
    """Reads counts and messages, in the words of the administration."""

    async def statistics(self) -> dict[str, Any]:
        """Return the counts of each entity, all of one instant.

        Raises:
            BusUnavailable: it can't be read.
        """
        ...

    async def messages(self, entity: str, after: int, limit: int) -> list[dict[str, Any]] | None:
        """Return messages of an entity from beyond a sequence number; `None` where there is no such entity.

        Raises:
            BusUnavailable: it can't be read.
        """
        ...


class ServedNamespace:
    """A namespace that runs.

    Args:
        administration: a client of the administration port. Not closed here.
    """

    def __init__(self, administration: "httpx.AsyncClient") -> None:
        self._administration = administration

    async def statistics(self) -> dict[str, Any]:
        """See `NamespaceReader`."""
        with _answering():
            answer = await self._administration.get("/stats")
            counts: dict[str, Any] = answer.raise_for_status().json()
        return counts

    async def messages(self, entity: str, after: int, limit: int) -> list[dict[str, Any]] | None:
        """See `NamespaceReader`."""
        with _answering():
            params: dict[str, str | int] = {"entity": entity, "after": after, "limit": limit}
            answer = await self._administration.get("/messages", params=params)
            if answer.status_code == HTTPStatus.NOT_FOUND:
                return None
            messages: list[dict[str, Any]] = answer.raise_for_status().json()
        return messages


class RestingNamespace:
    """A namespace that nobody serves.

    Args:
        namespace: entered by who gives it.
    """

    def __init__(self, namespace: "NamespaceAtRest") -> None:
        self._namespace = namespace

    async def statistics(self) -> dict[str, Any]:
        """See `NamespaceReader`."""
        return dict(self._namespace.statistics())

    async def messages(self, entity: str, after: int, limit: int) -> list[dict[str, Any]] | None:
        """See `NamespaceReader`."""
        from servicebus_local.errors import EntityNotFound, ServiceError  # noqa: PLC0415  loaded with the namespace

        try:
            return self._namespace.messages(entity, after, limit)
        except EntityNotFound:
            return None
        except ServiceError as error:
            raise BusUnavailable(f"the local namespace can't be read: {error}") from error


@contextmanager
def _answering() -> Iterator[None]:
    import httpx  # noqa: PLC0415  loaded with the client

    try:
        yield
    except httpx.HTTPError as error:
        raise BusUnavailable(
            f"the local namespace does not answer ({type(error).__name__}); its stack may just be ending: try again"
        ) from error
