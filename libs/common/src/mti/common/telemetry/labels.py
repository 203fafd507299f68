"""Whose work is being done: attributes that all spans of a piece of work share, whoever makes them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final

from mti.common.telemetry import attributes

_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_labels: ContextVar[Mapping[str, str]] = ContextVar("mti_labels", default=_NONE)
_entity: ContextVar[str] = ContextVar("mti_entity", default="none")


@contextmanager
def labelled(
    *,
    tenant: str | None = None,
    source: str | None = None,
    destination: str | None = None,
) -> Iterator[None]:
    """Give everything inside these attributes, beside those that hold already."""
    given = (
        (attributes.TENANT, tenant),
        (attributes.SOURCE, source),
        (attributes.DESTINATION, destination),
    )
    token = _labels.set({**_labels.get(), **{name: value for name, value in given if value is not None}})
    try:
        yield
    finally:
        _labels.reset(token)


@contextmanager
def handling(entity: str) -> Iterator[None]:
    """Say whose messages are handled inside."""
    token = _entity.set(entity)
    try:
        yield
    finally:
        _entity.reset(token)


def entity_handled() -> str:
    """Return the queue or topic whose messages are being handled."""
    return _entity.get()


def labels() -> Mapping[str, str]:
    """Return the attributes that hold here."""
    return _labels.get()
