"""Queues, topics, subscriptions and rules as they are described, in Config.json and over HTTP alike.

Names and meaning: https://learn.microsoft.com/rest/api/servicebus/queues and the emulator's
https://github.com/Azure/azure-service-bus-emulator-installer/blob/main/ServiceBus-Emulator/Schema/Config-schema.json.
What is left out has the *service's* default (10 deliveries, no expiry), not the emulator's (3 deliveries, one hour).
"""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_pascal

from servicebus_local.filters import RuleProperties, TrueFilterConfig

STANDARD_TIER_KILOBYTES = 256
_PATH = re.compile(r"[a-z0-9]([\w.\-/]*[a-z0-9])?", re.IGNORECASE | re.ASCII)
_NAME = re.compile(r"[a-z0-9]([\w.\-]*[a-z0-9])?|\$Default", re.IGNORECASE | re.ASCII)
"""Of what belongs to a topic."""
_FOR_EVER = timedelta(days=10_675_199)
"""How .NET spells an endless duration: P10675199DT2H48M5.4775807S."""


def _iso_8601(value: object) -> object:
    if isinstance(value, timedelta) or (isinstance(value, str) and value.startswith("P")):
        return value
    raise ValueError("a duration is a string in ISO 8601, such as PT1M")


def _endless(value: object) -> object:
    endless = isinstance(value, str) and value.startswith("P10675199D")
    return None if endless or (isinstance(value, timedelta) and value >= _FOR_EVER) else value


def _path(value: object) -> object:
    if isinstance(value, str) and not _PATH.fullmatch(value):
        raise ValueError("a name is letters, digits and . - _ /, and starts and ends with a letter or digit")
    return value


def _name(value: object) -> object:
    if isinstance(value, str) and not _NAME.fullmatch(value):
        raise ValueError("a name is letters, digits and . - _, and starts and ends with a letter or digit")
    return value


Duration = Annotated[timedelta, BeforeValidator(_iso_8601), Field(gt=timedelta(0))]
Lasting = Annotated[Duration | None, BeforeValidator(_endless)]
"""A duration, or None for an endless one."""
Idle = Annotated[
    Annotated[timedelta, BeforeValidator(_iso_8601), Field(ge=timedelta(minutes=5))] | None, BeforeValidator(_endless)
]
Window = Annotated[timedelta, BeforeValidator(_iso_8601), Field(ge=timedelta(seconds=20), le=timedelta(days=7))]
Path = Annotated[str, BeforeValidator(_path), Field(max_length=260)]
"""The name of a queue or topic, which may have slashes."""
Name = Annotated[str, BeforeValidator(_name), Field(max_length=50)]
"""The name of a subscription or rule."""
Status = Literal["Active", "Disabled", "SendDisabled", "ReceiveDisabled"]


class Described(BaseModel):
    """Names in Pascal case outside, nothing unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_pascal, populate_by_name=True)

    @property
    def document(self) -> dict[str, Any]:
        """As JSON, by the outer names."""
        return self.model_dump(mode="json", by_alias=True)


Right = Literal["Send", "Listen", "Manage"]


class AuthorizationRule(Described):
    """A key of an entity."""

    claim_type: str | None = None
    claim_value: str | None = None
    rights: tuple[Right, ...] = ()
    created_time: str | None = None
    modified_time: str | None = None
    key_name: str | None = None
    primary_key: str | None = None
    secondary_key: str | None = None


class _Common(Described):
    """What all entities have."""

    auto_delete_on_idle: Idle = None
    default_message_time_to_live: Lasting = None
    enable_batched_operations: bool = True
    status: Status = "Active"
    user_metadata: Annotated[str, Field(max_length=1024)] | None = None


class _Receivable(_Common):
    """What a queue and a subscription have in common."""

    dead_lettering_on_message_expiration: bool = False
    forward_dead_lettered_messages_to: str = ""
    forward_to: str = ""
    lock_duration: Annotated[Duration, Field(le=timedelta(minutes=5))] = timedelta(minutes=1)
    max_delivery_count: Annotated[int, Field(ge=1, le=2000)] = 10
    requires_session: bool = False


class _Sendable(_Common):
    """What a queue and a topic have in common."""

    authorization_rules: tuple[AuthorizationRule, ...] = ()
    duplicate_detection_history_time_window: Window = timedelta(minutes=10)
    enable_express: bool = False
    enable_partitioning: bool = False
    """Kept and returned; messages are never partitioned here."""
    max_message_size_in_kilobytes: Annotated[int, Field(ge=1, le=102_400)] = STANDARD_TIER_KILOBYTES
    max_size_in_megabytes: Annotated[int, Field(ge=1, le=81_920)] = 1024
    requires_duplicate_detection: bool = False
    support_ordering: bool = True


class QueueProperties(_Receivable, _Sendable):
    """Properties of a queue."""


class TopicProperties(_Sendable):
    """Properties of a topic."""

    filtering_messages_before_publishing: bool = False


class SubscriptionProperties(_Receivable):
    """Properties of a subscription."""

    dead_lettering_on_filter_evaluation_exceptions: bool = True


class RuleConfig(Described):
    """A rule of a subscription."""

    name: Name
    properties: RuleProperties


DEFAULT_RULE = RuleConfig(
    name="$Default", properties=RuleProperties(filter_type="True", true_filter=TrueFilterConfig())
)


class QueueConfig(Described):
    """A queue."""

    name: Path
    properties: QueueProperties = QueueProperties()


class SubscriptionConfig(Described):
    """A subscription; without rules it takes everything."""

    name: Name
    properties: SubscriptionProperties = SubscriptionProperties()
    rules: tuple[RuleConfig, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        refuse_doubles(each.name for each in self.rules)
        return self


class TopicConfig(Described):
    """A topic and its subscriptions."""

    name: Path
    properties: TopicProperties = TopicProperties()
    subscriptions: tuple[SubscriptionConfig, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        refuse_doubles(each.name for each in self.subscriptions)
        return self


def refuse_doubles(names: Iterable[str]) -> None:
    """Raise `ValueError` when a name is used twice."""
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise ValueError(f"the name {name!r} is used twice (case does not matter)")
        seen.add(name.lower())
