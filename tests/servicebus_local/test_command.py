"""The command: what it says, and how it ends with whoever started it."""

import subprocess
import sys
from pathlib import Path

COMMAND = [sys.executable, "-m", "servicebus_local"]


def test_it_ends_when_its_standard_input_does(tmp_path: Path) -> None:
    command = [*COMMAND, "--data", str(tmp_path), "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"what is said there does not matter\n")
        process.stdin.flush()
        assert process.stdout.readline().startswith(b'{"port"')
        assert process.poll() is None
        process.stdin.close()
        assert process.wait() == 70


def test_it_does_not_start_when_there_is_no_standard_input_to_end_with(tmp_path: Path) -> None:
    words = " ".join([*COMMAND, "--data", str(tmp_path), "--until-stdin-closes", "<&-"])
    ran = subprocess.run(["/bin/sh", "-c", words], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "standard input is closed already" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_without_the_option_standard_input_is_not_looked_at(tmp_path: Path) -> None:
    command = [*COMMAND, "--data", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b'{"port"')
        process.terminate()
        assert process.wait() == 0
