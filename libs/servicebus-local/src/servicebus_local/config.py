"""The Config.json of Microsoft's Service Bus emulator: which queues, topics, subscriptions and rules there are.

Beyond the emulator's schema it may hold every property that an entity has in the service, such as
`MaxMessageSizeInKilobytes` or `AutoDeleteOnIdle`, and rules with `True` and `False` filters.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from servicebus_local.entities import Described, Name, QueueConfig, TopicConfig, refuse_doubles
from servicebus_local.errors import ConfigError


class _NamespaceSection(Described):
    name: Name
    queues: tuple[QueueConfig, ...] = ()
    topics: tuple[TopicConfig, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        refuse_doubles([*(each.name for each in self.queues), *(each.name for each in self.topics)])
        return self


class _Logging(Described):
    type: Literal["File", "Console", "Console,File", "File,Console"]


class _UserConfig(Described):
    namespaces: Annotated[tuple[_NamespaceSection, ...], Field(min_length=1, max_length=1)]
    logging: _Logging | None = None


class _Document(Described):
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
            raise ConfigError(explain(error)) from error
        section = document.user_config.namespaces[0]
        return cls(name=section.name, queues=section.queues, topics=section.topics)


def explain(error: ValidationError) -> str:
    """Return one line for each problem, which starts with the path of the field.

    A list whose entries are wrong is counted without them, so that it seems too short as well; that is left out.
    """
    lines = []
    problems = error.errors(include_url=False, include_input=False)
    for problem in problems:
        location = problem["loc"]
        if problem["type"] == "too_short" and any(
            len(other["loc"]) > len(location) and other["loc"][: len(location)] == location for other in problems
        ):
            continue
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"]).lstrip(".")
        lines.append(f"{path or 'Config.json'}: {problem['msg']}")
    return "\n".join(lines)
