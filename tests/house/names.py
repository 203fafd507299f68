"""The names that the code of services and libraries defines, and where."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from tests.house.pages.generated import ROOT, sources

Kind = Literal["module", "class", "function", "variable"]


@dataclass(frozen=True, slots=True)
class Name:
    """A module, class, function or variable; parameters and fields are variables."""

    name: str
    path: str
    line: int
    kind: Kind = "variable"

    def __str__(self) -> str:
        """Say where it is."""
        return f"{self.path}:{self.line}: {self.name}"


@cache
def defined() -> tuple[Name, ...]:
    """Return all names; what is only used is defined elsewhere."""
    return tuple(name for path in sources() for name in names_of(path.read_text(), path.relative_to(ROOT).as_posix()))


def names_of(text: str, path: str) -> Iterator[Name]:
    """Return the names that a module defines, its own and that of its package among them."""
    module = path.rpartition("/")[2].removesuffix(".py")
    yield Name(path.split("/")[-2] if module == "__init__" else module, path, 1, "module")
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield Name(name, path, node.lineno, "function")
            case ast.ClassDef(name=name):
                yield Name(name, path, node.lineno, "class")
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield Name(name, path, node.lineno)
            case ast.alias(asname=str(name)):
                yield Name(name, path, node.lineno)


def words_of(name: str) -> list[str]:
    """Return the words that a name is made of, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]
