"""The SQL of subscription rules: filters and actions, parsed once and run on each message. Knows no broker.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-sql-filter
https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-sql-rule-action
"""

from servicebus_local.sql.expressions import EvaluationError, Properties, SqlError
from servicebus_local.sql.parser import parse_action, parse_filter

__all__ = ["EvaluationError", "Properties", "SqlError", "parse_action", "parse_filter"]
