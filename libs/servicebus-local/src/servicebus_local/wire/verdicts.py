"""AMQP delivery states and what they mean to the broker.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide#settlement
"""

from typing import Any

from servicebus_local.broker.consumer import Settlement, Verdict
from servicebus_local.messages.incoming import as_text
from servicebus_local.wire.frames import DeliveryState

_ECHOES = {
    Settlement.COMPLETE: DeliveryState.ACCEPTED,
    Settlement.ABANDON: DeliveryState.MODIFIED,
    Settlement.RELEASE: DeliveryState.RELEASED,
    Settlement.DEAD_LETTER: DeliveryState.REJECTED,
    Settlement.DEFER: DeliveryState.MODIFIED,
}
_REASON = b"DeadLetterReason"
_DESCRIPTION = b"DeadLetterErrorDescription"


def echo_of(settlement: Settlement) -> DeliveryState:
    """The state that confirms a settlement: the SDK takes any other for a failure."""
    return _ECHOES[settlement]


def verdict_of(state: dict[str, Any] | None) -> Verdict:
    """What a receiver's disposition asks for."""
    name, value = next(iter(state.items())) if state else ("released", [])
    if not isinstance(value, list):
        value = []
    if name == "accepted":
        return Verdict(Settlement.COMPLETE)
    if name == "rejected":
        return _dead_letter(value)
    if name == "modified":
        # Clients differ in whether they say that the delivery failed; to the service, `modified` always means it.
        undeliverable_here = len(value) > 1 and bool(value[1])
        return Verdict(Settlement.DEFER if undeliverable_here else Settlement.ABANDON)
    return Verdict(Settlement.RELEASE)


def _dead_letter(value: list[Any]) -> Verdict:
    error = value[0] if value else None
    info = error[2] if isinstance(error, list) and len(error) > 2 else None
    if not isinstance(info, dict):
        info = {}
    reason, description = info.get(_REASON), info.get(_DESCRIPTION)
    return Verdict(
        Settlement.DEAD_LETTER,
        None if reason is None else as_text(reason),
        None if description is None else as_text(description),
    )
