"""Whether what a command line names is there: commands and their options, targets of make, services of compose."""

import importlib.util
import re
import shlex
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import typer
import yaml
from typer.core import TyperGroup

from mti.cli.main import app
from tests.house.shell.fences import ROOT

OF_OTHERS = {"az", "cat", "cd", "cp", "docker", "export", "func", "git", "pip", "pytest", "sed", "servicebus-local"}
"""Commands that are looked at no further."""
_SEPARATORS = {"&&", "||", "|", ";", "&", "(", ")", "\n"}
_COMPOSE = {"--profile", "simulators", "up", "down", "logs", "ps", "build", "--build", "--scale", "-d", "-f"}


def faults(script: str) -> list[str]:
    """Return what a script names that is not there."""
    return [fault for words in command_lines(script) for fault in _faults(words)]


def command_lines(script: str) -> Iterator[list[str]]:
    """Return the words of each command of a script, without redirections and variables before it."""
    words: list[str] = []
    before = ""
    for token in _tokens(script):
        if token in _SEPARATORS:
            yield from [words] if words else []
            words = []
        elif not set(token) <= set("<>&") and not set(before) & set("<>") and (words or not _is_assignment(token)):
            words.append(token)
        before = token


def _is_assignment(token: str) -> bool:
    return re.match(r"[A-Z_][A-Z0-9_]*=", token) is not None


def options_of(command: str) -> set[str] | None:
    """Return the options of a command of `mti`, those of all its parts for a group; `None` if there is no such one."""
    found = mti_commands()
    if command in found:
        return found[command]
    parts = [options for name, options in found.items() if name.startswith(f"{command} ")]
    return set().union(*parts) if parts else None


@cache
def mti_commands() -> dict[str, set[str]]:
    """Return all commands with their options: `dlq list`, …."""

    def walk(command: object, words: str) -> Iterator[tuple[str, set[str]]]:
        if isinstance(command, TyperGroup):
            for name, each in command.commands.items():
                yield from walk(each, f"{words} {name}".strip())
        else:
            params = command.params  # type: ignore[attr-defined]
            yield words, {"--help", *(name for each in params for name in (*each.opts, *each.secondary_opts))}

    return dict(walk(typer.main.get_command(app), ""))


@cache
def make_targets() -> set[str]:
    """Return the targets of the Makefile that have a name."""
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def _tokens(script: str) -> list[str]:
    """Return words and operators, a line's end among them; comments are left out."""
    tokens: list[str] = []
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        tokens += [*lexer, "\n"]
    return tokens


def _faults(words: Sequence[str]) -> Iterator[str]:
    name = words[0].removeprefix(".venv/bin/")
    if name == "mti":
        yield from _mti(words[1:])
    elif name == "make":
        yield from _make(words[1:])
    elif words[:2] == ["docker", "compose"]:
        yield from _compose(words[2:])
    elif name in {"python", "python3"}:
        module = words[2] if words[1:2] == ["-m"] and len(words) > 2 else None
        if module is not None and importlib.util.find_spec(module) is None:
            yield f"there is no module {module}"
    elif name not in OF_OTHERS:
        yield f"nobody knows the command {name}"


def _mti(words: Sequence[str]) -> Iterator[str]:
    plain = [word for word in words if not word.startswith("-")]
    if not plain:
        return
    name = next((each for each in (" ".join(plain[:2]), plain[0]) if options_of(each) is not None), None)
    if name is None:
        yield f"there is no command mti {' '.join(plain[:2])}"
        return
    known = options_of(name) or set()
    for word in words:
        option = word.partition("=")[0]
        if option.startswith("-") and option not in known:
            yield f"mti {name} has no option {option}"


def _make(words: Sequence[str]) -> Iterator[str]:
    text = (ROOT / "Makefile").read_text()
    for word in words:
        variable, is_variable, _ = word.partition("=")
        if is_variable:
            if f"$({variable})" not in text and not re.search(rf"\b{variable}\b", text):
                yield f"the Makefile reads no variable {variable}"
        elif word not in make_targets():
            yield f"the Makefile has no target {word}"


def _compose(words: Sequence[str]) -> Iterator[str]:
    services = set(yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"])
    for before, word in zip(["", *words], words, strict=False):
        if before == "--scale":
            if word.partition("=")[0] not in services:
                yield f"docker-compose.yml has no service {word.partition('=')[0]}"
        elif before == "-f":
            if not Path(ROOT / word).is_file():
                yield f"there is no file {word}"
        elif word not in _COMPOSE | services:
            yield f"docker compose is not known to take {word}"
