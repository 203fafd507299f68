"""The streams of this process: fit for every text, and safe whoever writes to them. It loads nothing of a terminal."""

import gc
import logging
import sys
import traceback
from io import TextIOWrapper
from types import TracebackType
from typing import Final

from mti.common.escaping import escaped

_PYTHONS_OWN: Final = (700, 10, 10)
"""Of garbage: the objects and collections until it is looked for."""


def prepare() -> None:
    r"""Make the streams of this process fit for every text, and what Python itself prints safe to show.

    A stream that is not UTF-8 (`LANG=C`, `PYTHONIOENCODING=ascii`) gets `\xe9` for what it has no letter for, instead
    of ending a run that is complete.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.excepthook = _unforeseen


def log_to(level: int) -> None:
    """Show log records on stderr, from a level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Shown("%(message)s"))
    logging.basicConfig(handlers=[handler], level=level)


def leave() -> None:
    """Leave this process as it was before it became a command: another program follows."""
    gc.set_threshold(*_PYTHONS_OWN)
    logging.root.handlers.clear()
    logging.root.setLevel(logging.WARNING)
    sys.excepthook = sys.__excepthook__


class _Shown(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return escaped(super().format(record))


def _unforeseen(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.stderr.write(escaped("".join(traceback.format_exception(kind, error, trace))))
