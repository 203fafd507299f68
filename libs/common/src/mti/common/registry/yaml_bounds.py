"""Bounds of a YAML text, found by reading its events one by one, before any of it is made into data.

A few hundred bytes of YAML may stand for any amount of data: an alias repeats what its anchor names, which may hold
aliases itself, and a merge key copies (https://yaml.org/type/merge.html). And a text that only opens brackets drives a
reader into a recursion as deep as it is long. So what a text stands for is counted with every alias followed.
"""

import yaml

DEPTH_LIMIT = 50
"""Groups inside groups; a tenants file has six."""
FREE = 10_000
"""Values that any text may stand for; a longer one may stand for four a character, which takes anchors used well."""
_PER_CHARACTER = 4


class Unbounded(Exception):
    """A text that stands for too much. The message says what is wrong and the cure, and quotes nothing."""

    def __init__(self, problem: str, line: int | None) -> None:
        place = f" (line {line})" if line else ""
        super().__init__(f"{problem}{place}")


def check_bounds(text: str, loading: type[yaml.SafeLoader]) -> None:
    """Read a text through without making data of it.

    Args:
        text: the whole file.
        loading: the loader that will read it.

    Raises:
        Unbounded: it is nested too deeply, an alias is inside of what it names, or it stands for too many values.
        yaml.YAMLError: it is no YAML.
    """
    expansion = _Expansion(FREE + _PER_CHARACTER * len(text))
    for event in yaml.parse(text, Loader=loading):
        line = event.start_mark.line + 1 if event.start_mark else None
        if isinstance(event, yaml.AliasEvent):
            expansion.repeat(event.anchor, line)
        elif isinstance(event, yaml.ScalarEvent):
            expansion.open(event.anchor, line)
            expansion.close(line)
        elif isinstance(event, yaml.CollectionStartEvent):
            expansion.open(event.anchor, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            expansion.close(line)


class _Expansion:
    """How many values the text stands for, so far."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: list[tuple[str | None, int]] = []
        """The anchor of each group that is being read, and what was counted before it."""
        self._count = 0
        self._sizes: dict[str, int | None] = {}
        """What each anchor stands for; `None` while that is being read."""

    def open(self, anchor: str | None, line: int | None) -> None:
        if len(self._open) >= DEPTH_LIMIT:
            raise Unbounded(f"is nested more than {DEPTH_LIMIT} deep; write groups as tenants.example.yaml does", line)
        self._open.append((anchor, self._count))
        if anchor is not None:
            self._sizes[anchor] = None
        self._add(1, line)

    def close(self, line: int | None) -> None:
        anchor, before = self._open.pop()
        if anchor is not None:
            self._sizes[anchor] = self._count - before
        self._add(0, line)

    def repeat(self, anchor: str | None, line: int | None) -> None:
        size = self._sizes.get(anchor or "", 1)  # an anchor that is nowhere is for the parser to name
        if size is None:
            raise Unbounded("an alias stands inside of what it names; write out what is meant", line)
        self._add(size, line)

    def _add(self, size: int, line: int | None) -> None:
        self._count += size
        if self._count > self._limit:
            raise Unbounded("its aliases repeat so much that it stands for too many values; write fewer of them", line)
