"""Pages that come from the code are as the code of now would make them."""

import ast
import re
from pathlib import Path

import pytest

from tests.house.pages import architecture, settings
from tests.house.pages.__main__ import PAGES, fresh
from tests.house.pages.generated import ROOT, first_sentence, replaced


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_what_the_code_says(page: Path) -> None:
    assert page.read_text() == fresh(page), f"{page.relative_to(ROOT)} is stale: run `make docs`"


def test_every_setting_says_what_it_means() -> None:
    assert settings.undocumented() == [], "write a docstring below the field"


def test_every_other_variable_that_the_code_names_is_on_the_page() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    assert {name: module for name, module in settings.names_in_the_code().items() if f"`{name}`" not in page} == {}


def test_the_variables_of_compose_and_of_the_pages_are_on_the_page() -> None:
    known = {each.name for variables in settings.by_class().values() for each in variables}
    known |= {name for name, _, _ in settings.option_variables()}
    for parameters in ROOT.glob("infra/**/*.bicepparam"):  # read by a pipeline, by no process of ours
        known |= set(re.findall(r"readEnvironmentVariable\('(\w+)'", parameters.read_text()))
    pages = [ROOT / "docker-compose.yml", *ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    named = {(name, page.name) for page in pages for name in settings.variables_in(page.read_text())}
    assert {each for each in named if each[0] not in known} == set()


def test_the_defaults_that_other_pages_name_are_those_of_the_code() -> None:
    defaults = {each.name: each.default for variables in settings.by_class().values() for each in variables}
    rows = re.findall(r"^\| (`MTI_[^|]+) \| ([\d., ]+) \|", (ROOT / "docs" / "fairness.md").read_text(), re.MULTILINE)
    assert rows
    for names, values in rows:
        said = dict(zip(settings.variables_in(names), values.split(", "), strict=True))
        assert {name: f"`{value}`" for name, value in said.items()} == {name: defaults[name] for name in said}


def test_the_metrics_of_the_page_are_those_that_the_code_makes() -> None:
    text = (ROOT / "docs" / "telemetry.md").read_text()
    page = dict(re.findall(r"^\| `((?:mti|http|messaging|azure)\.[a-z_.]+)` \| `([^`]+)`", text, re.MULTILINE))
    code = {}
    for path in ROOT.glob("libs/common/src/mti/common/telemetry/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):  # a name, a unit and a description, whatever makes the instrument
                texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
                if len(texts) > 2 and "." in str(texts[0]):
                    code[texts[0]] = texts[1]
    assert page == code


def test_an_arrow_that_follows_from_others_is_left_out_and_a_circle_stays() -> None:
    graph = {"a": frozenset("bc"), "b": frozenset("c"), "c": frozenset("b"), "d": frozenset("a")}
    assert architecture.reduced(graph) in (
        {"a": frozenset("b"), "b": frozenset("c"), "c": frozenset("b"), "d": frozenset("a")},
        {"a": frozenset("c"), "b": frozenset("c"), "c": frozenset("b"), "d": frozenset("a")},
    )


def test_imports_inside_of_functions_and_for_types_are_seen(tmp_path: Path) -> None:
    (module := tmp_path / "module.py").write_text(
        "if TYPE_CHECKING:\n    from mti.a import b\ndef f() -> None:\n    import mti.c\nfrom mti.d import Name\n"
    )
    paths = dict.fromkeys(("mti.a", "mti.a.b", "mti.c", "mti.d"), module)
    assert set(architecture.imported(module, paths)) == {"mti.a.b", "mti.c", "mti.d"}


def test_a_part_is_replaced_and_the_rest_of_the_page_stays() -> None:
    page = "# Title\n\n<!-- generated: it -->\nold\n<!-- end -->\n\nThe end.\n"
    assert replaced(page, {"it": "new"}) == ("# Title\n\n<!-- generated: it -->\n\nnew\n\n<!-- end -->\n\nThe end.\n")
    with pytest.raises(ValueError, match="another"):
        replaced(page, {"another": "new"})


def test_the_first_sentence_of_a_docstring_may_go_over_lines() -> None:
    assert first_sentence("One that\ngoes on. Another.\n\nMore.") == "One that goes on"
    assert first_sentence("`a.b` is one.") == "`a.b` is one"
