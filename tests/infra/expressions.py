"""Works out what a snapshot leaves as an expression: what depends on a secure parameter, or on what only Azure knows.

https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions; the functions that our
templates leave open, and no others: an unknown one is an error.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

TOKEN = re.compile(r"\s*(?:'((?:[^']|'')*)'|(-?\d+)|(\w+)|([()\[\],.]))")


class Known:
    """An Azure resource at run time: whatever is asked of it is named after it."""

    def __init__(self, path: str) -> None:
        self.path = path

    def of(self, name: str) -> "Known":
        return Known(f"{self.path}.{name}")

    def __str__(self) -> str:
        return f"<{self.path}>"


class Deployment:
    """What expressions are worked out with.

    Args:
        parameters: the values of the parameters that the snapshot left open.
        variables: the same.
        cloud: what `environment().name` says.
    """

    def __init__(
        self,
        parameters: Mapping[str, Any] | None = None,
        variables: Mapping[str, Any] | None = None,
        cloud: str = "AzureCloud",
    ) -> None:
        given, known = parameters or {}, variables or {}
        self._functions: dict[str, Callable[..., Any]] = {
            "parameters": lambda name: given[name],
            "variables": lambda name: known[name],
            "environment": lambda: {"name": cloud},
            "reference": lambda id, *_: Known(id.rpartition("/")[2]),
            "tenant": lambda: {"tenantId": "<tenant>"},
            "createObject": lambda *pairs: dict(zip(pairs[::2], pairs[1::2], strict=True)),
            "createArray": lambda *items: list(items),
            "format": lambda text, *values: text.format(*values),
            "string": lambda value: json.dumps(value, separators=(",", ":")) if not isinstance(value, str) else value,
            "if": lambda condition, then, otherwise: then if condition else otherwise,
            "empty": lambda value: not value,
            "not": lambda value: not value,
            "and": lambda *values: all(values),
            "startsWith": lambda text, start: text.lower().startswith(start.lower()),
        }

    def worked_out(self, value: Any) -> Any:
        """Return a part of a snapshot with its expressions worked out."""
        if isinstance(value, dict):
            return {str(self.worked_out(key)): self.worked_out(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.worked_out(each) for each in value]
        if isinstance(value, str) and value.startswith("[") and value.endswith("]") and not value.startswith("[["):
            found = _Reader(value[1:-1], self._functions).whole()
            return str(found) if isinstance(found, Known) else found
        return value


class _Reader:
    def __init__(self, text: str, functions: Mapping[str, Callable[..., Any]]) -> None:
        self._tokens = [match.groups() for match in TOKEN.finditer(text)]
        assert "".join(match.group(0) for match in TOKEN.finditer(text)) == text, text
        self._place = 0
        self._functions = functions

    def whole(self) -> Any:
        found = self._value()
        assert self._place == len(self._tokens)
        return found

    def _peek(self) -> str | None:
        return self._tokens[self._place][3] if self._place < len(self._tokens) else None

    def _value(self) -> Any:
        text, number, name, _ = self._tokens[self._place]
        self._place += 1
        found: Any
        if text is not None:
            return text.replace("''", "'")
        if number is not None:
            return int(number)
        found = {"true": True, "false": False}[name] if name in {"true", "false"} else self._call(name)
        while self._peek() in {".", "["}:
            found = self._part_of(found)
        return found

    def _call(self, name: str) -> Any:
        assert self._peek() == "(", name
        self._place += 1
        given = []
        while self._peek() != ")":
            given.append(self._value())
            if self._peek() == ",":
                self._place += 1
        self._place += 1
        return self._functions[name](*given)

    def _part_of(self, whole: Any) -> Any:
        dot = self._peek() == "."
        self._place += 1
        if dot:
            part = self._tokens[self._place][2]
            self._place += 1
        else:
            part = self._value()
            self._place += 1  # the bracket
        return whole.of(part) if isinstance(whole, Known) else whole[part]
