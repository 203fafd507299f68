"""A message as a rule sees it: its properties are read when they are asked for, and changed in a copy."""

from servicebus_local.messages.changes import NAMES, with_changes
from servicebus_local.messages.incoming import IncomingMessage
from servicebus_local.sql import EvaluationError, Properties
from servicebus_local.sql.expressions import Value

_READ = {
    "contenttype": "content_type",
    "correlationid": "correlation_id",
    "label": "label",
    "messageid": "message_id",
    "replyto": "reply_to",
    "replytosessionid": "reply_to_session_id",
    "scheduledenqueuetimeutc": "due_at",
    "sessionid": "session_id",
    "size": "size",
    "subject": "label",
    "timetolive": "ttl",
    "to": "to",
}
"""System properties by their names in lower case."""
_UNSET = {
    "deadlettersource",
    "deliverycount",
    "enqueuedsequencenumber",
    "enqueuedtimeutc",
    "expiresatutc",
    "lockeduntilutc",
    "locktoken",
    "partitionkey",
    "sequencenumber",
    "state",
    "transactionpartitionkey",
    "viapartitionkey",
}
"""System properties that no message has yet when the rules look at it, or that are not kept here."""
_IGNORED = {"scheduledenqueuetimeutc", "partitionkey", "transactionpartitionkey", "viapartitionkey"}
"""System properties that an action may change, which is without effect in a subscription.

https://learn.microsoft.com/azure/service-bus-messaging/topic-filters#actions
"""


class MessageProperties(Properties):
    """The properties of one message, with the changes that a rule's action makes."""

    def __init__(self, message: IncomingMessage) -> None:
        self._message = message
        self._system: dict[str, Value] = {}
        self._user: dict[str, Value] = {}
        self._removed: set[str] = set()

    def system(self, name: str) -> Value:
        """Return a property of the broker's. Raises `EvaluationError`."""
        key = name.lower()
        if key in _UNSET:
            return None
        if key not in _READ:
            raise EvaluationError(f"there is no system property {name}")
        attribute = _READ[key]
        if attribute in self._system:
            return self._system[attribute]
        value: Value = getattr(self._message, attribute)
        return value

    def user(self, name: str) -> Value:
        """Return an application property, by its name in any case."""
        spelt = self._spelt(name)
        if spelt in self._removed:
            return None
        if spelt in self._user:
            return self._user[spelt]
        value: Value = self._message.application_properties.get(spelt)
        return value

    def set(self, scope: str, name: str, value: Value) -> None:
        """Change a property. Raises `EvaluationError`."""
        if scope == "sys":
            if name.lower() not in _IGNORED:
                self._system[self._changeable(name)] = None if value is None else str(value)
            return
        spelt = self._spelt(name)
        self._user[spelt] = value
        self._removed.discard(spelt)

    def remove(self, scope: str, name: str) -> None:
        """Take a property away. Raises `EvaluationError`."""
        if scope == "sys":
            if name.lower() not in _IGNORED:
                self._system[self._changeable(name)] = None
            return
        spelt = self._spelt(name)
        self._user.pop(spelt, None)
        self._removed.add(spelt)

    def changed(self) -> IncomingMessage:
        """Return the message with all changes."""
        return with_changes(self._message, self._system, self._user, self._removed)

    def _spelt(self, name: str) -> str:
        """The name as the message has it; names are the same in any case, and the exact one goes first."""
        known = self._message.application_properties
        if name in known or name in self._user:
            return name
        lowered = name.lower()
        return next((each for each in (*known, *self._user) if each.lower() == lowered), name)

    def _changeable(self, name: str) -> str:
        attribute = _READ.get(name.lower(), "")
        if attribute not in NAMES:
            raise EvaluationError(f"an action cannot change the system property {name}")
        return attribute
