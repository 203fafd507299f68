"""The transport of the Azure libraries, bounded: by itself it reads and unpacks an answer of any size at once."""

import asyncio
from collections.abc import Callable, Mapping

import aiohttp
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest
from multidict import CIMultiDict, CIMultiDictProxy

from mti.common.bounded_http.azure_refusal import AnswerRefused
from mti.common.bounded_http.unpacking import BodyRefused, Unpacker

ANSWER_LIMIT = 1024 * 1024
"""Bytes of an answer of Microsoft Entra ID or Key Vault: a token has a few thousand, a secret at most 25,000
(https://learn.microsoft.com/azure/key-vault/secrets/about-secrets)."""
_PIECE = 64 * 1024

Heard = Callable[[str | None, float], None]
"""Is told of each answer its header `Date`, and how many seconds it took."""


class BoundedAzureTransport(AioHttpTransport):  # type: ignore[misc]
    """The libraries' own transport, but an answer has at most so many bytes, packed and unpacked.

    Args:
        limit: bytes of an answer.
        use_env_settings: whether the proxy of the environment is used.
        connector: how connections are made; aiohttp's own when not given. Closed with the transport.
        heard: is told when the servers say that it is.
    """

    def __init__(
        self,
        limit: int = ANSWER_LIMIT,
        *,
        use_env_settings: bool = True,
        connector: aiohttp.BaseConnector | None = None,
        heard: Heard | None = None,
    ) -> None:
        super().__init__(use_env_settings=use_env_settings)
        self._connector = connector
        self.session: aiohttp.ClientSession | None
        self._limit = limit
        self._env = use_env_settings
        self._heard = heard

    async def open(self) -> None:
        """Open the session; an answer that is too large raises `AnswerRefused` while it is read."""
        if self.session is None and not self._has_been_opened:
            self.session = aiohttp.ClientSession(
                connector=self._connector,
                trust_env=self._env,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                response_class=_bounded_by(self._limit),
            )
        await super().open()

    async def send(self, request: HttpRequest, **config: object) -> AsyncHttpResponse:
        """Send a request."""
        began = asyncio.get_running_loop().time()
        answer: AsyncHttpResponse = await super().send(request, **config)
        if self._heard is not None:
            self._heard(answer.headers.get("Date"), asyncio.get_running_loop().time() - began)
        return answer


def _bounded_by(limit: int) -> type[aiohttp.ClientResponse]:
    """Return the class of answers with that limit: aiohttp makes them itself, and hands nothing of ours to them."""

    class BoundedResponse(_BoundedResponse):
        LIMIT = limit

    return BoundedResponse


class _BoundedResponse(aiohttp.ClientResponse):
    LIMIT = ANSWER_LIMIT
    _taken: bytes | None = None

    @property
    def headers(self) -> "CIMultiDictProxy[str]":
        """The headers without the coding, which `read` takes off."""
        return CIMultiDictProxy(_without_coding(super().headers))

    async def read(self) -> bytes:
        """Return the body, unpacked.

        Raises:
            AnswerRefused: it is too large, under a coding that is not read, or broken.
        """
        if self._taken is None:
            try:
                self._taken = await self._read()
            except BodyRefused as refused:
                raise AnswerRefused(str(refused)) from refused
            finally:
                if self._taken is None:
                    self.close()
        return self._taken

    async def _read(self) -> bytes:
        sent = super().headers
        unpacker = Unpacker(", ".join(sent.getall("Content-Encoding", ())), self.LIMIT)
        unpacker.expect(sent.get("Content-Length"))
        async for piece in self.content.iter_chunked(_PIECE):
            unpacker.feed(piece)
        return unpacker.finish()


def _without_coding(headers: Mapping[str, str]) -> "CIMultiDict[str]":
    kept = CIMultiDict(headers)
    kept.popall("Content-Encoding", None)
    return kept
