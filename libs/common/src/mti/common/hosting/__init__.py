"""What every host of a handler does, whichever host it is: run it, and let its outcomes come true."""

from mti.common.hosting.delivery import deliver
from mti.common.hosting.outcomes import Handler, decide
from mti.common.hosting.settler import Settler

__all__ = ["Handler", "Settler", "decide", "deliver"]
