"""What every host of a handler does, whichever host it is: run it, and let its outcomes come true."""

from mti.common.hosting.delivery import deliver
from mti.common.hosting.outcomes import Handler, decide, outcome_of
from mti.common.hosting.queue_age import QueueAge
from mti.common.hosting.queue_consumer import QueueConsumer
from mti.common.hosting.session_consumer import SessionConsumer
from mti.common.hosting.settler import Settler

__all__ = ["Handler", "QueueAge", "QueueConsumer", "SessionConsumer", "Settler", "decide", "deliver", "outcome_of"]
