"""The embedded stack: the local namespace, SQLite and the three services as separate processes of one machine.

What looks at a stack's folder imports `layout`, `attach` and the views; only what runs one imports `stack` and `run`,
which bring the bus's SDK with them.
"""

from mti.local.stack.layout import SERVICES, Layout

__all__ = ["SERVICES", "Layout"]
