"""A Service Bus namespace on this machine, for development and tests: AMQP 1.0 for the unmodified SDK, SQLite behind.

Layers, each knowing only those below it: `wire` (AMQP) and `administration` (HTTP) -> `broker` -> `messages` ->
`storage`. `amqp` (types), `sql` (rules), `entities` and `filters` (descriptions) stand below everything. The
`listener` tells AMQP and HTTP, plain and over TLS, apart.

What it offers and how to use it: the README of `servicebus-local`. Where it is not like the service, on purpose:

- Any credentials are accepted, unless it is given keys; then shared access signatures and SASL PLAIN are checked.
- Messages that a receiver held come back at once when its connection is lost without a word (the service waits for the
  lock to expire), and count as one failed delivery. A dropped connection frees a session at once.
- When the namespace itself ends, in order or not, what was locked is active again after the restart, and not counted as
  failed.
- `x-opt-deadletter-source` is on every dead-lettered message, not only on forwarded ones.
- Absent settings have the service's defaults, not the emulator's.
- No transactions or partitions; a server is busy only when it is told to be.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from servicebus_local.access import SharedAccessKeys
    from servicebus_local.at_rest import NamespaceAtRest
    from servicebus_local.clock import ManualClock
    from servicebus_local.config import NamespaceConfig
    from servicebus_local.errors import ConfigError, DataFolderBusy
    from servicebus_local.namespace import Namespace
    from servicebus_local.process import NamespaceProcess

__all__ = [
    "ConfigError",
    "DataFolderBusy",
    "ManualClock",
    "Namespace",
    "NamespaceAtRest",
    "NamespaceConfig",
    "NamespaceProcess",
    "SharedAccessKeys",
]

_MODULES = {
    "ConfigError": "errors",
    "DataFolderBusy": "errors",
    "ManualClock": "clock",
    "Namespace": "namespace",
    "NamespaceAtRest": "at_rest",
    "NamespaceConfig": "config",
    "NamespaceProcess": "process",
    "SharedAccessKeys": "access",
}


def __getattr__(name: str) -> object:
    """Load what is asked for: who starts a namespace as a process, or reads its errors, need not load the broker."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
