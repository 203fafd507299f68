"""How a client logs in, if it does: mechanisms, and the rights that a name and key give.

https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-security-v1.0-os.html#section-sasl
"""

import logging
from typing import Any

from servicebus_local.access import Access, Claim
from servicebus_local.amqp import codec
from servicebus_local.errors import ProtocolViolation, Unauthorized
from servicebus_local.wire import frames

LOG = logging.getLogger(__name__)
_PLAIN = b"PLAIN"
_LOGIN = "\0login "
"""Where the claims of SASL stand among those of tokens: no path begins like this."""
_MECHANISMS = [b"MSSBCBS", _PLAIN, b"ANONYMOUS", b"EXTERNAL"]

OFFER = codec.encode_frame(0, codec.SaslMechanisms(_MECHANISMS), sasl=True)
"""The frame that tells the mechanisms."""


def outcome(*, accepted: bool) -> bytes:
    """The frame that ends the login."""
    return codec.encode_frame(
        0, codec.SaslOutcome(frames.SASL_OK if accepted else frames.SASL_REFUSED, None), sasl=True
    )


def log_in(code: int, fields: list[Any], access: Access) -> dict[str, Claim] | None:
    """What the login of a client allows, nothing in most cases; None when it is refused.

    Raises `ProtocolViolation` when the frame is another one than `sasl-init`.
    """
    if code != frames.SASL_INIT:
        raise ProtocolViolation("amqp:not-allowed", f"unexpected SASL frame {code:#x}")
    mechanism, response = fields[0], fields[1] or b""
    if mechanism not in _MECHANISMS:
        return None
    if mechanism != _PLAIN or access.is_open:
        return {}
    return _claims_of(response, access)


def _claims_of(response: bytes, access: Access) -> dict[str, Claim] | None:
    """Take the name and key of a shared access rule: https://www.rfc-editor.org/rfc/rfc4616."""
    try:
        _, name, key = response.decode().split("\0")
        claims = access.claims_of(name, key)
    except (ValueError, Unauthorized):  # the key that was tried stays out of the log
        LOG.warning("a client gave a name and key that no shared access rule has")
        return None
    return {f"{_LOGIN}{number}": claim for number, claim in enumerate(claims)}
