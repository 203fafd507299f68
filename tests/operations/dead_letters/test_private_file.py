"""Files that a person names are read within a bound."""

from pathlib import Path

import pytest

from mti.common.errors import ConfigurationError
from mti.operations.dead_letters import read_body


def test_a_mended_body_that_no_message_could_hold_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "body.json"
    path.write_bytes(b"{}")
    assert read_body(path) == b"{}"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ConfigurationError, match="has more than 67108864 bytes"):
        read_body(path)
    with pytest.raises(ConfigurationError, match="has more than 67108864 bytes"):
        read_body(Path("/dev/zero"))
