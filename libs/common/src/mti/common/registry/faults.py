"""What is wrong with a tenants file: all of it at once, each with its place and its cure."""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mti.common.errors import ConfigurationError

Loc = tuple[int | str, ...]
Lines = Callable[[Loc], int | None]
"""Where in the file something is, as well as that is known."""

VARIANT = "variant"
"""The kind of fault of a section whose variant (`api`, `auth`) can't be told; its context has `field` and `known`."""


_SHOWN = 200
"""Problems that the text of the error lists; who mends these sees the others."""


class InvalidTenantsFile(ConfigurationError):
    """The tenants file can't be used.

    Args:
        problems: each as `tenant contoso: mimecast.client_secret: <what is wrong>; <the cure>`. Never a secret.
        name: the file, for the text.
    """

    def __init__(self, problems: Sequence[str], name: str = "the tenants file") -> None:
        self.problems = tuple(problems)
        self.name = name
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        more = len(self.problems) - _SHOWN
        rest = (f"… and {more} more",) if more > 0 else ()
        super().__init__("\n  ".join((f"{name}: {count}", *self.problems[:_SHOWN], *rest)))


class Faults:
    """Collects what is wrong while the file is read on.

    Args:
        document: what the file holds, to name tenants by their ids.
        lines: where things are in the file.
    """

    def __init__(self, document: object, lines: Lines) -> None:
        self._document = document
        self._lines = lines
        self._noted: dict[str, None] = {}

    @property
    def problems(self) -> list[str]:
        """What was noted, each once."""
        return list(self._noted)

    def add(self, loc: Loc, text: str) -> None:
        """Note one fault: where it is, and what is wrong and the cure."""
        line = self._lines(loc)
        suffix = f" (line {line})" if line else ""
        problem = ": ".join((*_place(loc, self._document), text)) + suffix
        self._noted.setdefault(problem)

    def add_invalid(self, prefix: Loc, error: ValidationError, sections: "Sections") -> None:
        """Note all that pydantic found below `prefix`."""
        for details in error.errors(include_url=False):
            loc = tuple(part for part in details["loc"] if part not in sections.tags)
            if details["type"] == VARIANT and isinstance(details["input"], Mapping):
                loc = (*loc, details["ctx"]["field"])
            self.add((*prefix, *loc), _text(prefix, details, sections))


class Sections:
    """What a fault's text needs to know of the schema.

    Args:
        fields: the known fields of each section, by the section's name or by the tag of its variant.
        tags: the names of variants, which pydantic puts into locations and no file holds.
        cures: what to write when a field is missing.
        elsewhere: why a field that is known in one variant is refused in another, by tag and field.
    """

    def __init__(
        self,
        *,
        fields: Mapping[str, frozenset[str]],
        tags: frozenset[str],
        cures: Mapping[str, str],
        elsewhere: Callable[[str, str], str | None],
    ) -> None:
        self.fields = fields
        self.tags = tags
        self.cures = cures
        self.elsewhere = elsewhere


def _place(loc: Loc, document: object) -> list[str]:
    """Write a location: the tenant by its id where it has one, then the path inside."""
    if len(loc) >= 2 and loc[0] == "tenants" and isinstance(loc[1], int):
        label, rest = _tenant(loc[1], document), loc[2:]
        return [label, _path(rest)] if rest else [label]
    return [_path(loc)] if loc else []


def _tenant(position: int, document: object) -> str:
    tenants = document.get("tenants") if isinstance(document, Mapping) else None
    entry = tenants[position] if isinstance(tenants, list) and position < len(tenants) else None
    name = entry.get("id") if isinstance(entry, Mapping) else None
    return f"tenant {name[:63]}" if isinstance(name, str) and name.isprintable() and name else f"tenants[{position}]"


_KEY_SHOWN = 60
"""Characters of a key that a fault repeats."""


def _path(loc: Loc) -> str:
    written = ""
    for part in loc:
        written += f"[{part}]" if isinstance(part, int) else f".{part[:_KEY_SHOWN]}"
    return written.removeprefix(".")


def _text(prefix: Loc, details: ErrorDetails, sections: Sections) -> str:
    """Say what is wrong and the cure, without the value, unless it should have been a name out of a list."""
    kind, loc, context = details["type"], (*prefix, *details["loc"]), details.get("ctx", {})
    field = str(loc[-1]) if loc else ""
    if kind == "value_error":
        return str(context["error"])
    if kind == "extra_forbidden":
        return _unknown_field(loc, sections)
    if kind == "missing":
        return f"is missing; {sections.cures.get(field, 'write it')}"
    if kind == "enum":
        return f"{str(details['input'])[:40]!r} is not known; write {context['expected']}"
    if kind == VARIANT and isinstance(details["input"], Mapping):
        state = "is not known" if details["input"].get(context["field"]) is not None else "is missing"
        return f"{state}; write {context['known']}"
    if kind in _TYPES:
        return _TYPES[kind]
    return f"is not valid: {details['msg'][0].lower()}{details['msg'][1:]}; see docs/tenants.md for what it takes"


def _unknown_field(loc: Loc, sections: Sections) -> str:
    field = str(loc[-1])
    section = next((part for part in reversed(loc[:-1]) if isinstance(part, str)), "file")
    if other := sections.elsewhere(section, field):
        return other
    known = sections.fields.get(section, frozenset())
    close = get_close_matches(field, known, n=1)
    cure = f"did you mean {close[0]!r}?" if close else f"remove it, or write one of {', '.join(sorted(known))}"
    return f"is not a known field; {cure}"


_TEXT = "is not text; put it in quotes"
_LIST = "is not a list; write [a, b], or one entry a line after a dash"
_GROUP = "is not a group of fields; indent its fields below it"
_TYPES = {
    "string_type": _TEXT,
    "bool_type": "is neither true nor false; write one of them, without quotes",
    "list_type": _LIST,
    "tuple_type": _LIST,
    VARIANT: _GROUP,
    "dict_type": _GROUP,
    "model_type": _GROUP,
    "model_attributes_type": _GROUP,
}
