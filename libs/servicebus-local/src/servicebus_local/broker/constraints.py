"""What a client cannot ask of an entity: what is fixed at its creation, and what its tier does not have."""

from servicebus_local.entities import STANDARD_TIER_KILOBYTES, QueueProperties, TopicProperties
from servicebus_local.errors import BadRequest

_Sized = QueueProperties | TopicProperties
_SIZES = range(1024, 5120 + 1, 1024)
"""Megabytes that an entity of the standard tier may have: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas."""
_FIXED = ("requires_session", "requires_duplicate_detection", "enable_partitioning", "max_message_size_in_kilobytes")


def check_fixed(before: object, after: object) -> None:
    """Raises `BadRequest` when a property differs that cannot change."""
    for name in _FIXED:
        if getattr(before, name, None) != getattr(after, name, None):
            raise BadRequest(f"The property {name} cannot be changed after the entity was created.")


def check_tier(properties: _Sized) -> None:
    """Raises `BadRequest` for what only the premium tier has."""
    check_size(properties)
    if properties.max_message_size_in_kilobytes != STANDARD_TIER_KILOBYTES:
        raise BadRequest("MaxMessageSizeInKilobytes can only be set in the premium tier.")


def check_size(after: _Sized, before: _Sized | None = None) -> None:
    """What a client sets goes in steps; a Config.json may have any size, so that a test can fill an entity."""
    size = after.max_size_in_megabytes
    if size not in _SIZES and (before is None or size != before.max_size_in_megabytes):
        allowed = ";".join(map(str, _SIZES))
        raise BadRequest(
            f"The specified value {size} is invalid. The property 'MaxSizeInMegabytes', must be one of the following"
            f" values: {allowed}"
        )
