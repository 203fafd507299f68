"""A tenants file of a few hundred bytes may not stand for more than it says, nor drive a reader into the ground."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mti.common.registry import load_registry, registry_from
from mti.common.registry.document import SIZE_LIMIT, parse_document
from mti.common.registry.faults import InvalidTenantsFile
from tests.support.work import calls_of

pytestmark = pytest.mark.pure


def merges(levels: int) -> str:
    lines = [f"a{level}: &a{level} {{<<: [*a{level - 1}, *a{level - 1}]}}" for level in range(1, levels)]
    return "\n".join(["a0: &a0 {k: v}", *lines])


def laughs(levels: int) -> str:
    lines = [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, levels)]
    return "\n".join(["a0: &a0 [lol]", *lines])


def chained_merges(levels: int) -> str:
    lines = [f"a{level}: &a{level} {{<<: *a{level - 1}, k{level}: v}}" for level in range(1, levels)]
    return "\n".join(["a0: &a0 {k: v}", *lines])


def refusal(text: str) -> str:
    with pytest.raises(InvalidTenantsFile) as caught:
        parse_document(text.encode(), "tenants.yaml")
    return caught.value.problems[0]


@pytest.mark.parametrize("bomb", [merges(14), merges(60), laughs(9), laughs(60), chained_merges(2000)], ids=range(5))
def test_aliases_that_repeat_without_measure_are_refused_with_their_line_before_they_are_followed(bomb: str) -> None:
    told: list[str] = []
    assert calls_of(lambda: told.append(refusal(bomb))) < 100 * len(bomb)
    assert "its aliases repeat so much" in told[0]
    assert "(line " in told[0]


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {<<: *a}", "a: &a {b: [*a]}"])
def test_an_alias_inside_of_what_it_names_is_refused(text: str) -> None:
    assert refusal(text).startswith("an alias stands inside of what it names")


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 1000, "a: " + "[{a: " * 3000], ids=range(5)
)
def test_a_text_that_only_opens_groups_is_refused_where_it_goes_too_deep(text: str) -> None:
    assert "is nested more than 50 deep" in refusal(text)


@pytest.mark.parametrize(
    "number", ["9" * 100_000, "1" + ":1" * 100_000, "1" + ":1" * 100_000 + ".5", "1" * 5000 + ".5"]
)
def test_a_number_that_is_longer_than_any_field_takes_is_text(number: str) -> None:
    assert parse_document(f"a: {number}".encode(), "tenants.yaml").data == {"a": number}


def test_anchors_and_merges_used_as_people_do_are_followed() -> None:
    shared = ["shared: &shared {api: '2.0', region: eu, format: stix, share: [a, b, c, d, e, f]}", "tenants:"]
    lines = [f"  - {{<<: *shared, id: tenant-{number}, name: Customer {number} of many}}" for number in range(3000)]
    found = parse_document("\n".join([*shared, *lines]).encode(), "tenants.yaml").data
    assert isinstance(found, dict)
    assert found["tenants"][2999]["region"] == "eu"
    assert found["tenants"][2999]["share"] == list("abcdef")


def test_a_file_beyond_any_tenants_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "tenants.yaml"
    with path.open("wb") as file:
        file.truncate(100 * SIZE_LIMIT)
    with pytest.raises(InvalidTenantsFile, match=f"has more than {SIZE_LIMIT} bytes"):
        load_registry(path, allow_loopback=True)


def test_faults_of_twice_the_number_take_about_twice_the_work() -> None:
    def work(count: int) -> Callable[[], object]:
        lines = ["tenants:", "- id: contoso", *(f"  strange{number}: 1" for number in range(count))]
        document = parse_document("\n".join(lines).encode(), "tenants.yaml")

        def check() -> None:
            with pytest.raises(InvalidTenantsFile) as caught:
                registry_from(document.data, allow_loopback=True, lines=document.line)
            assert len(caught.value.problems) >= count

        return check

    small, large = calls_of(work(100)), calls_of(work(800))
    assert large < 12 * small


def test_a_file_wrong_in_many_places_lists_the_first_and_counts_the_others() -> None:
    problems = [f"problem {number}" for number in range(5000)]
    text = str(InvalidTenantsFile(problems))
    assert "5000 problems" in text
    assert "problem 199\n" in text
    assert "problem 200\n" not in text
    assert text.endswith("… and 4800 more")
