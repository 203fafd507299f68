"""Calls to our own processes on this machine: straight there, whatever proxy the environment names, and bounded."""

import ssl
from typing import Final

import httpx

from mti.common.bounded_http.httpx_bodies import BoundedTransport

ANSWER_LIMIT: Final = 256 * 1024 * 1024
"""Bytes of an answer: 200 messages of the largest kind, or the expectation of a whole simulated workspace."""


def own_client(base_url: str = "", *, seconds: float) -> httpx.AsyncClient:
    """Return a client whose answers are bounded; `httpx.HTTPError` when one is larger.

    Args:
        base_url: of the process.
        seconds: that each step of a call may take.
    """
    # A transport of one's own leaves the environment's proxies aside: they are for the world, not for this machine.
    # Nothing is encrypted here: httpx would read the world's authorities, which takes longer than all the calls.
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    transport = BoundedTransport(httpx.AsyncHTTPTransport(verify=trust), ANSWER_LIMIT)
    return httpx.AsyncClient(base_url=base_url, transport=transport, timeout=seconds)
