"""Log records for an exporter: the same as the lines on stderr, with the same secrets masked."""

import json
import logging
from collections.abc import Callable
from typing import Final

from opentelemetry._logs import Logger, LogRecord, SeverityNumber
from opentelemetry.util.types import AnyValue

from mti.common.logs import RedactionFilter, fields_of

_SEVERITIES: Final = (
    (logging.CRITICAL, SeverityNumber.FATAL),
    (logging.ERROR, SeverityNumber.ERROR),
    (logging.WARNING, SeverityNumber.WARN),
    (logging.INFO, SeverityNumber.INFO),
)
_OWN_SOUND: Final = ("opentelemetry", "urllib3", "requests", "azure.core", "azure.monitor")
"""Loggers that speak while something is exported: to export that as well would never end."""


class LogExport(logging.Handler):
    """Hands records over to OpenTelemetry."""

    def __init__(self, logger: Callable[[str], Logger]) -> None:
        super().__init__()
        self._logger = logger
        self.addFilter(RedactionFilter())

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one record over, in the trace that is current."""
        if any(record.name == name or record.name.startswith(f"{name}.") for name in _OWN_SOUND):
            return
        attributes = {name: _attribute(value) for name, value in fields_of(record).items()}
        if record.exc_text:
            attributes["exception.stacktrace"] = record.exc_text
        self._logger(record.name).emit(
            LogRecord(
                timestamp=int(record.created * 1e9),
                severity_text=record.levelname,
                severity_number=_severity(record.levelno),
                body=record.getMessage(),
                attributes=attributes,
            )
        )


def _severity(level: int) -> SeverityNumber:
    return next((number for least, number in _SEVERITIES if level >= least), SeverityNumber.DEBUG)


def _attribute(value: object) -> AnyValue:
    return value if isinstance(value, (str, bool, int, float)) else json.dumps(value, default=str)
