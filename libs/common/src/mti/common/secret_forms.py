"""The forms under which a secret turns up in what others say: as it is, escaped, quoted, or in Base64. Pure.

A server that repeats what it was sent repeats it in the form of its own answer: a JSON string, a page of HTML, a query,
the `Authorization` header that a proxy saw.
"""

import base64
import html
import json
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, quote_plus

MASK: Final = "***"

SHORTEST: Final = 8
"""No credential of Mimecast or Azure is shorter, and a short value would be found inside innocent words."""
_LINE: Final = 20
"""Characters of a line of a key that are worth hiding by themselves."""
_LONGEST_ENCODED: Final = 512
"""Characters of a value that is looked for in Base64: longer ones are tokens and keys, which are in Base64 already."""

_ESCAPE = re.compile(r"%[0-9A-F]{2}")
_SHAPES = (
    # RFC 7519: a token says by itself that it is one.
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)*"), MASK),
    # RFC 9110, section 11.4, and the schemes of Mimecast and Azure.
    (re.compile(r"\b(Bearer|Basic(?:-Cloud)?|SharedKey)(\s+)[A-Za-z0-9+/._~=-]{20,}", re.IGNORECASE), rf"\1\2{MASK}"),
    (re.compile(r"\bMC [^\s:]{8,}:[A-Za-z0-9+/=]{20,}"), f"MC {MASK}"),
    # Queries, forms, connection strings and JSON that name what they hold.
    (
        re.compile(
            r"\b((?:sig|client_secret|client_assertion|access_token|refresh_token|id_token|password|passwd|pwd"
            r"|shared_?access_?key|account_?key|api_?key|app_?key|access_?key|secret_?key)"
            r"(?:=|\"\s*:\s*\"))[^\s\"'&;,<>]{4,}",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
)
"""What gives itself away as a credential, though nobody here knows its value."""


def forms_of(value: str) -> frozenset[str]:
    """Return the forms of a secret that are long enough to be looked for.

    Args:
        value: the secret; of one with several lines, such as a key in PEM, each long line counts by itself.
    """
    whole = value.strip()
    parts = {value, whole, *(line.strip() for line in whole.split("\n") if len(line.strip()) > _LINE)}
    found = {form for part in parts for form in _written(part)}
    if "\n" not in whole and len(whole) <= _LONGEST_ENCODED:
        found |= {form for text in {whole, quote_plus(whole)} for form in _in_base64(text)}
    return frozenset(form for form in found if len(form) >= SHORTEST)


def passing_forms_of(token: str) -> frozenset[str]:
    """Return the forms of a token that lives for an hour: fewer, since there are many."""
    return frozenset(form for form in {token.strip(), quote(token.strip(), safe="")} if len(form) >= SHORTEST)


def without_shapes(text: str) -> str:
    """Return the text with everything masked that has the shape of a credential."""
    for shape, instead in _SHAPES:
        text = shape.sub(instead, text)
    return text


def _written(text: str) -> Iterator[str]:
    yield text
    for quoted in (quote(text, safe=""), quote(text), quote_plus(text)):
        yield quoted
        yield _ESCAPE.sub(lambda found: found[0].lower(), quoted)
    yield quote(quote(text, safe=""), safe="")
    for escaped in (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]):
        yield escaped
        yield escaped.replace("/", "\\/")
        yield json.dumps(escaped)[1:-1]
    yield repr(text)[1:-1]
    page = html.escape(text)
    yield page
    yield page.replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    yield html.escape(text, quote=False)


def _in_base64(text: str) -> Iterator[str]:
    """Return what the text looks like inside the Base64 of something longer, such as `user:password`.

    It may begin at any of three places within a group; the characters at its ends that depend on its neighbours too
    are left out.
    """
    data = text.encode(errors="surrogatepass")
    for before in range(3):
        whole = base64.b64encode(bytes(before) + data).decode()
        form = whole[-(-8 * before // 6) : 8 * (before + len(data)) // 6]
        yield form
        yield form.replace("+", "-").replace("/", "_")
        yield quote(form, safe="")
        yield form.replace("/", "\\/")
