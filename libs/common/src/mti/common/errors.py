"""All errors of the project, by what is to be done about them.

::

    MtiError
    ├── Reasoned               about a message: it says why, and what becomes of the message follows from it
    │   ├── Retry              later: a scheduled copy, with back-off and jitter, bounded
    │   ├── Poison             dead-letter now: a reason code and a sentence a person can act on
    │   │   └── UnsupportedSchema
    │   ├── Pause              the account or the workspace is at fault, not the message: it waits, unbounded
    │   │   └── SecretUnavailable
    │   └── Unavailable        our own bus or store does not answer: messages wait, unbounded; nobody is paused
    │       ├── BusUnavailable
    │       │   └── BusFull    a quota is reached: it takes nothing more until there is room
    │       └── StoreUnavailable
    ├── ConfigurationError     the operator's to mend, before anything runs
    ├── MessageTooLarge        the sender's to cut smaller
    ├── LockLost               somebody else has the message now
    ├── NoSession              no session is free to be taken
    └── WriteConflict          compare-and-set lost: read again and decide again

Anything else is a bug: it goes to the dead-letter queue with its trace id. What becomes of a message is said by
`mti.common.hosting.outcomes`.
"""

from datetime import timedelta

from mti.common.logs import redaction


class MtiError(Exception):
    """The root of the tree.

    The text of an error is kept in pauses and dead letters and shown by processes that never knew the secrets of this
    one, so that they are masked here. Words of others go through `mti.common.foreign_words` besides.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(redaction.apply(text))


class Reasoned(MtiError):
    """An error that says why a message can't be handled now.

    Args:
        reason: a CamelCase code, for counting; of a dead letter its reason.
        description: a sentence that names the tenant and the thing, and that a person can act on. Never a secret.
    """

    def __init__(self, reason: str, description: str) -> None:
        self.reason = reason
        self.description = redaction.apply(description)
        super().__init__(f"{reason}: {description}")

    def say_of(self, subject: str) -> None:
        """Put before the description what it is said of: whoever raised it did not know."""
        self.description = redaction.apply(f"{subject}: {self.description}")
        self.args = (f"{self.reason}: {self.description}",)


class Delayed(Reasoned):
    """One that may know how long to wait.

    Args:
        reason: see `Reasoned`.
        description: likewise.
        delay: what the other side told us to wait, at least; `None` leaves it to whoever handles the error.
    """

    def __init__(self, reason: str, description: str, delay: timedelta | None = None) -> None:
        super().__init__(reason, description)
        self.delay = delay


class Retry(Delayed):
    """Try again later. Without a delay the back-off says when."""


class Poison(Reasoned):
    """The message can't be handled, now or later."""


class UnsupportedSchema(Poison):
    """The contract is unknown, or of a major version that this release does not read."""

    def __init__(self, description: str) -> None:
        super().__init__("UnsupportedSchema", description)


class Pause(Delayed):
    """The source or the destination is at fault and is left alone for a while (`CredentialsRefused`,
    `WorkspaceUnknown`, …); its messages wait. Without a delay it grows with each pause.
    """


class SecretUnavailable(Pause):
    """A secret reference names nothing that can be read."""

    def __init__(self, description: str) -> None:
        super().__init__("SecretUnavailable", description)


class Unavailable(Delayed):
    """Our own infrastructure does not answer. Nothing is wrong with any message, so nothing counts against one."""


class BusUnavailable(Unavailable):
    """The broker could not be reached, or did not confirm."""

    def __init__(self, description: str) -> None:
        super().__init__("BusUnavailable", description)


class BusFull(BusUnavailable):
    """A queue or topic is full, or the namespace has no room for another connection."""


class StoreUnavailable(Unavailable):
    """The store could not be reached, or is over its budget."""

    def __init__(self, description: str, delay: timedelta | None = None) -> None:
        super().__init__("StoreUnavailable", description, delay)


class ConfigurationError(MtiError):
    """Something that the operator wrote is wrong; the text names the place and the cure."""


class MessageTooLarge(MtiError):
    """One message does not fit the entity that it is for."""


class LockLost(MtiError):
    """The lock of a message or a session ran out before it was settled."""


class NoSession(MtiError):
    """No session was free within the time to wait for one."""


class WriteConflict(MtiError):
    """A compare-and-set write lost its race."""
