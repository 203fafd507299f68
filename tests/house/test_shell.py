"""Every shell block of the pages is run, or says why not; then what it names is there at least."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from tests.house.shell.commands import faults, options_of
from tests.house.shell.fences import PAGES, ROOT, RUN_ELSEWHERE, Fence, fences
from tests.house.shell.running import run
from tests.house.shell.stages import STAGES, somewhere

ALL = [fence for page in PAGES for fence in fences(page)]
SHELL = [fence for fence in ALL if fence.is_shell]
TO_RUN = [fence for fence in SHELL if not fence.not_run and fence.page not in RUN_ELSEWHERE]
COMMAND = re.compile(r"(?:\$ |\.venv/bin/|(?:mti|make|docker|pip|az|func|git|python3?) [a-z-])")


@pytest.mark.parametrize("name", sorted({fence.page for fence in TO_RUN}))
async def test_the_blocks_of_a_page_do_what_they_say(name: str, tmp_path: Path) -> None:
    async with STAGES.get(name, somewhere)(tmp_path) as stage:
        for fence in (fence for fence in TO_RUN if fence.page == name):
            await run(fence, stage)


@pytest.mark.parametrize("fence", SHELL, ids=str)
def test_what_a_block_names_is_there(fence: Fence) -> None:
    assert faults(fence.script) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_options_of_a_command_in_the_text_are_there(page: Path) -> None:
    for text in re.findall(r"`(?:\.venv/bin/)?mti ([a-z][^`]*)`", page.read_text()):
        plain = text.replace("\\|", "|")
        words = [word for word in re.split(r"[\s\[\]]+", plain) if word]
        verbs = words[1].split("|") if len(words) > 1 else [""]
        known = [options_of(f"{words[0]} {verb}") or options_of(words[0]) for verb in verbs]
        named = re.findall(r"(?<![\w-])--[a-z][a-z-]*", plain)
        assert [option for option in named for options in known if option not in (options or ())] == [], text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_targets_of_make_in_the_text_are_there(page: Path) -> None:
    named = re.findall(r"`(make [^`]*)`", page.read_text())
    assert [fault for text in named for fault in faults(text)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_block_of_commands_says_that_it_is_one(page: Path) -> None:
    for fence in fences(page):
        assert fence.language, f"{fence}: name the block's language after the fence: sh, console, text, …"
        if not fence.is_shell and fence.language != "mermaid":
            lines = [line for line in fence.text.splitlines() if COMMAND.match(line)]
            assert lines == [], f"{fence}: name it sh or console; where it can't be run, say `<!-- not run: REASON -->`"


@pytest.mark.parametrize("fence", [fence for fence in ALL if fence.language in {"json", "yaml", "python"}], ids=str)
def test_a_block_of_data_or_of_python_can_be_read(fence: Fence) -> None:
    if fence.language == "python":
        ast.parse(fence.text)
    else:
        yaml.safe_load(fence.text)  # JSON is YAML


def test_pages_whose_blocks_are_run_elsewhere_are_run_there() -> None:
    for name, module in RUN_ELSEWHERE.items():
        assert name in (ROOT / module).read_text(), module


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("mti dlq replay --al", "mti dlq replay has no option --al"),
        ("cat x | .venv/bin/mti stat --json > y", "there is no command mti stat"),
        ("make demos && make help", "the Makefile has no target demos"),
        ('make simulate ARG="--seed 1"', "the Makefile reads no variable ARG"),
        ("docker compose up --scale normaliser=2", "docker-compose.yml has no service normaliser"),
        ("python3 -m mti.nothing", "there is no module mti.nothing"),
        ("frobnicate", "nobody knows the command frobnicate"),
    ],
)
def test_what_is_not_there_is_noticed(script: str, fault: str) -> None:
    assert faults(script) == [fault]


def test_what_is_there_is_no_fault() -> None:
    script = 'A=1 make simulate ARGS="--seed 1" # mti nothing\nmti up --json > out.json\nmti dlq \\\n  list --json'
    assert faults(script) == []
