"""`python -m mti.common.topology [template|config|emulator]`: write a document of the topology to stdout.

`template` is what the Bicep templates load, `config` the local namespace's `Config.json`, `emulator` the same for
Microsoft's emulator, which takes no MaxDeliveryCount above ten.
"""

import argparse
import json
import sys

from mti.common.topology.documents import EMULATOR_DELIVERIES, config, template
from mti.common.topology.topology import STANDARD


def main(arguments: list[str] | None = None) -> None:
    """Write the document."""
    parser = argparse.ArgumentParser(prog="python -m mti.common.topology", description=__doc__)
    parser.add_argument("document", nargs="?", choices=("template", "config", "emulator"), default="template")
    asked = parser.parse_args(arguments).document
    if asked == "template":
        document = template(STANDARD)
    else:
        document = config(STANDARD, max_deliveries=EMULATOR_DELIVERIES if asked == "emulator" else None)
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
