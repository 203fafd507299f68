"""What stands in front of every page: whose request it is, and what a browser may do with the answer."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mti.console.access import Access

ENTRY: Final = "/enter"
"""Where the printed link leads: the one page that needs no cookie."""
_SAFE: Final = frozenset({"GET", "HEAD"})
_METHODS: Final = _SAFE | {"POST"}
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: by that a browser says `Origin: null` of our own forms too, and nothing tells them apart.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
"""Of every answer, whatever it is."""


class Guard:
    """Refuses what is not asked of this console by one of its own pages or by a person, before a page sees it.

    Args:
        app: what stands behind.
        access: who may enter.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        answer = self._refusal(HTTPConnection(scope), scope["method"]) or self._app
        await answer(scope, receive, guarded)

    def _refusal(self, asked: HTTPConnection, method: str) -> Response | None:
        hosts = asked.headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._access.hosts:
            return PlainTextResponse("This console does not answer to that name.\n", 400)
        if method not in _METHODS:
            return PlainTextResponse("Only GET, HEAD and POST are understood.\n", 405, {"Allow": "GET, HEAD, POST"})
        if method not in _SAFE and not _is_own_origin(asked.headers.getlist("origin"), hosts[0]):
            return PlainTextResponse("A form of another page is not taken.\n", 403)
        if asked.url.path != ENTRY and not self._access.admits(asked.cookies.get(cookie_name(hosts[0]))):
            return PlainTextResponse("Open the link that `mti console` printed when it started.\n", 401)
        return None


def cookie_name(host: str) -> str:
    """Return the name of the cookie: browsers share cookies between the ports of a host.

    Args:
        host: the value of `Host`.
    """
    port = host.rpartition(":")[2]
    return f"mti_console_{port if port.isdigit() else 'default'}"


def _is_own_origin(origins: list[str], host: str) -> bool:
    if len(origins) != 1:
        return False
    origin = urlsplit(origins[0])
    return origin.scheme in {"http", "https"} and origin.netloc.lower() == host.lower()
