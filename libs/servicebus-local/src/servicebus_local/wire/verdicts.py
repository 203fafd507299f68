"""AMQP delivery states and what they mean to the broker.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide#settlement
"""

from collections.abc import Mapping
from typing import Any

from servicebus_local.amqp import codec
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
_REASON = "DeadLetterReason"
_DESCRIPTION = "DeadLetterErrorDescription"


def echo_of(settlement: Settlement) -> DeliveryState:
    """The state that confirms a settlement: the SDK takes any other for a failure."""
    return _ECHOES[settlement]


def verdict_of(state: dict[str, Any] | None, properties: Mapping[str, bytes]) -> Verdict:
    """What a receiver's disposition asks for; `properties` are those that it changes, encoded."""
    name, value = next(iter(state.items())) if state else ("released", [])
    if not isinstance(value, list):
        value = []
    if name == "accepted":
        return Verdict(Settlement.COMPLETE)
    if name == "rejected":
        return dead_lettered(properties)
    if name == "modified":
        # Clients differ in whether they say that the delivery failed; to the service, `modified` always means it.
        undeliverable_here = len(value) > 1 and bool(value[1])
        return Verdict(Settlement.DEFER if undeliverable_here else Settlement.ABANDON, properties=properties)
    return Verdict(Settlement.RELEASE)


def dead_lettered(properties: Mapping[str, bytes]) -> Verdict:
    """A dead-lettering whose reason stands among the properties."""
    others = {name: value for name, value in properties.items() if name not in (_REASON, _DESCRIPTION)}
    return Verdict(Settlement.DEAD_LETTER, _text(properties.get(_REASON)), _text(properties.get(_DESCRIPTION)), others)


def _text(value: bytes | None) -> str | None:
    decoded = None if value is None else codec.decode_value(memoryview(value))
    return None if decoded is None else as_text(decoded)
