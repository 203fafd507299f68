"""What a command that runs the stack has imported, its processes need not import again."""

from mti.cli.exit import Forked
from mti.stack.launching.from_here import fork_from_here
from mti.stack.stack import MODULES


def share_imports() -> None:
    """Have the stack's processes forked from this one as it is now; to be called before there is a thread.

    Raises:
        Forked: in the process that is forked here, of which all others are.
    """
    if (serve := fork_from_here(MODULES)) is not None:
        raise Forked(serve)
