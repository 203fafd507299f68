"""An entity's settings as the broker uses them; times in milliseconds."""

from dataclasses import dataclass
from datetime import timedelta

from servicebus_local.entities import QueueProperties, SubscriptionProperties, TopicProperties


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """How a queue or subscription keeps its messages."""

    lock_duration: int
    max_delivery_count: int
    default_ttl: int | None
    dead_letters_expired: bool
    forward_to: str | None = None
    forward_dead_letters_to: str | None = None

    @classmethod
    def of(cls, properties: QueueProperties | SubscriptionProperties) -> "QueueSettings":
        """From the configuration."""
        return cls(
            milliseconds(properties.lock_duration),
            properties.max_delivery_count,
            _optional(properties.default_message_time_to_live),
            properties.dead_lettering_on_message_expiration,
            properties.forward_to or None,
            properties.forward_dead_lettered_messages_to or None,
        )


@dataclass(frozen=True, slots=True)
class DestinationSettings:
    """What a queue or topic takes in."""

    requires_session: bool
    default_ttl: int | None
    duplicate_window: int | None
    max_message_size: int
    """In bytes."""
    max_size: int
    """Of all messages together, in bytes."""
    disabled: bool

    @classmethod
    def of(cls, properties: QueueProperties | TopicProperties) -> "DestinationSettings":
        """From the configuration."""
        window = milliseconds(properties.duplicate_detection_history_time_window)
        return cls(
            isinstance(properties, QueueProperties) and properties.requires_session,
            _optional(properties.default_message_time_to_live),
            window if properties.requires_duplicate_detection else None,
            properties.max_message_size_in_kilobytes * 1024,
            properties.max_size_in_megabytes * 1024 * 1024,
            properties.status in ("Disabled", "SendDisabled"),
        )


def milliseconds(duration: timedelta) -> int:
    """A duration in milliseconds."""
    return duration // timedelta(milliseconds=1)


def _optional(duration: timedelta | None) -> int | None:
    return None if duration is None else milliseconds(duration)
