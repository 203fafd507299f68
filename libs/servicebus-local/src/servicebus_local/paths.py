"""Entity paths, as clients write them."""

from urllib.parse import unquote, urlsplit


def path_of(address: str) -> str:
    """The entity path in an address, which is a URI or the path itself."""
    path = urlsplit(address).path if "://" in address else address
    return unquote(path).strip("/")
