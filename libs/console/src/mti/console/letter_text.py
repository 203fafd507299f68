"""A dead letter for people: its fields in the order of their worth, and its body, bounded. Pure."""

import json
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from mti.common.contracts.envelope import REFUSAL, REFUSAL_DESCRIPTION
from mti.operations.bus import DESCRIPTION, REASON

SHOWN: Final = 64 << 10
"""Characters of a body that a page shows."""
_HIDDEN: Final = frozenset({"properties", "reason", "description", "body"})
_SAID: Final = frozenset({REASON, DESCRIPTION, REFUSAL, REFUSAL_DESCRIPTION})
"""Properties that say the reason and the description once more."""


def fields_of(shown: Mapping[str, JsonValue]) -> list[tuple[str, str]]:
    """Return what a dead letter says of itself, its properties last; what is empty is left out."""
    fields = [(name.replace("_", " "), str(value)) for name, value in shown.items() if name not in _HIDDEN]
    properties = shown.get("properties")
    if isinstance(properties, dict):
        fields += [(name, str(value)) for name, value in sorted(properties.items()) if name not in _SAID]
    return [(name, value) for name, value in fields if value not in ("", "None")]


def body_for(body: JsonValue) -> tuple[str, bool]:
    """Return a body as text with indents, and whether the end of it is left out."""
    text = body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False)
    return text[:SHOWN], len(text) > SHOWN
