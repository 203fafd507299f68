"""In the place of the engine, taking its time: it sleeps as many seconds as it is told, or ends when it is told to."""

import json
import sys
import time

for line in sys.stdin:
    asked = json.loads(line)
    if asked.get("end"):
        sys.exit(1)
    time.sleep(asked["sleep"])
    sys.stdout.write(json.dumps({"slept": asked["sleep"]}) + "\n")
    sys.stdout.flush()
