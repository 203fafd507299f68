"""Whose work is being done: attributes that all spans of a piece of work share, whoever makes them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final

from mti.common.telemetry import attributes

_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_labels: ContextVar[Mapping[str, str]] = ContextVar("mti_labels", default=_NONE)


@contextmanager
def labelled(
    *,
    tenant: str | None = None,
    source: str | None = None,
    destination: str | None = None,
    entity: str | None = None,
) -> Iterator[None]:
    """Give everything inside these attributes, beside those that hold already."""
    given = (
        (attributes.TENANT, tenant),
        (attributes.SOURCE, source),
        (attributes.DESTINATION, destination),
        (attributes.ENTITY, entity),
    )
    token = _labels.set({**_labels.get(), **{name: value for name, value in given if value is not None}})
    try:
        yield
    finally:
        _labels.reset(token)


def labels() -> Mapping[str, str]:
    """Return the attributes that hold here."""
    return _labels.get()
