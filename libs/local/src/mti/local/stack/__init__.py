"""The embedded stack: the local namespace, SQLite and the three services as separate processes of one machine."""

from mti.local.stack.child import Child, StackError
from mti.local.stack.idle import Snapshot, Verdict, verdict
from mti.local.stack.layout import SERVICES, Layout
from mti.local.stack.look import Look
from mti.local.stack.run import RunResult, run
from mti.local.stack.stack import EmbeddedStack, StackOptions

__all__ = [
    "SERVICES",
    "Child",
    "EmbeddedStack",
    "Layout",
    "Look",
    "RunResult",
    "Snapshot",
    "StackError",
    "StackOptions",
    "Verdict",
    "run",
    "verdict",
]
