"""Filters and actions as they are described: https://learn.microsoft.com/azure/service-bus-messaging/topic-filters."""

from datetime import UTC, datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.alias_generators import to_pascal

from servicebus_local.sql import parse_action, parse_filter
from servicebus_local.sql.expressions import Value


class TypedValue(BaseModel):
    """A value with the name of its XML Schema type, as the administration over HTTP sends it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str
    text: str

    @property
    def value(self) -> Value:
        """As it compares with what a message holds: times and durations are milliseconds and .NET-like text."""
        if self.type in ("int", "long", "short", "byte"):
            return int(self.text)
        if self.type in ("double", "float", "decimal"):
            return float(self.text)
        if self.type == "boolean":
            return self.text.lower() == "true"
        if self.type == "dateTime":
            moment = datetime.fromisoformat(self.text)
            return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
        return self.text


Scalar = str | bool | int | float | TypedValue


def value_of(scalar: Scalar) -> Value:
    """Return what a rule compares with, without the name of its type."""
    return scalar.value if isinstance(scalar, TypedValue) else scalar


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_pascal, populate_by_name=True)


class CorrelationFilterConfig(_Model):
    """Equality on system and application properties; all that are given must hold."""

    content_type: str | None = None
    correlation_id: str | None = None
    label: str | None = None
    message_id: str | None = None
    reply_to: str | None = None
    reply_to_session_id: str | None = None
    session_id: str | None = None
    to: str | None = None
    properties: dict[str, Scalar] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("a correlation filter needs at least one property")
        return self


class TrueFilterConfig(_Model):
    """Takes everything."""


class FalseFilterConfig(_Model):
    """Takes nothing."""


class SqlFilterConfig(_Model):
    """A condition, with the values of its parameters."""

    sql_expression: str
    compatibility_level: int = 20
    requires_preprocessing: bool = False
    parameters: dict[str, Scalar] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _can_be_parsed(self) -> Self:
        parse_filter(self.sql_expression, {name: value_of(value) for name, value in self.parameters.items()})
        return self


class SqlActionConfig(_Model):
    """Changes of properties, with the values of its parameters."""

    sql_expression: str = ""
    compatibility_level: int = 20
    requires_preprocessing: bool = False
    parameters: dict[str, Scalar] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _can_be_parsed(self) -> Self:
        parse_action(self.sql_expression, {name: value_of(value) for name, value in self.parameters.items()})
        return self


class RuleProperties(_Model):
    """What a rule does: a filter of its type, and perhaps an action."""

    filter_type: Literal["Correlation", "Sql", "True", "False"]
    correlation_filter: CorrelationFilterConfig | None = None
    sql_filter: SqlFilterConfig | None = None
    true_filter: TrueFilterConfig | None = None
    false_filter: FalseFilterConfig | None = None
    action: SqlActionConfig | None = None

    @field_validator("action", mode="after")
    @classmethod
    def _empty_is_none(cls, action: SqlActionConfig | None) -> SqlActionConfig | None:
        return action if action is not None and action.sql_expression.strip() else None

    @model_validator(mode="after")
    def _has_its_filter(self) -> Self:
        if self.filter_type == "Correlation" and self.correlation_filter is None:
            raise ValueError("a rule of type Correlation needs a CorrelationFilter")
        if self.filter_type == "Sql" and self.sql_filter is None:
            raise ValueError("a rule of type Sql needs a SqlFilter")
        return self
