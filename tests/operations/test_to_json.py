"""Results as JSON data."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

import pytest
from pydantic import BaseModel

from mti.operations.to_json import to_json

pytestmark = pytest.mark.pure


class Colour(StrEnum):
    RED = "red"


class Inner(BaseModel):
    at: datetime


@dataclass(frozen=True, slots=True)
class Part:
    count: int
    colour: Colour = Colour.RED


@dataclass
class Whole:
    parts: tuple[Part, ...]
    by_name: dict[str, Part]
    reasons: Counter[str]
    at: datetime
    inner: Inner
    nothing: None = None
    share: float = 0.5
    odd: object = field(default="")


AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def whole(odd: object = "") -> Whole:
    return Whole((Part(1),), {"a": Part(2)}, Counter({"TestFile": 3}), AT, Inner(at=AT), odd=odd)


def test_what_a_dataclass_holds_is_json_down_to_its_leaves() -> None:
    assert to_json(whole()) == {
        "parts": [{"count": 1, "colour": "red"}],
        "by_name": {"a": {"count": 2, "colour": "red"}},
        "reasons": {"TestFile": 3},
        "at": "2026-11-24T12:00:00+00:00",
        "inner": {"at": "2026-11-24T12:00:00Z"},
        "nothing": None,
        "share": 0.5,
        "odd": "",
    }


@pytest.mark.parametrize("odd", [b"bytes", {1, 2}, Part], ids=["bytes", "a set", "a class"])
def test_what_json_has_no_form_for_is_named(odd: object) -> None:
    with pytest.raises(TypeError, match="has no form in JSON"):
        to_json(whole(odd))
