"""What the service refuses, and in which words.

    ServiceError                 an AMQP condition for links and dispositions, a status for $management
    ├── EntityNotFound           no such queue, topic or subscription
    ├── BadRequest               a management request that lacks something
    ├── NotAllowed               the entity is not of that kind (sessions, direction)
    ├── InvalidMessage           cannot be decoded
    ├── MessageTooLarge          above the entity's max-message-size
    ├── EntityDisabled           its status does not allow it
    ├── EntityExists             the name is taken
    ├── QuotaExceeded            the entity is full
    ├── ServerBusy               the namespace was told to be
    ├── Unauthorized             a wrong key, an expired token, or a claim that is missing
    ├── TokenNotRenewed          the token that a link was opened with expired
    ├── LinkIdle                 nothing happened on the link for ten minutes
    ├── MessageLockLost          expired, settled already or never given
    ├── MessageNotFound          no such sequence number
    ├── SessionLockLost          expired or freed
    ├── SessionCannotBeLocked    another receiver holds it
    ├── NothingToAccept          no session became free in time
    ├── Unsupported              an operation that this namespace does not offer
    └── StorageFailed            the disk refused; nothing was changed
    ConfigError                  Config.json is not usable
    DataFolderBusy               another namespace uses the data folder
    ProtocolViolation            the peer broke AMQP; the connection is closed
    └── SessionViolation         … in one session, which is ended

Conditions as the SDK maps them to its exceptions (azure.servicebus._common.constants) and as listed in
https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide.
"""

from typing import ClassVar


class ServiceError(Exception):
    """An answer of the service that is not a success; `str()` is the sentence that a client sees."""

    condition: ClassVar[str] = "amqp:internal-error"
    status: ClassVar[int] = 500


class EntityNotFound(ServiceError):
    """No such queue, topic or subscription."""

    condition = "amqp:not-found"
    status = 404

    def __init__(self, address: str) -> None:
        super().__init__(f"The messaging entity '{address}' could not be found.")


class BadRequest(ServiceError):
    """A request of `$management` lacks something, or holds it in another type."""

    condition = "com.microsoft:argument-error"
    status = 400


class NotAllowed(ServiceError):
    """The entity is of another kind than the request supposes."""

    condition = "amqp:not-allowed"
    status = 400


class InvalidMessage(ServiceError):
    """The bytes are not an AMQP message."""

    condition = "amqp:decode-error"
    status = 400


class MessageTooLarge(ServiceError):
    """The encoded message, or the batch, is above the entity's max-message-size."""

    condition = "amqp:link:message-size-exceeded"
    status = 400

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"The received message (size:{size} bytes) exceeds the limit ({limit} bytes) currently allowed on the link."
        )


class EntityDisabled(ServiceError):
    """Somebody set the entity's status so that this cannot be."""

    condition = "com.microsoft:entity-disabled"
    status = 403

    def __init__(self, path: str) -> None:
        super().__init__(f"The messaging entity '{path}' is currently disabled for this.")


class EntityExists(ServiceError):
    """The name is taken."""

    condition = "com.microsoft:entity-already-exists"
    status = 409

    def __init__(self, path: str) -> None:
        super().__init__(f"The entity '{path}' already exists.")


class QuotaExceeded(ServiceError):
    """The entity's messages have reached its MaxSizeInMegabytes."""

    condition = "amqp:resource-limit-exceeded"
    status = 403

    def __init__(self, path: str, size: int, limit: int) -> None:
        super().__init__(
            f"The maximum entity size has been reached or exceeded for '{path}': {size} of {limit} bytes are in use."
        )


class ServerBusy(ServiceError):
    """The namespace was told to be busy."""

    condition = "com.microsoft:server-busy"
    status = 503

    def __init__(self) -> None:
        super().__init__("The service was unable to process the request; please retry the operation.")


class Unauthorized(ServiceError):
    """The token does not allow this, or there is none."""

    condition = "amqp:unauthorized-access"
    status = 401


class TokenNotRenewed(ServiceError):
    """The token that a link was opened with expired; unlike `Unauthorized`, clients try again with another one."""

    condition = "amqp:link:detach-forced"
    status = 401

    def __init__(self, link: str, reason: Unauthorized) -> None:
        super().__init__(f"The link '{link}' is force detached. Code: RenewToken. Details: {reason}")


class LinkIdle(ServiceError):
    """Nothing happened on the link for ten minutes."""

    condition = "amqp:link:detach-forced"
    status = 408

    def __init__(self) -> None:
        super().__init__("The link is force detached by the broker because it was idle for too long.")


class MessageLockLost(ServiceError):
    """The lock expired, or the message was settled already."""

    condition = "com.microsoft:message-lock-lost"
    status = 410

    def __init__(self) -> None:
        super().__init__(
            "The lock supplied is invalid. Either the lock expired, or the message has already been removed from the"
            " queue."
        )


class MessageNotFound(ServiceError):
    """No message with that sequence number is there in the state that the operation needs."""

    condition = "com.microsoft:message-not-found"
    status = 404

    @classmethod
    def of(cls, sequence: int) -> "MessageNotFound":
        """For a message that was to be received by its number."""
        return cls(f"Failed to lock one or more specified messages: there is no deferred message {sequence}.")


class SessionLockLost(ServiceError):
    """The session's lock expired or was freed."""

    condition = "com.microsoft:session-lock-lost"
    status = 410

    def __init__(self, session_id: str) -> None:
        super().__init__(
            f"The session lock has expired on the MessageSession '{session_id}'. Accept a new MessageSession."
        )


class SessionCannotBeLocked(ServiceError):
    """Another receiver holds the session."""

    condition = "com.microsoft:session-cannot-be-locked"
    status = 409

    def __init__(self, session_id: str) -> None:
        super().__init__(
            f"The requested session '{session_id}' cannot be accepted. It may be locked by another receiver."
        )


class NothingToAccept(ServiceError):
    """No session with messages became free within the time the receiver gave."""

    condition = "com.microsoft:timeout"
    status = 408

    def __init__(self) -> None:
        super().__init__("The operation did not complete within the allotted timeout: no session became available.")


class Unsupported(ServiceError):
    """The service has it, this namespace does not."""

    condition = "amqp:not-implemented"
    status = 501


class StorageFailed(ServiceError):
    """The write could not be made durable and was undone."""


class ConfigError(Exception):
    """Config.json cannot be used; the message names each offending path, one a line."""


class DataFolderBusy(Exception):
    """Another namespace holds the lock on the data folder."""


class ProtocolViolation(Exception):
    """The peer broke the rules of AMQP."""

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(description)
        self.condition = condition


class SessionViolation(ProtocolViolation):
    """The peer broke the rules of one session, which is ended; the connection goes on."""
