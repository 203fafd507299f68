"""The SQL of subscription rules: filters and actions, parsed once and run on each message. Knows no broker.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-sql-filter
https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-sql-rule-action
"""

from collections.abc import Callable, Mapping

from servicebus_local.sql.expressions import EvaluationError, Expression, Properties, SqlError, Value

__all__ = ["EvaluationError", "Properties", "SqlError", "parse_action", "parse_filter"]


def parse_filter(text: str, parameters: Mapping[str, Value] | None = None) -> Expression:
    """Return the predicate; it is true, false or None (unknown) for a message. Raises `SqlError`."""
    from servicebus_local.sql import parser  # noqa: PLC0415  few rules are in SQL, and its parser takes time to load

    return parser.parse_filter(text, parameters)


def parse_action(text: str, parameters: Mapping[str, Value] | None = None) -> Callable[[Properties], None]:
    """Return what changes a message's properties. Raises `SqlError`."""
    from servicebus_local.sql import parser  # noqa: PLC0415  see `parse_filter`

    return parser.parse_action(text, parameters)
