"""The Config.json of Microsoft's Service Bus emulator: which queues, topics, subscriptions and rules there are.

Format: https://github.com/Azure/azure-service-bus-emulator-installer/blob/main/ServiceBus-Emulator/Schema/Config-schema.json.
What the file leaves out has the *service's* default (10 deliveries, no expiry), not the emulator's (3 deliveries, one
hour).
`MaxMessageSizeInKilobytes` is the service's entity setting of that name; the emulator does not know it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_pascal

from mti.local.namespace.errors import ConfigError

STANDARD_TIER_KILOBYTES = 256
_NAME = re.compile(r"^[A-Za-z0-9$][\w\-./]*$")


def _iso_8601(value: object) -> object:
    if isinstance(value, timedelta) or (isinstance(value, str) and value.startswith("P")):
        return value
    raise ValueError("a duration is a string in ISO 8601, such as PT1M")


def _name(value: object) -> object:
    if isinstance(value, str) and not _NAME.match(value):
        raise ValueError("a name is letters, digits and . - _ /, and starts with a letter or digit")
    return value


def _no_forwarding(value: object) -> object:
    if value:
        raise ValueError("auto-forwarding is not offered by this namespace")
    return value


Duration = Annotated[timedelta, BeforeValidator(_iso_8601), Field(gt=timedelta(0))]
Name = Annotated[str, BeforeValidator(_name), Field(max_length=260)]
Forwarding = Annotated[str, BeforeValidator(_no_forwarding)]
"""Only the empty string, which is how the emulator spells 'none'."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_pascal, populate_by_name=True)


class _Receivable(_Model):
    """What a queue and a subscription have in common."""

    dead_lettering_on_message_expiration: bool = False
    default_message_time_to_live: Duration | None = None
    forward_dead_lettered_messages_to: Forwarding = ""
    forward_to: Forwarding = ""
    lock_duration: Annotated[Duration, Field(le=timedelta(minutes=5))] = timedelta(minutes=1)
    max_delivery_count: Annotated[int, Field(ge=1, le=2000)] = 10
    requires_session: bool = False


class _Sendable(_Model):
    """What a queue and a topic have in common."""

    default_message_time_to_live: Duration | None = None
    duplicate_detection_history_time_window: Annotated[Duration, Field(le=timedelta(days=7))] = timedelta(minutes=10)
    max_message_size_in_kilobytes: Annotated[int, Field(ge=1, le=102_400)] = STANDARD_TIER_KILOBYTES
    requires_duplicate_detection: bool = False


class QueueProperties(_Receivable, _Sendable):
    """Properties of a queue."""


class TopicProperties(_Sendable):
    """Properties of a topic."""


class SubscriptionProperties(_Receivable):
    """Properties of a subscription."""


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
    properties: dict[str, str | bool | int | float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("a correlation filter needs at least one property")
        return self


class RuleProperties(_Model):
    """What a rule does; only correlation filters are offered."""

    filter_type: Literal["Correlation"]
    correlation_filter: CorrelationFilterConfig


class RuleConfig(_Model):
    """A rule of a subscription."""

    name: Name
    properties: RuleProperties


class QueueConfig(_Model):
    """A queue."""

    name: Name
    properties: QueueProperties = QueueProperties()


class SubscriptionConfig(_Model):
    """A subscription; without rules it takes everything."""

    name: Name
    properties: SubscriptionProperties = SubscriptionProperties()
    rules: tuple[RuleConfig, ...] = ()


class TopicConfig(_Model):
    """A topic and its subscriptions."""

    name: Name
    properties: TopicProperties = TopicProperties()
    subscriptions: tuple[SubscriptionConfig, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        _refuse_doubles(each.name for each in self.subscriptions)
        return self


class _NamespaceSection(_Model):
    name: Name
    queues: tuple[QueueConfig, ...] = ()
    topics: tuple[TopicConfig, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        _refuse_doubles([*(each.name for each in self.queues), *(each.name for each in self.topics)])
        return self


class _Logging(_Model):
    type: Literal["File", "Console", "Console,File", "File,Console"]


class _UserConfig(_Model):
    namespaces: Annotated[tuple[_NamespaceSection, ...], Field(min_length=1, max_length=1)]
    logging: _Logging | None = None


class _Document(_Model):
    user_config: _UserConfig


class NamespaceConfig(BaseModel):
    """The entities of the namespace, validated."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    queues: tuple[QueueConfig, ...] = ()
    topics: tuple[TopicConfig, ...] = ()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a Config.json. Raises `ConfigError`, which names the path of each field that is wrong."""
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}") from error
        return cls._checked(lambda: _Document.model_validate_json(text))

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """Take the content of a Config.json that is parsed already. Raises `ConfigError`."""
        return cls._checked(lambda: _Document.model_validate(document))

    @classmethod
    def build(
        cls,
        queues: Mapping[str, Mapping[str, Any]] | None = None,
        topics: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Self:
        """For tests: queue name -> its properties; topic name -> the topic without its name, as in Config.json."""
        section = {
            "Name": "local",
            "Queues": [{"Name": name, "Properties": dict(properties)} for name, properties in (queues or {}).items()],
            "Topics": [{"Name": name, **topic} for name, topic in (topics or {}).items()],
        }
        return cls.parse({"UserConfig": {"Namespaces": [section]}})

    @classmethod
    def _checked(cls, validate: Callable[[], _Document]) -> Self:
        try:
            document = validate()
        except ValidationError as error:
            raise ConfigError(_explain(error)) from error
        section = document.user_config.namespaces[0]
        return cls(name=section.name, queues=section.queues, topics=section.topics)


def _refuse_doubles(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise ValueError(f"the name {name!r} is used twice (case does not matter)")
        seen.add(name.lower())


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"]).lstrip(".")
        lines.append(f"{path or 'Config.json'}: {problem['msg']}")
    return "\n".join(lines)
