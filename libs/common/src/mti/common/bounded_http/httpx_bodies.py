"""Answers of httpx, which by itself unpacks a piece of any size under any number of codings before it hands it on."""

import httpx

from mti.common.bounded_http.unpacking import BodyRefused, Unpacker

IDENTITY = {"Accept-Encoding": "identity"}
"""Asks for a plain body; an answer that is packed all the same is unpacked within its bound."""


async def read_body(response: httpx.Response, limit: int) -> bytes:
    """Return the body of an answer that is being streamed.

    Args:
        response: with nothing of its body read.
        limit: bytes that it may have, as it travels and unpacked.

    Raises:
        BodyRefused: it is too large, under a coding that is not read, or broken.
        httpx.TransportError: it broke off.
    """
    unpacker = Unpacker(response.headers.get("Content-Encoding", ""), limit)
    unpacker.expect(response.headers.get("Content-Length"))
    if response.is_stream_consumed:  # made of bytes by a transport in this process
        plain = Unpacker("", limit)
        plain.feed(response.content)
        return plain.finish()
    async for piece in response.aiter_raw():
        unpacker.feed(piece)
    return unpacker.finish()


class AnswerRefused(httpx.DecodingError):
    """A body that is not taken, as an error that callers of httpx expect."""


class BoundedTransport(httpx.AsyncBaseTransport):
    """Reads each answer whole within a bound, so that a client over it can't be made to hold more.

    Args:
        inner: carries the requests; closed with this one.
        limit: bytes that an answer may have.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, limit: int) -> None:
        self._inner = inner
        self._limit = limit

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read its answer.

        Raises:
            AnswerRefused: the body is too large, under a coding that is not read, or broken.
        """
        response = await self._inner.handle_async_request(request)
        response.request = request
        try:
            body = await read_body(response, self._limit)
        except BodyRefused as refused:
            raise AnswerRefused(str(refused), request=request) from refused
        finally:
            await response.aclose()
        headers = [(name, value) for name, value in response.headers.multi_items() if name not in _OF_TRANSPORT]
        return httpx.Response(response.status_code, headers=headers, content=body, extensions=response.extensions)

    async def aclose(self) -> None:
        """Close the inner one."""
        await self._inner.aclose()


_OF_TRANSPORT = frozenset({"content-encoding", "content-length", "transfer-encoding"})
"""Headers that were true of the body as it travelled, in lower case as httpx lists them."""
