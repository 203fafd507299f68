"""Ask a function app for its version until it answers with the one that was deployed.

    python3 .github/smoke.py https://NAME.azurewebsites.net/api/health 0.2.0

An app that was just deployed answers with errors, or with the version before, for some minutes. `health` takes no key.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request

TRIES = int(os.environ.get("TRIES", "30"))
PAUSE = float(os.environ.get("PAUSE", "10"))


def main(url: str, version: str) -> int:
    """Return 0 when the app runs that version, and 1 when it does not in the end."""
    said = "nothing"
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE)
        said = asked(url)
        if said == version:
            sys.stderr.write(f"{url} runs {version}\n")
            return 0
    sys.stderr.write(f"{url} was to run {version}, and says {said}\n")
    return 1


def asked(url: str) -> str:
    """Return the version that an app says, or what it says instead."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310  https, or a test's
            return str(json.load(answer).get("version", "no version"))
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}"
    except (OSError, ValueError) as error:
        return type(error).__name__


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
