"""What a release's tag, its changelog and its address say: the same version, and the notes of it.

python3 .github/release.py check v0.2.0     # exit status 1 when they differ
python3 .github/release.py notes v0.2.0     # the changelog's part, to stdout
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main(arguments: list[str]) -> int:
    """Do what is asked, and return the exit status."""
    what, tag = arguments
    version = tag.removeprefix("v")
    notes = notes_of(version, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    if what == "notes":
        sys.stdout.write(notes)
        return 0 if notes else 1
    found = faults(version, notes, (ROOT / "infra" / "release.json").read_text(encoding="utf-8"))
    sys.stderr.write("".join(f"{fault}\n" for fault in found))
    return 1 if found else 0


def notes_of(version: str, changelog: str) -> str:
    """Return what the changelog says of a version; empty when it has no heading there."""
    heading = re.escape(f"## [{version}]")
    match = re.search(rf"^{heading}[^\n]*\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    return f"{match[1].strip()}\n" if match else ""


def faults(version: str, notes: str, release: str) -> list[str]:
    """Return what is not yet said of a version, or otherwise.

    Args:
        version: of the tag.
        notes: what the changelog says of it.
        release: the contents of infra/release.json.
    """
    found = [] if notes else [f"CHANGELOG.md has no heading ## [{version}]"]
    written = json.loads(release)
    if written["version"] != version:
        found.append(f"infra/release.json is of version {written['version']}, and the tag of {version}")
    if version not in written["address"]:
        found.append(f"infra/release.json: the address {written['address']} does not hold the version {version}")
    if ".example" in written["address"]:
        found.append(f"infra/release.json: the address {written['address']} is nowhere; write the real one")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
