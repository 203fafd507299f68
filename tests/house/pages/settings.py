"""`docs/settings.md`: every variable that a service or a command reads, from the classes that read them."""

import ast
import importlib
import inspect
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AwareDatetime, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mti.common.settings import PREFIX, Settings
from tests.house.pages.generated import ROOT, sources, table

SERVICES = ("fetcher", "normalizer", "publisher")
_UNITS = {"_seconds": "seconds", "_limit": "bytes"}
_TYPES: dict[Any, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "path",
    SecretStr: "secret",
    AwareDatetime: "time (ISO 8601)",
}
_MIB = 1024 * 1024


@dataclass(slots=True)
class Variable:
    """One variable of the environment."""

    name: str
    type: str
    default: str
    unit: str
    meaning: str
    readers: set[str] = field(default_factory=set)


def page_parts() -> dict[str, str]:
    """Return the generated parts of the page."""
    heads = ("variable", "type", "default", "unit", "meaning", "read by")
    parts = []
    for owner, variables in by_class().items():
        rows = [
            (f"`{each.name}`", each.type, each.default, each.unit, each.meaning, ", ".join(_in_order(each.readers)))
            for each in variables
        ]
        said = inspect.getdoc(owner) or ""
        parts.append(f"### {_title(owner)}\n\n{said}\n\n{table(heads, rows)}")
    options = [(f"`{name}`", f"`{option}` of `mti {command}`") for name, command, option in option_variables()]
    return {"settings": "\n\n".join(parts), "options": table(("variable", "stands for"), options)}


def by_class() -> dict[type[Settings], list[Variable]]:
    """Return the variables, each under the class that defines it first and with all that read it."""
    found: dict[str, Variable] = {}
    owners: dict[type[Settings], list[Variable]] = {}
    for member, read in sorted(readers(), key=lambda each: each[0] not in SERVICES):
        for owner, name, info in _fields(read):
            variable = _variable(owner, name, info)
            if variable.name not in found:
                found[variable.name] = variable
                owners.setdefault(owner, []).append(variable)
            found[variable.name].readers.add(member)
    return owners


def readers() -> Iterator[tuple[str, type[Settings]]]:
    """Return who reads which settings: every `SOMETHING.from_environment(…)` in the code.

    Raises:
        KeyError: something that is no class of settings is read in this way.
    """
    classes = {each.__name__: each for each in _subclasses(Settings)}
    seen = set()
    for path in sources():
        member = path.relative_to(ROOT).parts[1]
        reader = member if member in SERVICES else "`mti`"
        for name in re.findall(r"\b(\w+)\.from_environment\(", path.read_text()):
            if (reader, name) not in seen:
                seen.add((reader, name))
                yield reader, classes[name]


def option_variables() -> Iterator[tuple[str, str, str]]:
    """Return the variables that stand for an option: variable, command, option."""
    import typer
    from typer.core import TyperGroup

    from mti.cli.main import app

    def walk(command: Any, words: str) -> Iterator[tuple[str, str, str]]:
        if isinstance(command, TyperGroup):
            for name, each in command.commands.items():
                yield from walk(each, f"{words} {name}".strip())
            return
        for parameter in command.params:
            names = parameter.envvar if isinstance(parameter.envvar, list) else [parameter.envvar]
            yield from ((name, words, parameter.opts[0]) for name in names if name)

    yield from walk(typer.main.get_command(app), "")


def names_in_the_code() -> dict[str, str]:
    """Return what looks like a variable's name in modules that touch the environment, with the module."""
    found = {}
    for path in sources():
        text = path.read_text()
        if not re.search(r"\benviron\b", text):
            continue
        for node in ast.walk(ast.parse(text)):
            value = node.value if isinstance(node, ast.Constant) else None
            if isinstance(value, str) and re.fullmatch(r"(?!MTI_)[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|COLUMNS", value):
                found[value] = path.relative_to(ROOT).as_posix()
    return found


def variables_in(text: str) -> list[str]:
    """Return the variables of ours that a text names, other than with a part left out (`MTI_FETCHER_…`)."""
    return re.findall(r"\bMTI_[A-Z_]*[A-Z]\b(?![_*…])", text)


def undocumented() -> list[str]:
    """Return the fields that say nothing of themselves."""
    return [each.name for variables in by_class().values() for each in variables if not each.meaning]


def _subclasses(base: type[Settings]) -> Iterator[type[Settings]]:
    """Return all classes of settings, once the modules that define them are loaded."""
    for path in sources() if base is Settings else ():
        if re.search(r"^class \w+\(.*Settings\b.*\):", path.read_text(), re.MULTILINE):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts[3:]))
    for each in base.__subclasses__():
        yield each
        yield from _subclasses(each)


def _fields(read: type[Settings]) -> Iterator[tuple[type[Settings], str, FieldInfo]]:
    for owner in (*read.__mro__[1:], read):
        if issubclass(owner, Settings) and owner is not Settings:
            for name in inspect.get_annotations(owner):
                if name in owner.model_fields:
                    yield owner, name, owner.model_fields[name]


def _variable(owner: type[Settings], name: str, info: FieldInfo) -> Variable:
    alias = info.validation_alias
    unit = next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")
    return Variable(
        name=alias if isinstance(alias, str) else f"{PREFIX}{name.upper()}",
        type=_type(info),
        default=_default(info),
        unit=unit,
        meaning=_docstrings(owner).get(name, ""),
    )


def _docstrings(owner: type) -> dict[str, str]:
    """Return what stands below each field of a class."""
    (definition,) = ast.parse(inspect.getsource(owner)).body
    assert isinstance(definition, ast.ClassDef)
    said = {}
    for before, after in zip(definition.body, definition.body[1:], strict=False):
        text = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else None
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name) and isinstance(text, str):
            said[before.target.id] = " ".join(text.split())
    return said


def _type(info: FieldInfo) -> str:
    bare = _bare(info.annotation)
    if isinstance(bare, type) and issubclass(bare, Enum):
        return ", ".join(f"`{each.value}`" for each in bare)
    return f"{_TYPES[bare]}{_bounds(info)}"


def _bare(annotation: Any) -> Any:
    """Return the type inside of `Annotated` and `| None`."""
    if get_origin(annotation) is Annotated and annotation is not AwareDatetime:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        (one,) = (each for each in get_args(annotation) if each is not type(None))
        return _bare(one)
    return annotation


def _bounds(info: FieldInfo) -> str:
    limits = {name: getattr(each, name) for each in info.metadata for name in ("ge", "gt", "le") if hasattr(each, name)}
    low, high = limits.get("ge", limits.get("gt")), limits.get("le")
    above = f"above {low}" if "gt" in limits else f"at least {low}"
    if high is None:
        return "" if low is None else f", {above}"
    return f", {above}, at most {high}" if "gt" in limits else f", {low} to {high}"


def _default(info: FieldInfo) -> str:
    value = info.default
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int) and value >= _MIB and value % _MIB == 0:
        return f"`{value}` ({value // _MIB} MiB)"
    return f"`{value.value if isinstance(value, Enum) else value:{'g' if isinstance(value, float) else ''}}`"


def _title(owner: type[Settings]) -> str:
    words = re.findall(r"[A-Z][a-z]*", owner.__name__.removesuffix("Settings"))
    return " ".join([words[0], *(word.lower() for word in words[1:])])


def _in_order(found: set[str]) -> list[str]:
    return ["all services", *sorted(found - set(SERVICES))] if set(SERVICES) <= found else sorted(found)
