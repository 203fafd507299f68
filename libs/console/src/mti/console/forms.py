"""Forms, bounded before they are read, and taken only from our own pages."""

from typing import Final
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from mti.console.access import Access

FORM_BYTES: Final = 64 << 10
"""The largest form, but for the one that a page says more of."""
_FIELDS: Final = 64
FORM_TOKEN: Final = "form_token"  # noqa: S105  the name of a field
_TYPE: Final = "application/x-www-form-urlencoded"


async def read_form(request: Request, *, limit: int = FORM_BYTES) -> dict[str, str]:
    """Return the fields of a form of ours, the first of each name.

    Args:
        request: whose body was not read yet.
        limit: bytes that are read at the most.

    Raises:
        HTTPException: it is too large, no form, or of another page.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise HTTPException(415, "Only a form is taken here.")
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > limit:
        raise HTTPException(413, "The form is too large.")
    body = bytearray()
    async for part in request.stream():
        if len(body) + len(part) > limit:
            raise HTTPException(413, "The form is too large.")
        body += part
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS, errors="strict")
    except ValueError:
        raise HTTPException(400, "The form can't be read.") from None
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name, value)
    access: Access = request.app.state.access
    if not access.is_own_form(fields.pop(FORM_TOKEN, "")):
        raise HTTPException(403, "The form is of an earlier run of this console, or of another page: open it anew.")
    return fields
