"""Logs: one JSON object a line on stderr, for machines first, and no secret in any of them.

Two nets keep secrets out: libraries that log requests speak from WARNING on, and the values of secrets that were read
are replaced wherever they turn up.
"""

import json
import logging
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TextIO

from opentelemetry import trace

from mti.common.known_values import KnownValues
from mti.common.secret_forms import MASK, forms_of, passing_forms_of

QUIET = ("aiohttp", "asyncio", "azure", "httpcore", "httpx", "msal", "opentelemetry", "urllib3")
"""Libraries that would log addresses, headers or every frame below WARNING."""

PASSING = 2048
"""Tokens that are remembered: the last two of each account or workspace of a thousand."""
_CREDENTIALS = frozenset({"authorization", "password", "client_secret", "secret_key", "access_key", "app_key"})
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class Redaction:
    """The values that must not be shown, and the replacing of them."""

    def __init__(self) -> None:
        self._values = KnownValues()
        self._kept: set[str] = set()
        self._passing: dict[str, frozenset[str]] = {}

    def add(self, value: str) -> None:
        """Never show this value again, nor any of its forms; see `forms_of`."""
        for form in forms_of(value) - self._kept:
            self._kept.add(form)
            self._values.add(form)

    def add_passing(self, token: str) -> None:
        """Never show this token again, until so many others came that it has run out long since."""
        if token in self._passing:
            self._passing[token] = self._passing.pop(token)  # as the newest
            return
        self._passing[token] = passing_forms_of(token)
        for form in self._passing[token]:
            self._values.add(form)
        if len(self._passing) > PASSING:
            for form in self._passing.pop(next(iter(self._passing))) - self._kept:
                self._values.remove(form)

    def apply(self, text: str) -> str:
        """Return the text with every known value replaced by `***`."""
        return self._values.mask(text)


redaction = Redaction()
"""The one of this process: whoever reads a secret adds it here."""


class RedactionFilter(logging.Filter):
    """Replaces secrets in a record before any handler sees it: message, arguments, fields and exception."""

    def __init__(self, values: Redaction = redaction) -> None:
        super().__init__()
        self._values = values

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the record in place and let it pass."""
        record.msg = self._values.apply(_message(record))
        record.args = None
        if record.exc_info:
            record.exc_text = self._values.apply(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        for name in record.__dict__.keys() - _STANDARD:
            record.__dict__[name] = _masked(name, record.__dict__[name], self._values)
        return True


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON.

    Args:
        service: who speaks: `fetcher`, `normalizer`, `publisher`, …
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the line: time, level, service, logger, message, the fields of `extra`, exception, trace."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": _message(record),
        }
        line |= {name: value for name, value in fields_of(record).items() if name not in line}
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            line["exception"] = record.exc_text
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            line |= {"trace_id": trace.format_trace_id(span.trace_id), "span_id": trace.format_span_id(span.span_id)}
        return json.dumps(line, default=str)


class _OwnHandler(logging.StreamHandler[TextIO]):
    """What `configure` installs, so that a second call replaces it."""


def configure(service: str, level: str = "INFO", *, stream: TextIO | None = None, hosted: bool = False) -> None:
    """Set the logging of this process up. It may be called again: the last call holds.

    Args:
        service: who speaks, in every line.
        level: the least level of our own loggers (`DEBUG`, `INFO`, `WARNING`, `ERROR`).
        stream: where lines go; stderr when not given.
        hosted: the host (Azure Functions) has its own handlers on the root logger: they stay and are made to mask
            secrets, and no lines are written to a stream.
    """
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _OwnHandler)]:
        root.removeHandler(handler)
    if not hosted:
        handler = _OwnHandler(stream or sys.stderr)
        handler.setFormatter(JsonLines(service))
        root.addHandler(handler)
    for present in root.handlers:
        if not any(isinstance(known, RedactionFilter) for known in present.filters):
            present.addFilter(RedactionFilter())
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """Return the fields of a record that came as `extra`."""
    return {name: value for name, value in record.__dict__.items() if name not in _STANDARD}


def _message(record: logging.LogRecord) -> str:
    """Fill the arguments in; a record whose arguments do not fit is still worth a line."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args}"


def _masked(name: str, value: object, values: Redaction) -> object:
    """Mask a field, down to the leaves of what it holds; a credential's field whatever it holds."""
    if name.lower() in _CREDENTIALS:
        return MASK
    if isinstance(value, str):
        return values.apply(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _masked(str(key), item, values) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return [_masked("", item, values) for item in value]
    return values.apply(str(value))
