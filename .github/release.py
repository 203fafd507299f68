"""What a release's tag, its changelog and its address say: the same version, and the notes of it.

python3 .github/release.py check v0.2.0           # exit status 1 when they differ
python3 .github/release.py notes v0.2.0           # the changelog's part, to stdout
python3 .github/release.py published FOLDER       # exit status 1 until the address gives out what is in the folder
"""

import hashlib
import http.client
import json
import os
import re
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
RELEASE = ROOT / "infra" / "release.json"
TRIES = int(os.environ.get("TRIES", "30"))
PAUSE = float(os.environ.get("PAUSE", "10"))


def main(arguments: list[str]) -> int:
    """Do what is asked, and return the exit status."""
    what, which = arguments
    if what == "published":
        address = os.environ.get("ADDRESS") or json.loads(RELEASE.read_text(encoding="utf-8"))["address"]
        return published(Path(which), address)
    version = which.removeprefix("v")
    notes = notes_of(version, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    if what == "notes":
        sys.stdout.write(notes)
        return 0 if notes else 1
    found = faults(version, notes, RELEASE.read_text(encoding="utf-8"), os.environ.get("GITHUB_REPOSITORY", ""))
    sys.stderr.write("".join(f"{fault}\n" for fault in found))
    return 1 if found else 0


def notes_of(version: str, changelog: str) -> str:
    """Return what the changelog says of a version; empty when it has no heading there."""
    heading = re.escape(f"## [{version}]")
    match = re.search(rf"^{heading}[^\n]*\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    return f"{match[1].strip()}\n" if match else ""


def address_of(repository: str, version: str) -> str:
    """Return where the workflow puts what a deployment loads: raw files of a tag that holds nothing else.

    Such a file is given out directly. Those of a release are behind a redirect, to an address that is signed anew each
    time and that a browser may not read from another site, as the portal does with the template and the form.
    """
    return f"https://raw.githubusercontent.com/{repository}/packages-v{version}"


def faults(version: str, notes: str, release: str, repository: str = "") -> list[str]:
    """Return what is not yet said of a version, or otherwise.

    Args:
        version: of the tag.
        notes: what the changelog says of it.
        release: the contents of infra/release.json.
        repository: `OWNER/NAME` on GitHub, whose workflow writes to its own address; empty elsewhere.
    """
    found = [] if notes else [f"CHANGELOG.md has no heading ## [{version}]"]
    written = json.loads(release)
    if written["version"] != version:
        found.append(f"infra/release.json is of version {written['version']}, and the tag of {version}")
    if version not in written["address"]:
        found.append(f"infra/release.json: the address {written['address']} does not hold the version {version}")
    if ".example" in written["address"]:
        found.append(f"infra/release.json: the address {written['address']} is nowhere; write the real one")
    if repository and written["address"] != address_of(repository, version):
        found.append(
            f"infra/release.json: write the address that the workflow fills, {address_of(repository, version)}"
        )
    return found


def published(folder: Path, address: str) -> int:
    """Return 0 when the address gives out each file of the folder, directly and to the byte; 1 when not in the end."""
    wrong = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE)
        wrong = "; ".join(filter(None, (_differs(path, f"{address}/{path.name}") for path in sorted(folder.iterdir()))))
        if not wrong:
            sys.stderr.write(f"{address} has what it ought to have\n")
            return 0
    sys.stderr.write(f"{wrong}\n")
    return 1


def _differs(path: Path, url: str) -> str:
    """Return what is wrong with what an address gives out; a redirect is, since onedeploy may not follow it."""
    split = urlsplit(url)
    kind = http.client.HTTPSConnection if split.scheme == "https" else http.client.HTTPConnection
    connection = kind(split.netloc, timeout=60)
    try:
        connection.request("GET", split.path)
        answer = connection.getresponse()
        found = answer.read()
    except (OSError, http.client.HTTPException) as error:
        return f"{url}: {type(error).__name__}"
    finally:
        connection.close()
    if answer.status != 200:
        return f"{url}: HTTP {answer.status}"
    same = hashlib.sha256(found).digest() == hashlib.sha256(path.read_bytes()).digest()
    return "" if same else f"{url}: is another file than {path.name}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
