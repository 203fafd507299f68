"""What goes wrong with the stack as a whole."""

from mti.common.errors import MtiError


class StackError(MtiError):
    """A process of the stack does not come up; the text names it, and the file that says why."""


class NamespaceSilentError(StackError):
    """The local namespace does not answer now; it may be coming up again."""
