"""What a page says when something failed: what it is and what to do, and never a trace."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mti.common.errors import ConfigurationError, MtiError
from mti.console.rendering import render_page

log = logging.getLogger(__name__)

_TITLES: Final[Mapping[int, str]] = {
    400: "That can't be understood",
    403: "That form is not taken",
    404: "There is no such page",
    405: "That can't be done here",
    413: "That is too large",
    415: "That is no form",
}


def refused(request: Request, error: Exception) -> Response:
    """Say why a request was refused."""
    assert isinstance(error, HTTPException)  # noqa: S101  what it is registered for
    title = _TITLES.get(error.status_code, "That did not work")
    context = {"title": title, "lines": [error.detail]}
    return render_page(request, "failure.html", "", context, status=error.status_code)


def failed(request: Request, error: Exception) -> Response:
    """Say what could not be done: these errors are written for people."""
    wrong = isinstance(error, ConfigurationError)
    title = "Not as it is asked" if wrong else "Not at this moment"
    context = {"title": title, "lines": str(error).splitlines() or [type(error).__name__]}
    return render_page(request, "failure.html", "", context, status=409 if wrong else 503)


def unforeseen(request: Request, error: Exception) -> Response:
    """Say that it is our fault, and leave the trace in the log."""
    log.error("a page failed", exc_info=error)
    lines = ["This is a fault of the console. The terminal that it was started in shows the trace."]
    return render_page(request, "failure.html", "", {"title": "This page failed", "lines": lines}, status=500)


HANDLERS: Final[Mapping[Any, Callable[[Request, Exception], Response]]] = {
    HTTPException: refused,
    MtiError: failed,
    Exception: unforeseen,
}
