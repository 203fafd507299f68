"""From a workbook's query and what a person chose to the query that is asked here. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain
from typing import Final

from mti.console.preview.schemas import ARRIVED, schemas
from mti.console.preview.workbook_format import AskedParameter, Parameter, TimeSettings, Visibility

TEXT, TIME, RESOURCES = 1, 4, 5
"""The kinds of parameters that the format knows here."""
VALUE_LIMIT: Final = 2_048
"""Characters of a value: no observable is longer."""
NAME_LIMIT: Final = 200
"""Characters of a workspace's id or name in a query."""
_PLACE = re.compile(r"\{(\w+)(?::(\w+))?\}")
_WORDS = re.compile(r"\b[A-Z]\w*\b")
_STRING = re.compile(r"@?'(?:[^'\\\n]|\\.)*'|@?\"(?:[^\"\\\n]|\\.)*\"")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]")


class Unsupported(Exception):
    """A workbook uses what this preview does not know; the text names it."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a person chose, by the parameters' names; what nobody chose has its default."""

    texts: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, timedelta] = field(default_factory=dict)
    literals: Mapping[str, str] = field(default_factory=dict)
    """Kusto's literals, which stand in a query as they are: never what a person typed."""

    def shows(self, condition: Visibility | None) -> bool:
        """Say whether an item with that condition is shown."""
        if condition is None:
            return True
        equal = self.texts.get(condition.parameterName, "") == (condition.value or "")
        return equal if condition.comparison == "isEqualTo" else not equal


def chosen(
    parameters: Sequence[Parameter | AskedParameter],
    given: Mapping[str, str],
    names: Mapping[str, str] | None = None,
) -> Chosen:
    """Return what is chosen.

    Args:
        parameters: those of the workbook.
        given: the fields of the form, which anybody may have written.
        names: of the workspaces, by id: what Azure Resource Graph would answer.

    Raises:
        Unsupported: a parameter is of an unknown kind.
    """
    texts: dict[str, str] = {}
    times: dict[str, timedelta] = {}
    literals: dict[str, str] = {}
    for each in parameters:
        value = given.get(each.name)
        if isinstance(each, AskedParameter):
            literals[each.name] = ",".join(map(_literal, chain.from_iterable((names or {}).items())))
        elif each.type == TEXT:
            default = each.value if isinstance(each.value, str) else ""
            texts[each.name] = default if value is None else _CONTROL.sub("", value)[:VALUE_LIMIT].strip()
        elif each.type == TIME:
            times[each.name] = _span(each, value)
        elif each.type != RESOURCES:
            raise Unsupported(f"the parameter {each.name} is of kind {each.type}")
    return Chosen(texts, times, literals)


def spans_of(parameter: Parameter) -> list[timedelta]:
    """Return what a time range offers."""
    settings = parameter.typeSettings
    offered = settings.selectableValues if isinstance(settings, TimeSettings) else []
    return [timedelta(milliseconds=each.durationMs) for each in offered]


def written(span: timedelta) -> str:
    """Return a span as Kusto has it: `14d`, `6h`, `5m`."""
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def filled(query: str, values: Chosen) -> str:
    """Return a query with its parameters filled in, and with the time of arrival as a column.

    The portal puts a value into the query as it is. Here a text can't end the string that it stands in.

    Raises:
        Unsupported: a parameter is not known, or a text stands outside a string.
    """
    text = query.replace("ingestion_time()", ARRIVED)

    def place(match: re.Match[str]) -> str:
        name, form = match[1], match[2]
        if form == "query" and name in values.times:
            return f"> ago({written(values.times[name])})"
        if form is None and name in values.literals:
            return values.literals[name]
        if form is None and name in values.texts:
            if text[match.start() - 1 : match.start()] != "'" or text[match.end() : match.end() + 1] != "'":
                raise Unsupported(f"the parameter {name} stands outside quotes")
            return _escaped(values.texts[name])
        raise Unsupported(f"the parameter {match[0]} is not known")

    return _PLACE.sub(place, text)


def tables_of(query: str) -> list[str]:
    """Return the tables that a query reads, in the order of the schemas."""
    words = set(_WORDS.findall(_STRING.sub("''", query)))
    return [name for name in schemas() if name in words]


def _literal(text: str) -> str:
    return f"'{_escaped(_CONTROL.sub('', text)[:NAME_LIMIT])}'"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _span(parameter: Parameter, value: str | None) -> timedelta:
    offered = spans_of(parameter)
    for span in offered:
        if value == written(span):
            return span
    default = parameter.value.get("durationMs") if isinstance(parameter.value, dict) else None
    return timedelta(milliseconds=default) if default else offered[0] if offered else timedelta(days=1)
