"""The ways out of this machine: proxies, and whose certificates are trusted. Our own processes are reached without.

- `proxies`: which calls go by a proxy, by the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`).
- `trust`: the system's trust store, or what `SSL_CERT_FILE`, `SSL_CERT_DIR` or `REQUESTS_CA_BUNDLE` names.
- `transport`: httpx over both.
"""

from mti.common.network.preparing import prepare_network

__all__ = ["prepare_network"]
