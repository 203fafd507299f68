"""Which messages a subscription takes, and what its rules change in them.

https://learn.microsoft.com/azure/service-bus-messaging/topic-filters
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from servicebus_local.broker.message_properties import MessageProperties
from servicebus_local.entities import RuleConfig
from servicebus_local.filters import CorrelationFilterConfig, RuleProperties, Scalar, value_of
from servicebus_local.messages.incoming import IncomingMessage
from servicebus_local.sql import Properties, parse_action, parse_filter
from servicebus_local.sql.expressions import Value

Matches = Callable[[IncomingMessage], bool]
"""Raises `EvaluationError` when it cannot be told."""
_RULE_NAME = "RuleName"
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


@dataclass(frozen=True)
class Rule:
    """A rule, ready to run."""

    config: RuleConfig
    matches: Matches
    action: Callable[[Properties], None] | None

    @classmethod
    def of(cls, config: RuleConfig) -> "Rule":
        """From its description, which is valid."""
        action = config.properties.action
        run = None if action is None else parse_action(action.sql_expression, _values(action.parameters))
        return cls(config, _matcher(config.properties), run)


class RuleSet:
    """The rules of a subscription."""

    def __init__(self, rules: Iterable[RuleConfig]) -> None:
        self.rules = [Rule.of(rule) for rule in rules]

    def copies(self, message: IncomingMessage) -> list[IncomingMessage]:
        """Return the copies that the subscription gets, most often one or none.

        All rules without an action make one copy together, each rule with an action makes its own, which tells the
        rule's name. Raises `EvaluationError` when a rule cannot be evaluated.
        """
        changed, unchanged = [], False
        for rule in self.rules:
            if not rule.matches(message):
                continue
            if rule.action is None:
                unchanged = True
            else:
                changed.append(_acted(message, rule))
        return [message, *changed] if unchanged else changed


def _acted(message: IncomingMessage, rule: Rule) -> IncomingMessage:
    properties = MessageProperties(message)
    if rule.action is not None:
        rule.action(properties)
    properties.set("user", _RULE_NAME, rule.config.name)
    return properties.changed()


def _matcher(rule: RuleProperties) -> Matches:
    if rule.filter_type == "Correlation" and rule.correlation_filter is not None:
        return _correlation(rule.correlation_filter)
    if rule.filter_type == "Sql" and rule.sql_filter is not None:
        predicate = parse_filter(rule.sql_filter.sql_expression, _values(rule.sql_filter.parameters))
        return lambda message: predicate(MessageProperties(message)) is True
    everything = rule.filter_type == "True"
    return lambda _: everything


def _correlation(config: CorrelationFilterConfig) -> Matches:
    wanted = {name: getattr(config, name) for name in _SYSTEM_PROPERTIES}
    system = {name: value for name, value in wanted.items() if value is not None}
    application = {name: value_of(value) for name, value in config.properties.items()}

    def matches(message: IncomingMessage) -> bool:
        if any(getattr(message, name) != value for name, value in system.items()):
            return False
        if not application:
            return True
        properties = message.application_properties
        return all(name in properties and _equal(properties[name], value) for name, value in application.items())

    return matches


def _equal(actual: object, wanted: Value) -> bool:
    return isinstance(actual, bool) == isinstance(wanted, bool) and bool(actual == wanted)


def _values(parameters: dict[str, Scalar]) -> dict[str, Value]:
    return {name: value_of(value) for name, value in parameters.items()}
