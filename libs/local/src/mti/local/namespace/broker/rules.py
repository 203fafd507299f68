"""Which messages a subscription takes. Filters: https://learn.microsoft.com/azure/service-bus-messaging/topic-filters."""

from collections.abc import Sequence
from typing import Protocol

from mti.local.namespace.config import CorrelationFilterConfig, RuleConfig
from mti.local.namespace.messages.incoming import IncomingMessage

_SYSTEM_PROPERTIES = (
    "content_type",
    "correlation_id",
    "label",
    "message_id",
    "reply_to",
    "reply_to_session_id",
    "session_id",
    "to",
)


class Filter(Protocol):
    """Decides on one message."""

    def matches(self, message: IncomingMessage) -> bool:
        """Whether the message passes."""


class TrueFilter:
    """Takes everything: the `$Default` rule of a subscription that has no other."""

    def matches(self, message: IncomingMessage) -> bool:  # noqa: ARG002 - the interface
        """Yes."""
        return True


class CorrelationFilter:
    """All given properties must be equal."""

    def __init__(self, config: CorrelationFilterConfig) -> None:
        wanted = {name: getattr(config, name) for name in _SYSTEM_PROPERTIES}
        self._system = {name: value for name, value in wanted.items() if value is not None}
        self._application = config.properties

    def matches(self, message: IncomingMessage) -> bool:
        """Whether each property that the filter names has the value that it names."""
        if any(getattr(message, name) != value for name, value in self._system.items()):
            return False
        if not self._application:
            return True
        properties = message.application_properties
        return all(name in properties and _equal(properties[name], value) for name, value in self._application.items())


def filters_of(rules: Sequence[RuleConfig]) -> list[Filter]:
    """The filters of a subscription's rules; a message that passes one of them is taken once."""
    if not rules:
        return [TrueFilter()]
    return [CorrelationFilter(rule.properties.correlation_filter) for rule in rules]


def _equal(actual: object, wanted: str | bool | float) -> bool:
    return isinstance(actual, bool) == isinstance(wanted, bool) and bool(actual == wanted)
