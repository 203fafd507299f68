"""The seams of the house: what a handler may know of the world outside.

Each module is one port; `mti.common.adapters` holds what stands behind it. A handler takes ports in its
constructor and nothing else, so that a test can give it a real part on a socket or a small one in memory.
"""

from mti.common.ports.bus import Received, Sender
from mti.common.ports.clock import Clock
from mti.common.ports.secrets import Secret, SecretReference, SecretResolver
from mti.common.ports.settlement import Complete, DeadLetter, Outcome, Park, Resend, Settlement
from mti.common.ports.store import Container, Document, Store

__all__ = [
    "Clock",
    "Complete",
    "Container",
    "DeadLetter",
    "Document",
    "Outcome",
    "Park",
    "Received",
    "Resend",
    "Secret",
    "SecretReference",
    "SecretResolver",
    "Sender",
    "Settlement",
    "Store",
]
