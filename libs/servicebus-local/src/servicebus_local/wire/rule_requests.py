"""The rule operations of a subscription's `$management` node.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response#rule-operations
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from servicebus_local.amqp import codec
from servicebus_local.broker.rule_changes import RuleChanges
from servicebus_local.config import explain
from servicebus_local.entities import RuleConfig
from servicebus_local.errors import BadRequest
from servicebus_local.filters import CorrelationFilterConfig
from servicebus_local.messages.incoming import as_text
from servicebus_local.wire.encoded import encode_scalar, items_of, scalar_of
from servicebus_local.wire.requests import Reply, Request, Response

# Descriptors of the composite types, as the service's clients know them.
_RULE, _EMPTY_ACTION, _SQL_ACTION = 0x13700000004, 0x13700000005, 0x13700000006
_SQL_FILTER, _TRUE_FILTER, _FALSE_FILTER, _CORRELATION_FILTER = range(0x1370000006, 0x137000000A)
_CORRELATION = (
    "correlation-id",
    "message-id",
    "to",
    "reply-to",
    "label",
    "session-id",
    "reply-to-session-id",
    "content-type",
)
"""The fields of a correlation filter, in the order of the composite type."""


class RuleRequests:
    """Answers for one subscription."""

    def __init__(self, changes: RuleChanges, topic: str, subscription: str) -> None:
        self._changes = changes
        self._subscription = topic, subscription

    def add(self, request: Request, reply: Reply) -> None:
        """Add a rule."""
        description = request.body[b"rule-description"]
        properties = _filter_of(description, request.item("rule-description"))
        action = description.get(b"sql-rule-action")
        if action:
            properties["Action"] = {"SqlExpression": as_text(action[b"expression"])}
        document = {"Name": as_text(request.body[b"rule-name"]), "Properties": properties}
        try:
            self._changes.put(*self._subscription, document, update=False)
        except ValidationError as error:
            raise BadRequest(explain(error)) from error
        reply(Response())

    def remove(self, request: Request, reply: Reply) -> None:
        """Remove a rule."""
        self._changes.delete(*self._subscription, as_text(request.body[b"rule-name"]))
        reply(Response())

    def enumerate(self, request: Request, reply: Reply) -> None:
        """Tell the rules, a page at a time."""
        top, skip = int(request.body[b"top"]), int(request.body[b"skip"])
        node, rules = self._changes.all(*self._subscription)
        page = rules[skip : skip + top]
        if not page:
            reply(Response(204, "No content."))
            return
        items = [_map([("rule-description", _rule(each, node.created_at))]) for each in page]
        reply(Response(raw=_map([("rules", _list(items))])))


def _filter_of(description: Mapping[bytes, Any], encoded: memoryview | None) -> dict[str, Any]:
    sql, correlation = description.get(b"sql-filter"), description.get(b"correlation-filter")
    if sql is not None:
        return {"FilterType": "Sql", "SqlFilter": {"SqlExpression": as_text(sql[b"expression"])}}
    if correlation is None:
        return {"FilterType": "True"}
    document: dict[str, Any] = {
        _outer(name): as_text(correlation[name.encode()]) for name in _CORRELATION if correlation.get(name.encode())
    }
    properties = items_of(items_of(items_of(encoded).get("correlation-filter")).get("properties"))
    document["Properties"] = {name: scalar_of(value) for name, value in properties.items()}
    return {"FilterType": "Correlation", "CorrelationFilter": document}


def _outer(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


def _rule(rule: RuleConfig, created_at: int) -> bytes:
    properties = rule.properties
    action = properties.action
    acts = (
        _composite(_EMPTY_ACTION, [])
        if action is None
        else _composite(_SQL_ACTION, [codec.encode_value(action.sql_expression), _integer(action.compatibility_level)])
    )
    fields = [_filter(rule), acts, codec.encode_value(rule.name), codec.encode_value(codec.timestamp(created_at))]
    return _composite(_RULE, fields)


def _filter(rule: RuleConfig) -> bytes:
    properties = rule.properties
    if properties.sql_filter is not None:
        sql = properties.sql_filter
        return _composite(_SQL_FILTER, [codec.encode_value(sql.sql_expression), _integer(sql.compatibility_level)])
    if properties.correlation_filter is not None:
        return _composite(_CORRELATION_FILTER, _correlation(properties.correlation_filter))
    return _composite(_TRUE_FILTER if properties.filter_type == "True" else _FALSE_FILTER, [])


def _correlation(config: CorrelationFilterConfig) -> list[bytes]:
    values = [codec.encode_value(getattr(config, name.replace("-", "_"))) for name in _CORRELATION]
    items = [(name, encode_scalar(value)) for name, value in config.properties.items()]
    return [*values, _map(items)]


def _integer(value: int) -> bytes:
    return b"\x71" + value.to_bytes(4, "big", signed=True)


def _composite(descriptor: int, fields: list[bytes]) -> bytes:
    return b"\x00\x80" + descriptor.to_bytes(8, "big") + _list(fields)


def _list(items: list[bytes]) -> bytes:
    content = b"".join(items)
    return b"\xd0" + (len(content) + 4).to_bytes(4, "big") + len(items).to_bytes(4, "big") + content


def _map(items: list[tuple[str, bytes]]) -> bytes:
    content = b"".join(codec.encode_value(key) + value for key, value in items)
    return b"\xd1" + (len(content) + 4).to_bytes(4, "big") + (2 * len(items)).to_bytes(4, "big") + content
