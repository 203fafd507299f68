"""What a package is made of: a bill of materials in CycloneDX's form, and the licences. Pure.

https://cyclonedx.org/docs/1.6/json/
"""

import json
import re
from collections.abc import Iterator, Mapping
from email import message_from_bytes
from email.message import Message
from typing import Any, Final

_METADATA: Final = ".dist-info/METADATA"
_LICENSE: Final = re.compile(r"\.dist-info/(licenses/.*|(LICEN[CS]E|COPYING|NOTICE)[^/]*)$", re.IGNORECASE)


def bill_of_materials(name: str, packages: Mapping[str, bytes], requirements: str) -> bytes:
    """Return the bill of materials of a package, in CycloneDX 1.6.

    It has no time and no serial number: the same package has the same bill.

    Args:
        name: of the package.
        packages: what is installed in it, by path.
        requirements: the pinned requirements that it was installed from, with the hashes of what may be installed.
    """
    hashes = _hashes(requirements)
    found = [_component(metadata, hashes) for metadata in _distributions(packages)]
    own = next(each["version"] for each in found if each["name"] == f"mti-{name}")
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": f"{name}.zip", "version": own, "bom-ref": name}},
        "components": found,
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def licenses(packages: Mapping[str, bytes]) -> bytes:
    """Return a text with each distribution, what it says of its licence, and the licences' texts."""
    parts = [f"{each['Name']} {each['Version']}: {_said(each)}" for each in _distributions(packages)]
    texts = sorted(name for name in packages if _LICENSE.search(name))
    parts += [f"\n===== {name}\n\n{packages[name].decode(errors='replace').strip()}" for name in texts]
    return ("\n".join(parts) + "\n").encode()


def _distributions(packages: Mapping[str, bytes]) -> Iterator[Message]:
    """Yield the metadata of what is installed, in the order of names."""
    found = [message_from_bytes(data) for path, data in packages.items() if path.endswith(_METADATA)]
    yield from sorted(found, key=lambda each: _normal(str(each["Name"])))


def _component(metadata: Message, hashes: Mapping[str, list[str]]) -> dict[str, Any]:
    name, version = _normal(str(metadata["Name"])), str(metadata["Version"])
    purl = f"pkg:pypi/{name}@{version}"
    component: dict[str, Any] = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    said = _said(metadata)
    if metadata["License-Expression"]:
        component["licenses"] = [{"expression": said}]
    elif said != "not said":
        component["licenses"] = [{"license": {"name": said}}]
    if allowed := hashes.get(name):
        # One of them is what was installed; the file itself is of the registry.
        component["properties"] = [{"name": "mti:allowed-sha256", "value": each} for each in allowed]
    return component


def _said(metadata: Message) -> str:
    """Return what a distribution says of its licence."""
    if expression := metadata["License-Expression"]:
        return str(expression)
    said = [str(each).split(" :: ") for each in metadata.get_all("Classifier", [])]
    classified = [words[-1] for words in said if words[0] == "License"]
    text = str(metadata["License"] or "").strip()
    return " and ".join(classified) or (text if text and "\n" not in text else "") or "not said"


def _hashes(requirements: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    name = ""
    for line in requirements.splitlines():
        if pinned := re.match(r"([A-Za-z0-9._-]+)==", line):
            name = _normal(pinned[1])
        if (hashed := re.search(r"--hash=sha256:([0-9a-f]{64})", line)) and name:
            found.setdefault(name, []).append(hashed[1])
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
