"""Works out the expressions of workflow definitions:
https://learn.microsoft.com/azure/logic-apps/workflow-definition-language-functions-reference.

The functions that our playbooks use, and no others: an unknown one is an error. Stricter than the service where it is
not documented: every argument is worked out, also that of a branch that is not taken.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote
from uuid import uuid4

TOKEN = re.compile(r"\s*(?:'((?:[^']|'')*)'|(-?\d+)|([A-Za-z_]\w*)|([()\[\].,?}]))")


class Fault(Exception):
    """An expression that fails when it is worked out; in the service its action fails."""


Functions = Mapping[str, Callable[..., Any]]


def worked_out(value: Any, functions: Functions) -> Any:
    """Return a part of a definition with its expressions worked out."""
    if isinstance(value, dict):
        return {key: worked_out(each, functions) for key, each in value.items()}
    if isinstance(value, list):
        return [worked_out(each, functions) for each in value]
    if not isinstance(value, str):
        return value
    if value.startswith("@@"):
        return value[1:]
    if value.startswith("@") and not value.startswith("@{"):
        reader = _Reader(value, 1, functions)
        found = reader.value()
        if reader.place != len(value.rstrip()):
            raise Fault(f"something follows the expression: {value[reader.place :]!r}")
        return found
    return _filled_in(value, functions)


def _filled_in(text: str, functions: Functions) -> str:
    parts, place = [], 0
    while (start := text.find("@{", place)) >= 0:
        parts.append(text[place:start])
        reader = _Reader(text, start + 2, functions)
        parts.append(as_text(reader.value()))
        if reader.symbol() != "}":
            raise Fault(f"no end of the expression in {text[start : start + 80]!r}")
        place = reader.place
    return "".join([*parts, text[place:]])


def as_text(value: Any) -> str:
    """Return a value as it stands in a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class _Reader:
    def __init__(self, text: str, place: int, functions: Functions) -> None:
        self._text = text
        self.place = place
        self._functions = functions

    def _next(self) -> tuple[str | None, str | None, str | None, str | None]:
        match = TOKEN.match(self._text, self.place)
        if match is None:
            raise Fault(f"not understood: {self._text[self.place : self.place + 60]!r}")
        self.place = match.end()
        text, number, name, symbol = match.groups()
        return text, number, name, symbol

    def symbol(self) -> str | None:
        return self._next()[3]

    def _peek(self) -> str | None:
        match = TOKEN.match(self._text, self.place)
        return None if match is None else match[4]

    def value(self) -> Any:
        text, number, name, symbol = self._next()
        found: Any
        if text is not None:
            found = text.replace("''", "'")
        elif number is not None:
            found = int(number)
        elif name in {"true", "false", "null"}:
            found = {"true": True, "false": False, "null": None}[name]
        elif name is not None:
            found = self._call(name)
        else:
            raise Fault(f"no value begins with {symbol}")
        while self._peek() in {"?", "[", "."}:
            found = self._part_of(found)
        return found

    def _call(self, name: str) -> Any:
        if self.symbol() != "(":
            raise Fault(f"{name} is no value")
        given = []
        if self._peek() == ")":
            self.symbol()
        else:
            while True:
                given.append(self.value())
                if (after := self.symbol()) == ")":
                    break
                if after != ",":
                    raise Fault(f"neither , nor ) follows an argument of {name}")
        if name not in self._functions:
            raise Fault(f"no function {name}")
        try:
            return self._functions[name](*given)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
            raise Fault(f"{name}{tuple(given)!r}: {error}") from error

    def _part_of(self, whole: Any) -> Any:
        lenient = self._peek() == "?"
        if lenient:
            self.symbol()
        if self.symbol() == ".":
            key: Any = self._next()[2]
        else:
            key = self.value()
            if self.symbol() != "]":
                raise Fault("no ] follows")
        if whole is None and lenient:
            return None
        if isinstance(whole, dict) and isinstance(key, str):
            if key in whole or lenient:
                return whole.get(key)
        elif isinstance(whole, list) and isinstance(key, int):
            if 0 <= key < len(whole):
                return whole[key]
            if lenient:
                return None
        raise Fault(f"{key!r} can't be selected of {whole!r}")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("is no text")
    return value


def _flag(*values: Any) -> bool:
    if not all(isinstance(value, bool) for value in values):
        raise TypeError("is neither true nor false")
    return all(values)


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("is no number")
    return value


def _empty(value: Any) -> bool:
    if value is not None and not isinstance(value, str | list | dict):
        raise TypeError("can't be empty")
    return not value


def _equals(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _union(*lists: list[Any]) -> list[Any]:
    found: list[Any] = []
    for each in (each for given in lists for each in given):
        if each not in found:
            found.append(each)
    return found


def _formatted(when: str, form: str) -> str:
    if form != "yyyy-MM-ddTHH:mm:ss":
        raise ValueError("a form that is not known here")
    return datetime.fromisoformat(when).strftime("%Y-%m-%dT%H:%M:%S")


def plain_functions(now: Callable[[], datetime]) -> dict[str, Callable[..., Any]]:
    """Return the functions that look at their arguments alone, or at the clock."""
    stamp = "%Y-%m-%dT%H:%M:%S.0000000Z"
    return {
        "add": lambda one, other: _number(one) + _number(other),
        "addDays": lambda when, days: (datetime.fromisoformat(when) + timedelta(days=_number(days))).strftime(stamp),
        "and": _flag,
        "coalesce": lambda *values: next((value for value in values if value is not None), None),
        "concat": lambda *values: "".join(as_text(value) for value in values),
        "createArray": lambda *values: list(values),
        "decodeUriComponent": lambda text: unquote(_text(text)),
        "empty": _empty,
        "encodeUriComponent": lambda text: quote(_text(text), safe="-_.!~*'()"),
        "equals": _equals,
        "first": lambda values: values[0] if values else None,
        "formatDateTime": _formatted,
        "greater": lambda one, other: _number(one) > _number(other),
        "greaterOrEquals": lambda one, other: _number(one) >= _number(other),
        "guid": lambda: str(uuid4()),
        "if": lambda condition, then, otherwise: then if _flag(condition) else otherwise,
        "int": lambda value: int(value) if isinstance(value, str) else _number(value),
        "join": lambda values, between: _text(between).join(as_text(value) for value in values),
        "json": lambda text: json.loads(_text(text)),
        "length": len,
        "less": lambda one, other: _number(one) < _number(other),
        "not": lambda value: not _flag(value),
        "or": lambda *values: not all(not _flag(value) for value in values),
        "replace": lambda text, old, new: _text(text).replace(_text(old), _text(new)),
        "startsWith": lambda text, start: _text(text).lower().startswith(_text(start).lower()),
        "string": lambda value: as_text(value) if value is not None else _text(value),
        "sub": lambda one, other: _number(one) - _number(other),
        "take": lambda whole, count: whole[: _number(count)],
        "toLower": lambda text: _text(text).lower(),
        "trim": lambda text: _text(text).strip(),
        "union": _union,
        "utcNow": lambda: now().strftime(stamp),
    }
