"""Spellings of one observable, brought into one form to be compared: what a person writes, and what a feed says.

This is not the form that an indicator has in a workspace, where a URL keeps its case: it is wider, so that an
allow-list does not miss what it means.

- addresses: https://www.rfc-editor.org/rfc/rfc5952, without the prefix of a single address;
- names: lower case, no dot at the end, international ones as in the DNS (https://unicode.org/reports/tr46/);
- URLs: https://www.rfc-editor.org/rfc/rfc3986#section-6, and without case.
"""

import re
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlsplit

import idna

_HEX: Final = re.compile(r"[0-9a-f]{32,}")
_FOLDS: Final = 8
_PORTS: Final = {"http": 80, "https": 443, "ftp": 21}
_SAFE: Final = "!#$%&'()*+,/:;=?@[]~"
"""What stays as it is in a path or a query; the rest is percent-encoded, and letters and digits never are."""
_RESERVED: Final = re.compile(r"%(?:2[1346789abcf]|3[abdf]|40|5[bd]|25)", re.IGNORECASE)
"""Escapes of characters that would mean something else if they were written out."""


def comparable(text: str) -> str:
    """Return the form under which two spellings of an observable are the same text.

    Args:
        text: a hash, a URL, an IP address or network, an e-mail address, or a domain.
    """
    value = _folded(text)
    # Compatible characters may fold to what is folded once more (a cedilla alone to a blank with one): until it stays.
    for _ in range(_FOLDS):
        again = _folded(value)
        if again == value:
            break
        value = again
    return value


def _folded(text: str) -> str:
    value = text.strip().lower()
    if _HEX.fullmatch(value):
        return value
    if "://" in value:
        return _url(value)
    if (address := _address(value)) is not None:
        return address
    name, at, domain = value.rpartition("@")
    return f"{name}@{_domain(domain)}" if at and name else _domain(value)


def _address(text: str) -> str | None:
    """Return an address, or a network where the prefix leaves several; `None` when it is neither."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    network: IPv4Network | IPv6Network | None = None
    with suppress(ValueError):
        network = ip_network(bare, strict=False)
    if network is None:
        return None
    if network.prefixlen < network.max_prefixlen:
        return str(network)
    address = network.network_address
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _domain(text: str) -> str:
    try:
        text = idna.uts46_remap(text, std3_rules=False)
    except idna.IDNAError:
        return text.rstrip(".")
    return ".".join(_label(label) for label in text.rstrip(".").split("."))


def _label(label: str) -> str:
    if label.isascii():
        return label
    try:
        return idna.alabel(label).decode()
    except idna.IDNAError:
        return label


def _url(text: str) -> str:
    try:
        split = urlsplit(text)
        port = split.port
    except ValueError:
        return text
    host = split.hostname or ""
    host = _address(host) or _domain(host)
    host = f"[{host}]" if ":" in host else host
    if port is not None and port != _PORTS.get(split.scheme):
        host = f"{host}:{port}"
    user, at, _ = split.netloc.rpartition("@")
    path, query, fragment = (_escapes(part) for part in (split.path, split.query, split.fragment))
    return SplitResult(split.scheme, f"{user}{at}{host}", path or "/", query, fragment).geturl()


def _escapes(text: str) -> str:
    """Write out the escapes that need not be, and escape what has to be, all in lower case."""
    kept: list[str] = []
    end = 0
    for found in _RESERVED.finditer(text):
        kept += [_requoted(text[end : found.start()]), found[0]]
        end = found.end()
    return "".join([*kept, _requoted(text[end:])]).lower()


def _requoted(text: str) -> str:
    return quote(unquote_to_bytes(text), safe=_SAFE)
