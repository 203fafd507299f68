"""The tenants file as YAML: plain data, and the line that each thing stands on."""

from pathlib import Path
from typing import cast

import yaml

from mti.common.registry.faults import InvalidTenantsFile, Loc
from mti.common.registry.yaml_bounds import Unbounded, check_bounds

SIZE_LIMIT = 32 * 1024 * 1024
"""Bytes of a tenants file: room for thirty thousand tenants."""
_NUMBER_LIMIT = 100
"""Characters that are made a number; YAML has numbers of base 60, and a long one takes time by its square."""


class Document:
    """What a tenants file holds, before anything of it is checked."""

    def __init__(self, data: object, root: yaml.Node | None) -> None:
        self.data = data
        self._root = root
        self._children: dict[int, dict[object, tuple[yaml.Node, yaml.Node]]] = {}

    def line(self, loc: Loc) -> int | None:
        """Return the line of the thing, or of what should hold it; counted from 1."""
        node = self._root
        line = None
        for part in loc:
            found = self._child(node, part)
            if found is None:
                break
            key, node = found
            line = key.start_mark.line + 1
        return line

    def _child(self, node: yaml.Node | None, part: int | str) -> tuple[yaml.Node, yaml.Node] | None:
        if isinstance(node, yaml.MappingNode):
            if id(node) not in self._children:  # one look at a group, however many of its keys are asked for
                pairs = [(key, value) for key, value in reversed(node.value) if isinstance(key, yaml.ScalarNode)]
                self._children[id(node)] = {key.value: (key, value) for key, value in pairs}
            return self._children[id(node)].get(part)
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            return node.value[part], node.value[part]
        return None


class _NoKeyTwice(yaml.constructor.SafeConstructor):
    """YAML's plain types, and no key twice: the second would silently hide the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen = set()
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge" else None
            if name is not None and name in seen:
                raise _Repeated(name, key.start_mark.line + 1)
            seen.add(name)
        return super().construct_mapping(node, deep)


def _number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> object:
    """Return a number; one that is too long for any field stays the text that it is."""
    if len(node.value) > _NUMBER_LIMIT:
        return node.value
    return loader.construct_yaml_int(node) if node.tag.endswith(":int") else loader.construct_yaml_float(node)


class _Loader(_NoKeyTwice, yaml.SafeLoader):
    """In Python: slow, and with the better words for what is wrong."""


class _FastLoader(_NoKeyTwice, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """By libyaml where the platform has it: ten times as fast, which counts with a thousand tenants."""


for _loading in (_Loader, _FastLoader):
    _loading.add_constructor("tag:yaml.org,2002:int", _number)
    _loading.add_constructor("tag:yaml.org,2002:float", _number)


class _Repeated(yaml.YAMLError):
    def __init__(self, key: str, line: int) -> None:
        self.key = key
        self.line = line
        super().__init__(key, line)


def read_document(path: Path) -> Document:
    """Read a tenants file.

    Raises:
        InvalidTenantsFile: it can't be read, or is no YAML. The text holds nothing of the file's contents but keys.
    """
    return parse_document(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """Read a tenants file without looking into it.

    Raises:
        InvalidTenantsFile: it can't be read, or is larger than `SIZE_LIMIT`.
    """
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except FileNotFoundError:
        problem = "does not exist; give the path of the tenants file (tenants.example.yaml is one to start from)"
        raise InvalidTenantsFile([problem], str(path)) from None
    except OSError as refused:
        problem = f"can't be read ({refused.strerror}); give a file that this process may read"
        raise InvalidTenantsFile([problem], str(path)) from None
    _refuse_large(content, str(path))
    return content


def _refuse_large(content: bytes, name: str) -> None:
    if len(content) > SIZE_LIMIT:
        raise InvalidTenantsFile([f"has more than {SIZE_LIMIT} bytes; give the path of a tenants file"], name)


def parse_document(content: bytes, name: str) -> Document:
    """Read what a tenants file holds.

    Raises:
        InvalidTenantsFile: it is no YAML, or stands for too much. The text holds nothing of the file's contents but
            keys.
    """
    _refuse_large(content, name)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidTenantsFile(["is not UTF-8 text; save it as UTF-8"], name) from None
    try:
        return _parsed(text, cast("type[_Loader]", _FastLoader))
    except Unbounded as refused:
        raise InvalidTenantsFile([str(refused)], name) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        return _parse(text, name)  # for the words: those of the two differ, and these name the place


def _parsed(text: str, loading: type[_Loader]) -> Document:
    check_bounds(text, loading)
    loader = loading(text)
    root = loader.get_single_node()
    return Document(loader.construct_document(root) if root else None, root)


def _parse(text: str, name: str) -> Document:
    try:
        return _parsed(text, _Loader)
    except Unbounded as refused:
        raise InvalidTenantsFile([str(refused)], name) from None
    except _Repeated as repeated:
        problem = f"the key {repeated.key[:60]!r} is written twice in one group; remove one (line {repeated.line})"
        raise InvalidTenantsFile([problem], name) from None
    except yaml.MarkedYAMLError as broken:
        raise InvalidTenantsFile([_broken(broken)], name) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise InvalidTenantsFile(["is not YAML text; save it as plain YAML in UTF-8"], name) from None


def _broken(error: yaml.MarkedYAMLError) -> str:
    """Tell where the YAML breaks off; YAML's own words may quote a value, and that may be a secret."""
    mark = error.problem_mark or error.context_mark
    place = f" (line {mark.line + 1})" if mark else ""
    if error.problem and error.problem.startswith("found character '@'"):
        return f"a value that begins with @ stands without quotes; write '@Microsoft.KeyVault(...)' in quotes{place}"
    if error.problem and error.problem.startswith("found character '\\t'"):
        return f"a line is indented with a tab; indent with spaces{place}"
    return f"is not YAML; check the indentation, the quotes and the colons there{place}"
