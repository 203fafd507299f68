"""JSON of values that no other writer takes."""

import json

from pydantic import JsonValue


def written(value: JsonValue) -> bytes:
    """Return a value as canonical JSON, however deep it nests."""
    pieces: list[str] = []
    waiting: list[JsonValue | _Piece] = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, _Piece):
            pieces.append(found)
        elif isinstance(found, dict):
            waiting.append(_Piece("}"))
            for place, name in reversed(list(enumerate(sorted(found)))):
                waiting += [found[name], _Piece(f"{',' if place else ''}{json.dumps(name)}:")]
            waiting.append(_Piece("{"))
        elif isinstance(found, list):
            waiting.append(_Piece("]"))
            for place in range(len(found) - 1, -1, -1):
                waiting += [found[place], *([_Piece(",")] if place else [])]
            waiting.append(_Piece("["))
        else:
            pieces.append(json.dumps(found))
    return "".join(pieces).encode()


class _Piece(str):
    """JSON that is finished."""

    __slots__ = ()
