"""What `make mutants` changes is there, and has tests that are pure: a mutant may hang, and must hold nothing up."""

import tomllib

import pytest

from tests.house import mutants

pytestmark = pytest.mark.pure


@pytest.mark.parametrize("module", mutants.MODULES)
def test_a_module_is_there_and_its_tests_are_pure(module: str) -> None:
    assert mutants.source_of(module).is_file()
    for name in mutants.tests_of(module):
        assert "pytest.mark.pure" in (mutants.ROOT / name).read_text(), name


def test_only_that_module_is_changed_and_only_its_tests_are_run() -> None:
    tool = tomllib.loads(mutants.configuration("mti.common.halving"))["tool"]
    assert tool["mutmut"]["only_mutate"] == ["src/mti/common/halving.py"]
    assert tool["mutmut"]["pytest_add_cli_args_test_selection"] == ["tests/common/test_halving.py"]
    assert "error" in tool["pytest"]["ini_options"]["filterwarnings"]


def test_a_module_that_is_not_there_is_no_module() -> None:
    with pytest.raises(FileNotFoundError):
        mutants.source_of("mti.common.nothing")
