"""Whose certificates are trusted: the system's authorities, where a company adds its own.

The libraries disagree by themselves: httpx, requests and the Service Bus client bring a list of their own (certifi),
aiohttp asks the system. `SSL_CERT_FILE` and `SSL_CERT_DIR` are OpenSSL's
(https://docs.openssl.org/master/man3/SSL_CTX_load_verify_locations/), `REQUESTS_CA_BUNDLE` is that of requests
(https://requests.readthedocs.io/en/latest/user/advanced/#ssl-cert-verification); each is taken for all.
"""

import os
import ssl
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Final

from mti.common.errors import ConfigurationError

NOT_TRUSTED: Final = (
    "its certificate is not trusted here: if a proxy of your company reads along, add the company's certificate"
    " authority to the system's trust store, or name a PEM file with it and the public ones in SSL_CERT_FILE"
)
_BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_OPENSSLS: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def _system() -> frozenset[str]:
    """Return what OpenSSL trusts here by itself, where no variable tells it otherwise."""
    if any(os.environ.get(name) for name in _OPENSSLS):
        return frozenset()
    paths = ssl.get_default_verify_paths()
    return frozenset((paths.openssl_cafile, paths.openssl_capath))


_TRUSTED_AT_IMPORT: Final = _system()
"""What aiohttp trusts by itself, where no variable said otherwise when it was imported; a forked process has both from
the one that imported them."""


def share_authorities(environ: MutableMapping[str, str] = os.environ) -> None:
    """Have all libraries of this process, and its children, trust the same authorities.

    Raises:
        ConfigurationError: a variable names what does not exist.
    """
    for name in (*_OPENSSLS, *_BUNDLES):
        if environ.get(name) and not Path(environ[name]).exists():
            raise ConfigurationError(f"{name}: {environ[name]} does not exist; name the file, or unset it")
    named = _named(environ)
    if named:
        openssls = environ.get("SSL_CERT_FILE") or environ.get("SSL_CERT_DIR") or None
        if openssls is None:
            environ["SSL_CERT_DIR" if Path(named).is_dir() else "SSL_CERT_FILE"] = named
        elif openssls != named:
            _tell_aiohttp(named)
    if "aiohttp" in sys.modules:
        # It asked OpenSSL when it was imported, which may be before these variables were set, as in a forked program.
        named_anywhere = {environ[name] for name in (*_OPENSSLS, *_BUNDLES) if environ.get(name)}
        for authorities in named_anywhere - _TRUSTED_AT_IMPORT:
            _tell_aiohttp(authorities)
    bundle = environ.get("SSL_CERT_FILE") or environ.get("SSL_CERT_DIR") or bundle_file()
    if not named and bundle:
        environ["REQUESTS_CA_BUNDLE"] = bundle


def system_context() -> ssl.SSLContext:
    """Return a context that trusts the system's authorities. Making it takes a tenth of a second: share it."""
    context: ssl.SSLContext
    if sys.platform == "linux" and _openssl_knows():
        context = ssl.create_default_context()
    else:
        import truststore  # noqa: PLC0415  where the system alone knows its authorities

        # It reads the authorities at each connection, which is dear; elsewhere only the system itself knows them.
        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if named := _named(os.environ):
        _add(context, named)
    return context


def bundle_file() -> str | None:
    """Return the file that holds the system's authorities, for a library that takes nothing else."""
    return ssl.get_default_verify_paths().cafile


def _openssl_knows() -> bool:
    paths = ssl.get_default_verify_paths()
    return paths.cafile is not None or (paths.capath is not None and any(Path(paths.capath).iterdir()))


def _tell_aiohttp(authorities: str) -> None:
    """Add authorities to the context that aiohttp, and so the Azure libraries, made when it was imported."""
    import aiohttp.connector  # noqa: PLC0415  seldom, and large

    context = getattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", None)
    if isinstance(context, ssl.SSLContext):
        _add(context, authorities)


def _add(context: ssl.SSLContext, authorities: str) -> None:
    folder = Path(authorities).is_dir()
    try:
        context.load_verify_locations(cafile=None if folder else authorities, capath=authorities if folder else None)
    except (OSError, ssl.SSLError):
        raise ConfigurationError(
            f"{' or '.join(_BUNDLES)}: {authorities} holds no certificates in PEM; name another file, or unset it"
        ) from None


def _named(environ: Mapping[str, str]) -> str | None:
    return next((environ[name] for name in _BUNDLES if environ.get(name)), None)
