"""How far the replay of a file is: `FILE.replayed`, beside it.

It names the replay, which makes the MessageIds of this replay its own and the same after a kill, and the lines that are
done. Without it, a second run would send all of the file once more. Remove it to do just that.
"""

import os
import random
from collections.abc import Iterable
from pathlib import Path

import orjson

from mti.common.errors import ConfigurationError

SUFFIX = ".replayed"


class Journal:
    """The journal of one file.

    Args:
        file: the file that is replayed.
        rng: names the replay when it begins.

    Raises:
        ConfigurationError: the journal is of no use.
    """

    def __init__(self, file: Path, rng: random.Random) -> None:
        self._path = file.with_name(file.name + SUFFIX)
        self._done: set[int] = set()
        self.run = ""
        """The name of the replay."""
        if self._path.exists():
            self._load()
        if not self.run:
            self.run = f"{rng.getrandbits(32):08x}"
        self._begun = bool(self._done) or self._path.exists()

    def is_done(self, line: int) -> bool:
        """Say whether that line was replayed already."""
        return line in self._done

    def begin(self) -> None:
        """Write the name down, before anything is sent under it."""
        if not self._begun:
            self._append([{"run": self.run}])
            self._begun = True

    def note(self, lines: Iterable[int]) -> None:
        """Note that these lines are done."""
        done = list(lines)
        self._done.update(done)
        self._append([{"line": line} for line in done])

    def _load(self) -> None:
        for text in self._path.read_bytes().splitlines():
            try:
                entry = orjson.loads(text)
            except orjson.JSONDecodeError:
                continue  # cut short by a kill: what it said is done again
            if "run" in entry:
                self.run = str(entry["run"])
            elif "line" in entry:
                self._done.add(int(entry["line"]))
        if not self.run:
            raise ConfigurationError(f"{self._path} names no replay; remove it to replay the whole file")

    def _append(self, entries: Iterable[dict[str, object]]) -> None:
        with self._path.open("ab") as file:
            file.writelines(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE) for entry in entries)
            file.flush()
            os.fsync(file.fileno())
