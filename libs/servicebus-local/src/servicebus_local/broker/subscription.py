"""A subscription: a queue behind rules."""

from dataclasses import dataclass

from servicebus_local.broker.queue import MessageQueue
from servicebus_local.broker.rules import RuleSet
from servicebus_local.messages.incoming import IncomingMessage
from servicebus_local.record import DeadLetter
from servicebus_local.sql import EvaluationError

_FAILED = "FilterEvaluationException"


@dataclass(eq=False)
class Subscription:
    """Takes the messages that its rules let through, and puts those aside that the rules cannot judge."""

    queue: MessageQueue
    rules: RuleSet
    dead_letters_failures: bool

    def copies(self, message: IncomingMessage) -> list[tuple[IncomingMessage, DeadLetter | None]]:
        """Return the copies that the subscription gets; one with a reason belongs into its dead-letter queue."""
        try:
            return [(copy, None) for copy in self.rules.copies(message)]
        except EvaluationError as error:
            if not self.dead_letters_failures:
                return []
            return [(message, DeadLetter(_FAILED, f"A rule could not be evaluated: {error}.", self.queue.path))]
