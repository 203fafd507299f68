"""Lets outcomes come true: settles, sends copies, and never settles before the copy is confirmed."""

import asyncio
import logging
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from mti.common.backoff import RETRY, Backoff
from mti.common.contracts.envelope import DESCRIPTION_LIMIT, PARKS, RETRIES, copy_id, count_of
from mti.common.errors import LockLost
from mti.common.ports.bus import Outgoing, Received, Sender
from mti.common.ports.clock import Clock
from mti.common.ports.settlement import Complete, DeadLetter, Outcome, Park, Resend, Settlement
from mti.common.telemetry import active, in_trace_of
from mti.common.telemetry.labels import entity_handled
from mti.common.waits import LONGEST

log = logging.getLogger(__name__)

RETRY_LIMIT = 8
"""Copies that may take a message's place because of failures, before it is dead-lettered."""
LONGEST_DELAY = 2 * LONGEST
"""Of a copy, whatever a handler says: a time that no calendar has can't be scheduled, and nothing is out of reach."""


HANDLED = timedelta(minutes=10)
"""The longest, all but always, that a message is in hand beyond its first lock."""


def time_of_the_bus(now: datetime, message: Received) -> datetime:
    """Return the time, put right by what the bus says of a message where this machine's clock can't be.

    The bus hands a scheduled copy out by its own clock. One that was made by a clock hours fast would wait for so many
    hours more, and by one that is slow it would come back at once, again and again.

    Args:
        now: this machine's time.
        message: which the bus handed out.
    """
    if message.enqueued_at is not None and now < message.enqueued_at:
        return message.enqueued_at
    if message.locked_until is not None and now - HANDLED > message.locked_until:
        return message.locked_until
    return now


class Settler:
    """Settles the messages of one queue or subscription.

    Args:
        sender: to the queue or topic that the messages came through.
        to: what a copy says in its `To`, so that it comes back to this subscription alone; `*` for a queue.
        clock: the time.
        rng: the jitter.
    """

    def __init__(
        self,
        sender: Sender,
        to: str,
        clock: Clock,
        rng: random.Random,
        *,
        retry_limit: int = RETRY_LIMIT,
        backoff: Backoff = RETRY,
    ) -> None:
        self._sender = sender
        self._to = to
        self._clock = clock
        self._rng = rng
        self._retry_limit = retry_limit
        self._backoff = backoff

    async def settle(self, settlement: Settlement, messages: Sequence[Received], outcomes: Sequence[Outcome]) -> None:
        """Make every outcome come true.

        Raises:
            BusUnavailable: the broker does not answer; what is unsettled comes again when its lock runs out.
        """
        final = [self._final(message, outcome) for message, outcome in zip(messages, outcomes, strict=True)]
        copies = [
            self._copy(message, outcome)
            for message, outcome in zip(messages, final, strict=True)
            if isinstance(outcome, (Resend, Park))
        ]
        await self._sender.send(copies)
        settled = await asyncio.gather(
            *(self._settle(settlement, message, outcome) for message, outcome in zip(messages, final, strict=True)),
            return_exceptions=True,  # a message that can't be settled must not keep its neighbours from it
        )
        for error in settled:
            if error is not None:
                raise error

    def _final(self, message: Received, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Resend) and count_of(message, RETRIES) >= self._retry_limit:
            return DeadLetter(
                "RetriesExhausted",
                f"{self._retry_limit} retries did not help, the last one failed with {outcome.reason}: "
                f"{outcome.description}; mend the cause, then replay it",
            )
        return outcome

    def _copy(self, message: Received, outcome: Resend | Park) -> Outgoing:
        counter = RETRIES if isinstance(outcome, Resend) else PARKS
        count = count_of(message, counter) + 1
        delay = min(max(outcome.delay, timedelta()), LONGEST_DELAY)
        if isinstance(outcome, Resend):
            delay = max(delay, self._backoff.delay(count - 1, self._rng))
            active().instruments.retried(entity_handled(), outcome.reason)
        with in_trace_of(message.properties):
            log.log(
                logging.WARNING if isinstance(outcome, Resend) else logging.DEBUG,
                "a message waits for another try",
                extra={
                    "message_id": message.message_id,
                    "subject": message.subject,
                    "reason": outcome.reason,
                    "description": (outcome.description if isinstance(outcome, Resend) else "")[:DESCRIPTION_LIMIT],
                    "seconds": round(delay / timedelta(seconds=1), 3),
                    "count": count,
                },
            )
        return message.copy(
            message_id=copy_id(message.message_id, counter, count),
            to=self._to,
            properties={counter: count},
            due=time_of_the_bus(self._clock.now(), message) + delay,
        )

    async def _settle(self, settlement: Settlement, message: Received, outcome: Outcome) -> None:
        try:
            if isinstance(outcome, DeadLetter):
                with in_trace_of(message.properties):
                    log.error(
                        "a message is dead-lettered",
                        extra={
                            "message_id": message.message_id,
                            "subject": message.subject,
                            "reason": outcome.reason,
                            "description": outcome.description[:DESCRIPTION_LIMIT],
                        },
                    )
                await settlement.dead_letter(message, outcome.reason, outcome.description)
                active().instruments.dead_lettered(entity_handled(), outcome.reason)
            else:
                assert isinstance(outcome, (Complete, Resend, Park))  # noqa: S101  narrows the union
                await settlement.complete(message)
        except LockLost as error:
            # It will be handed out again; handlers and MessageIds make the second time harmless.
            log.warning(
                "a lock was lost before the settlement", extra={"message_id": message.message_id, "why": str(error)}
            )
