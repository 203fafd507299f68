"""Faults that replace the answer altogether, whatever was asked."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import web

from mti.simulators.mimecast.answers import envelope, flat_error, flat_fail, html_page
from mti.simulators.mimecast.plan import MimecastFault, MimecastFaultKind
from mti.simulators.mimecast.rate_headers import limit_headers


class Misbehaving(Protocol):
    """What a fault needs of the server."""

    def now_ms(self) -> int:
        """Return the time, in milliseconds since 1970."""
        ...

    async def wait(self, seconds: float) -> None:
        """Hold the request."""
        ...

    def drop(self, request: web.Request) -> web.Response:
        """Cut the connection."""
        ...

    def revoke(self, account: str) -> None:
        """Make the account's bearer tokens void."""
        ...

    def expire_binding(self, account: str) -> bool:
        """Let the account's access-key binding expire."""
        ...


_Act = Callable[[Misbehaving, web.Request, MimecastFault, str], Awaitable[web.Response]]


async def _rate_limited(on: Misbehaving, _request: web.Request, fault: MimecastFault, _account: str) -> web.Response:
    answer = envelope(429, "err_rate_limit", "Too many requests", retryable=True)
    if fault.retry_after is not None:
        answer.headers["Retry-After"] = str(fault.retry_after)
    if fault.reset_ms is not None:
        told = limit_headers(
            remaining=0, free_in_ms=fault.reset_ms, now_ms=on.now_ms(), dashed=fault.dashed, form=fault.reset
        )
        answer.headers.update(told)
    return answer


async def _status(_on: Misbehaving, _request: web.Request, fault: MimecastFault, _account: str) -> web.Response:
    return envelope(fault.status or 500, fault.code, fault.message, retryable=fault.retryable)


async def _html(_on: Misbehaving, _request: web.Request, fault: MimecastFault, _account: str) -> web.Response:
    return html_page(fault.status or 502)


async def _dropped(on: Misbehaving, request: web.Request, _fault: MimecastFault, _account: str) -> web.Response:
    return on.drop(request)


async def _hang(on: Misbehaving, request: web.Request, fault: MimecastFault, _account: str) -> web.Response:
    await on.wait(fault.seconds)
    return on.drop(request)


async def _fail(_on: Misbehaving, _request: web.Request, fault: MimecastFault, _account: str) -> web.Response:
    status = fault.status or 200
    if fault.form == "flat_fail":
        return flat_fail(status, fault.code, fault.message)
    if fault.form == "flat_error":
        return flat_error(status, fault.message)
    return envelope(status, fault.code, fault.message, retryable=fault.retryable)


async def _unauthorized(on: Misbehaving, _request: web.Request, _fault: MimecastFault, account: str) -> web.Response:
    on.revoke(account)
    return flat_fail(401, "InvalidToken", "Access token is not valid")


async def _expired(on: Misbehaving, _request: web.Request, _fault: MimecastFault, account: str) -> web.Response:
    on.expire_binding(account)
    return envelope(418, "err_xdk_binding_expired", "The access key has expired: log in again", retryable=False)


_ACTS: dict[MimecastFaultKind, _Act] = {
    MimecastFaultKind.RATE_LIMITED: _rate_limited,
    MimecastFaultKind.STATUS: _status,
    MimecastFaultKind.HTML: _html,
    MimecastFaultKind.DROPPED: _dropped,
    MimecastFaultKind.HANG: _hang,
    MimecastFaultKind.FAIL: _fail,
    MimecastFaultKind.UNAUTHORIZED: _unauthorized,
    MimecastFaultKind.BINDING_EXPIRED: _expired,
}


async def instead_of_answer(
    on: Misbehaving, request: web.Request, fault: MimecastFault | None, account: str
) -> web.Response | None:
    """Return the fault's answer, or `None` when the fault, if any, lets the right answer through in some form."""
    act = None if fault is None else _ACTS.get(fault.kind)
    return None if fault is None or act is None else await act(on, request, fault, account)
