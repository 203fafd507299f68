"""Lets azure-identity talk plain HTTP to an authority on this machine, and to no other.

azure-identity takes https authorities only. The registry lets a plain one through when it is on loopback and a person
allowed that, so here the library is told https and the transport takes the `s` away again, for that one origin.
"""

from types import TracebackType
from urllib.parse import urlsplit

from azure.core.pipeline.transport import AsyncHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest

from mti.common.bounded_http.azure_transport import BoundedAzureTransport, Heard
from mti.common.registry.endpoints import is_loopback


def is_plain_loopback(authority: str) -> bool:
    """Say whether the authority is plain HTTP on this machine."""
    split = urlsplit(authority)
    return split.scheme == "http" and is_loopback(split.hostname or "")


class LoopbackTransport(AsyncHttpTransport[HttpRequest, AsyncHttpResponse]):
    """The library's own transport, but plain HTTP for one origin on loopback.

    Args:
        authority: `http://127.0.0.1:PORT`.
        heard: is told when the servers say that it is.

    Raises:
        ValueError: the authority is not plain HTTP on this machine.
    """

    def __init__(self, authority: str, heard: Heard | None = None) -> None:
        if not is_plain_loopback(authority):
            raise ValueError(f"{authority} is not plain HTTP on this machine")
        self._inner: AsyncHttpTransport[HttpRequest, AsyncHttpResponse] = BoundedAzureTransport(
            use_env_settings=False, heard=heard
        )
        self._http = authority.rstrip("/") + "/"
        self._https = self._http.replace("http://", "https://", 1)

    async def send(self, request: HttpRequest, **config: object) -> AsyncHttpResponse:
        """Send a request of the origin in plain, any other as it is."""
        if request.url.startswith(self._https):
            request.url = self._http + request.url.removeprefix(self._https)
        return await self._inner.send(request, **config)

    async def open(self) -> None:
        """Open the session."""
        await self._inner.open()

    async def close(self) -> None:
        """Close the session."""
        await self._inner.close()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()
