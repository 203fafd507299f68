"""Results as JSON data. Pure."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, JsonValue, TypeAdapter

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_JSON: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


def to_json(result: "DataclassInstance") -> dict[str, JsonValue]:
    """Return a dataclass as JSON data: times in ISO form, models and dataclasses as objects."""
    return _JSON.validate_python({name: _leaf(value) for name, value in asdict(result).items()})


def _leaf(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(name): _leaf(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_leaf(each) for each in value]
    return value
