"""Bodies of HTTP answers, bounded while they stream: what others send is measured before it is held.

One piece for all that this project reads over HTTP: Mimecast, Sentinel, Microsoft Entra ID, Key Vault and our own
processes. A body is plain or under one content coding, gzip or deflate
(https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1); its bytes count both as they travel and unpacked. Codings on top
of each other multiply what a byte grows to, and nobody we talk to needs one, so they are refused by name.

- `unpacking`: what is counted and unpacked, piece by piece, without I/O.
- `httpx_bodies`: answers of httpx.
- `azure_transport`: answers of the Azure libraries.
"""

from mti.common.bounded_http.unpacking import BodyBroken, BodyRefused, BodyTooLarge, EncodingRefused, Unpacker, codings

__all__ = ["BodyBroken", "BodyRefused", "BodyTooLarge", "EncodingRefused", "Unpacker", "codings"]
