"""The XML that the SDK's administration client speaks: Atom entries and feeds around descriptions of entities.

https://learn.microsoft.com/rest/api/servicebus/queues
"""

from collections.abc import Iterable, Iterator
from typing import Any
from xml.etree import ElementTree as ET

ATOM = "http://www.w3.org/2005/Atom"
CONNECT = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"
COUNTS = "http://schemas.microsoft.com/netservices/2011/06/servicebus"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMA = "http://www.w3.org/2001/XMLSchema"
TYPE = f"{{{INSTANCE}}}type"
NIL = f"{{{INSTANCE}}}nil"
_PREFIX, _COUNTS_PREFIX, _INSTANCE_PREFIX = "d6p1", "d2p1", "i"
"""What the service calls the namespaces that are not the default one."""


class Malformed(ValueError):
    """The body is not an Atom entry with a description in it."""


def description_of(body: bytes) -> ET.Element:
    """Return the description in an entry. Raises `Malformed`."""
    try:
        entry = ET.fromstring(body)  # noqa: S314 - expat refuses what expands without end
    except ET.ParseError as error:
        raise Malformed(f"The request body is not XML: {error}") from error
    content = entry.find(f"{{{ATOM}}}content")
    description = next(iter(content), None) if content is not None else None
    if description is None:
        raise Malformed("The request body is not an Atom entry with a description in its content.")
    return description


def local_name(element: ET.Element) -> str:
    """Return an element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def fields(element: ET.Element) -> Iterator[tuple[str, ET.Element]]:
    """The children that hold something, by their names."""
    for child in element:
        if child.get(NIL) != "true":
            yield local_name(child), child


def text_of(element: ET.Element) -> str:
    """Return an element's text."""
    return element.text or ""


def add(parent: ET.Element, name: str, value: object, namespace: str = CONNECT) -> ET.Element:
    """Add an element with a text; None adds an empty one."""
    child = ET.SubElement(parent, f"{{{namespace}}}{name}")
    if value is not None:
        child.text = str(value).lower() if isinstance(value, bool) else str(value)
    return child


def add_typed(parent: ET.Element, items: Iterable[tuple[str, str, str]]) -> None:
    """Add key-value pairs: key, type in XML Schema, text."""
    for key, kind, text in items:
        pair = add(parent, "KeyValueOfstringanyType", None)
        add(pair, "Key", key)
        value = add(pair, "Value", text)
        value.set(TYPE, f"{_PREFIX}:{kind}")
        value.set(f"xmlns:{_PREFIX}", SCHEMA)


def typed(parent: ET.Element) -> dict[str, dict[str, str]]:
    """Read key-value pairs: key -> type and text."""
    pairs = {}
    for pair in parent:
        parts = dict(fields(pair))
        kind = parts["Value"].get(TYPE, "string").rpartition(":")[2]
        pairs[text_of(parts["Key"])] = {"type": kind, "text": text_of(parts["Value"])}
    return pairs


def entry(url: str, title: str, updated: str, description: ET.Element) -> ET.Element:
    """Return an entry around a description."""
    element = ET.Element(f"{{{ATOM}}}entry")
    for name, value in (("id", url), ("title", title), ("published", updated), ("updated", updated)):
        add(element, name, value, ATOM)
    ET.SubElement(element, f"{{{ATOM}}}link", {"rel": "self", "href": url})
    content = ET.SubElement(element, f"{{{ATOM}}}content", {"type": "application/xml"})
    content.append(description)
    return element


def feed(url: str, title: str, updated: str, entries: Iterable[ET.Element], following: str | None) -> ET.Element:
    """Return a page of entries; `following` is the address of the next one."""
    element = ET.Element(f"{{{ATOM}}}feed")
    for name, value in (("id", url), ("title", title), ("updated", updated)):
        add(element, name, value, ATOM)
    ET.SubElement(element, f"{{{ATOM}}}link", {"rel": "self", "href": url})
    if following is not None:
        ET.SubElement(element, f"{{{ATOM}}}link", {"rel": "next", "href": following})
    element.extend(entries)
    return element


def error(code: int, detail: str) -> ET.Element:
    """Return what is answered to a request that is refused."""
    element = ET.Element("Error")
    ET.SubElement(element, "Code").text = str(code)
    ET.SubElement(element, "Detail").text = detail
    return element


def encode(element: ET.Element) -> bytes:
    """Return the document, as the service spells it: some clients read names as they are written.

    The entry and the description each declare their default namespace; counts and types have the service's prefixes.
    """
    encoded: bytes = ET.tostring(_spelt(element, ""), encoding="utf-8", xml_declaration=True)
    return encoded


def _spelt(element: ET.Element, default: str) -> ET.Element:
    namespace = _namespace(element)
    spelt = ET.Element(local_name(element))
    if namespace == COUNTS:
        spelt.tag = f"{_COUNTS_PREFIX}:{spelt.tag}"
    elif namespace != default:
        default = namespace
        spelt.set("xmlns", namespace)
        if namespace == CONNECT:
            spelt.set(f"xmlns:{_INSTANCE_PREFIX}", INSTANCE)
    if any(_namespace(child) == COUNTS for child in element):
        spelt.set(f"xmlns:{_COUNTS_PREFIX}", COUNTS)
    for key, value in element.attrib.items():
        spelt.set(key.replace(f"{{{INSTANCE}}}", f"{_INSTANCE_PREFIX}:"), value)
    spelt.text = element.text
    spelt.extend(_spelt(child, default) for child in element)
    return spelt


def _namespace(element: ET.Element) -> str:
    return element.tag.rpartition("}")[0].removeprefix("{")


Document = dict[str, Any]
"""A description by its outer names, as `entities` validates it."""
