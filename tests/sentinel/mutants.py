"""Queries with one thing wrong: a condition left out, a lower case, one side of the later of two, the wrong row."""

import re
from collections.abc import Iterator

_WHERE = re.compile(r"\bwhere ")
_LOWER = re.compile(r"\btolower\(")
_LATER = re.compile(r"\bmax_of\(")

_OTHERWISE = (
    ("arg_max(TimeGenerated, *)", "arg_min(TimeGenerated, *)"),
    ("IsDeleted or Revoked", "IsDeleted"),
    ("IsDeleted or Revoked", "Revoked"),
    ("ValidUntil <= now()", "false"),
    (" on Workspace, ", " on "),
    ("min(RowArrived)", "max(RowArrived)"),
    ("arg_max(SentAt, *)", "arg_min(SentAt, *)"),
    ("arg_min(RemovedAt, RemovedBy)", "arg_max(RemovedAt, RemovedBy)"),
    ("arg_min(Rank, *)", "arg_max(Rank, *)"),
    ("dcount(FileKey)", "dcount(Value)"),
    ("kind=leftouter", "kind=inner"),
)
"""What a hasty person would write instead."""


def mutants(query: str) -> Iterator[tuple[str, str]]:
    """Yield what was left out, and the query without it."""
    for found in _WHERE.finditer(query):
        begin, end = found.end(), _end(query, found.end(), "|\n;")
        parts = _split(query[begin:end], " and ")
        for place, part in enumerate(parts):
            rest = " and ".join([*parts[:place], *parts[place + 1 :]]) or "true"
            yield part.strip(), f"{query[:begin]}{rest}{query[end:]}"
    for found in _LOWER.finditer(query):
        end = _end(query, found.end(), "")
        inside = query[found.end() : end]
        yield f"tolower({inside})", f"{query[: found.start()]}({inside}){query[end + 1 :]}"
    for found in _LATER.finditer(query):
        end = _end(query, found.end(), "")
        sides = _split(query[found.end() : end], ",")
        for place, side in enumerate(sides):
            rest = ",".join([*sides[:place], *sides[place + 1 :]])
            later = rest.strip() if len(sides) == 2 else f"max_of({rest})"
            yield f"max_of(… {side.strip()} …)", f"{query[: found.start()]}{later}{query[end + 1 :]}"

    for text, other in _OTHERWISE:
        for found in re.finditer(re.escape(text), query):
            yield f"{text.strip()}: {other.strip()}", f"{query[: found.start()]}{other}{query[found.end() :]}"


def _end(text: str, begin: int, stops: str) -> int:
    """Return where an expression ends: before a bracket that closes more than was opened, or before a stop."""
    depth, quoted = 0, ""
    for place in range(begin, len(text)):
        character = text[place]
        if quoted:
            quoted = "" if character == quoted else quoted
        elif character in "'\"":
            quoted = character
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth < 0:
                return place
        elif depth == 0 and character in stops:
            return place
    return len(text)


def _split(text: str, by: str) -> list[str]:
    """Split where no bracket or quote is open."""
    parts, begin, place = [], 0, 0
    while (place := text.find(by, place)) >= 0:
        before = re.sub(r"'[^']*'", "", text[begin:place])
        if before.count("(") == before.count(")") and before.count("'") == 0:
            parts.append(text[begin:place])
            begin = place + len(by)
        place += len(by)
    return [*parts, text[begin:]]
