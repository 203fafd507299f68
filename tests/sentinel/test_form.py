"""What Azure-Sentinel's validators and the platform's limits ask of the artefacts, and what no query may hold."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
import yaml

from infra.sentinel import generate, solution
from infra.sentinel.content import TACTICS, hunts, rules
from infra.sentinel.generate import SOLUTION, generated, hunted
from infra.sentinel.kql import statements
from infra.sentinel.playbook_templates import folder_of
from infra.sentinel.playbooks import playbooks
from infra.sentinel.workbooks import books
from mti.console.preview.workbook_format import Workbook
from tests.sentinel.questions import questions
from tests.sentinel.tables import schemas

FORBIDDEN = {
    r"make_(set|list)\([^()]*(\([^()]*\))?[^()]*,": "the engine of the tests does not bound a set: slice it",
    r"\bbin\([^,]+,\s*7d\)": "where a week begins differs",
    r"parse_json\([^)]*\)[.\w\[\]]*\s*[-+*/]": "a number in JSON wants a cast",
    r"\b(make-series|mv-apply|serialize|evaluate|externaldata|column_ifexists|maxif|minif|make_set_if)\b": "not run",
    r"isnull\((RemovedBy|Subject|DeliveryAction|Whereabouts)": "empty in Azure, null here",
    r"\bunion\s+\*": "reads every table of the workspace",
    r"(?<!About = tostring\()Data\.description": "prose is shown, never read: facts stand in the extension",
    r"(extract|matches regex|has|contains|startswith)[^|\n]*\bData\.name": "a name is a sentence of ours",
}
ROOT = Path(__file__).parents[2]
NAMED = "let OurSource = 'Mimecast';"
ALL = {**questions(), **{f"advanced hunting/{name}": text for name, text in hunted().items()}}


@pytest.mark.parametrize("path", generated(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_an_artefact_is_what_its_sources_say(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == generated()[path], "run `make templates`"


def test_no_artefact_is_left_over() -> None:
    there = {path for folder in (SOLUTION, generate.ADVANCED_HUNTING) for path in folder.rglob("*") if path.is_file()}
    pictures = {path for path in there if generate.PICTURES in path.parents}
    assert there - set(generated()) - pictures == set()


def test_every_picture_that_the_metadata_names_is_there_small_and_no_other() -> None:
    named = {name for entry in solution.workbooks_metadata() for name in entry["previewImagesFileNames"]}
    there = {path.name: path.read_bytes() for path in generate.PICTURES.iterdir()}
    assert set(there) == named
    for picture in there.values():
        assert picture.startswith(b"\x89PNG\r\n\x1a\n")
        assert len(picture) < 400_000


@pytest.mark.parametrize("name", ALL)
def test_a_query_holds_nothing_that_means_something_else_here_than_in_azure(name: str) -> None:
    found = {why for pattern, why in FORBIDDEN.items() if re.search(pattern, ALL[name], re.DOTALL)}
    assert found == set()


@pytest.mark.parametrize("name", ALL)
def test_a_query_is_within_the_limits(name: str) -> None:
    """A rule takes 10,000 characters; for a tile no limit is published, and a long one is slow to read for people."""
    assert len(ALL[name]) <= (16_000 if name.partition("/")[0] in books() else 10_000)


@pytest.mark.parametrize("name", hunted())
def test_a_copy_for_advanced_hunting_names_nothing_that_is_not_there(name: str) -> None:
    assert not re.search(r"ingestion_time|Workspace = TenantId", hunted()[name])


def test_no_statement_is_called_like_a_column() -> None:
    """A column hides a name of the query: `Source` was empty in every row, and the filter by it took none."""
    columns = {column for table in schemas().values() for column in table}
    assert set(statements()) & columns == set()


def test_every_statement_is_used() -> None:
    text = "\n".join(ALL.values())
    assert {name for name in statements() if f"let {name} = " not in text} == set()


def test_the_newest_row_is_chosen_before_anything_is_left_out() -> None:
    """Where a filter on the state stands before it, withdrawn indicators come back."""
    body = statements()["Indicators"]
    before = body[: body.index("arg_max")]
    assert "where" not in before
    assert re.findall(r"where (\w+)", statements()["OwnRows"]) == ["TimeGenerated", "Id"]


def test_a_rule_says_what_to_do_next_and_fits_the_platform() -> None:
    for rule in rules().values():
        written = rule.written()
        assert "Next:" in rule.description
        assert len(rule.name) <= 256
        assert set(written["tactics"]) == {tactic for each in rule.techniques for tactic in TACTICS[each]}
        assert all(required["dataTypes"] for required in written["requiredDataConnectors"])
        assert rule.look_back == "14d", "repeated every 7 to 10 days, and a rule reads 14"


def test_ids_are_guids_and_given_once() -> None:
    ids = [each.id for each in (*rules().values(), *hunts().values())]
    assert len(set(ids)) == len(ids)
    for path in (*SOLUTION.glob("Analytic Rules/*.yaml"), *SOLUTION.glob("Hunting Queries/*.yaml")):
        UUID(yaml.safe_load(path.read_text())["id"])


@pytest.mark.parametrize("name", books())
def test_a_workbook_is_in_the_portals_form(name: str) -> None:
    path = SOLUTION / "Workbooks" / f"{books()[name].key}.json"
    text = path.read_text()
    assert Workbook.model_validate(json.loads(text)).to_json() == json.loads(text)
    assert not re.search(r"subscriptions/[0-9a-f]{8}-", text, re.IGNORECASE)
    assert "sentinel-UserWorkbook" not in text


@pytest.mark.parametrize("name", books())
def test_a_tile_asks_a_question_and_an_empty_one_says_why(name: str) -> None:
    laid_out = books()[name].laid_out()
    text = json.dumps(laid_out.to_json())
    titles = [tile.content.title for tile in laid_out.tiles()]
    assert len(set(titles)) == len(titles)
    set_by_click = {each.parameterName for tile in laid_out.tiles() for each in tile.content.exportedParameters or ()}
    asked = {name for page in books()[name].pages for name in page.ask}
    known = {"TimeRange", "Source", *set_by_click, *asked, *(("Workspaces", "Names") if "MSSP" in text else ())}
    if '"name": "TimeRange"' not in text:
        known.remove("TimeRange")
    needed = {
        tile.conditionalVisibility.parameterName for tile in laid_out.tiles() if tile.conditionalVisibility is not None
    }
    assert needed <= set_by_click, "what a tile waits for is set by a click"
    # Every parameter that a query names is one that this book has.
    assert set(re.findall(r"\{(\w+)(?::\w+)?\}", text)) <= known
    assert "{TimeRange}" not in text


@pytest.mark.parametrize("book", generate.deployed()["workbooks"], ids=lambda book: book["key"])
def test_a_workbook_fits_into_one_literal_of_a_template(book: dict[str, str]) -> None:
    """A literal, and what an expression gives, has 131,072 characters at most; links get longer when deployed.

    https://learn.microsoft.com/azure/azure-resource-manager/templates/best-practices
    """
    assert len(book["data"]) <= 120_000, "make another workbook of some of its pages"


@pytest.mark.parametrize("name", books())
def test_a_link_to_another_workbook_opens_the_page_that_waits_for_its_value(name: str) -> None:
    by_id = {f"sentinel-{book.key}": book for book in books().values()}
    for tile in books()[name].laid_out().tiles():
        for cell in tile.content.gridSettings.formatters if tile.content.gridSettings else ():
            context = cell.formatOptions.workbookContext if cell.formatOptions else None
            if context is not None:
                passed = {each.source: each for each in context.templateParameters}
                pages = {page.label.lower().replace(" ", "-"): page for page in by_id[context.templateId].pages}
                assert passed["column"].value == cell.columnMatch
                assert pages[passed["static"].value].when == passed["column"].name
                assert passed["column"].name in pages[passed["static"].value].ask


def test_every_hash_of_the_matches_opens_the_investigation() -> None:
    for tile in books()["matches"].laid_out().tiles():
        grid = tile.content.gridSettings
        if grid and re.search(r"\bHash\b", tile.content.query.rpartition("| project ")[2].partition("\n")[0]):
            assert "Hash" in {cell.columnMatch for cell in grid.formatters}, tile.content.title


def test_the_metadata_of_workbooks_has_what_is_asked() -> None:
    wanted = {
        "workbookKey", "logoFileName", "description", "dataTypesDependencies", "dataConnectorsDependencies",
        "previewImagesFileNames", "version", "title", "templateRelativePath", "subtitle", "provider",
    }  # fmt: skip
    for entry in solution.workbooks_metadata():
        assert set(entry) == wanted
        assert (SOLUTION / "Workbooks" / entry["templateRelativePath"]).is_file()


def test_the_logo_is_one_that_is_accepted() -> None:
    assert solution.LOGO.startswith("<svg ")
    assert not re.search(r"<(style|title|text|image)|class=|xlink|style=|\.png", solution.LOGO, re.IGNORECASE)
    ids = re.findall(r'id="([^"]+)"', solution.LOGO)
    assert ids
    assert [str(UUID(each)) for each in ids] == ids


def test_a_connector_is_connected_by_what_we_uploaded_alone() -> None:
    page = solution.connector()
    queries = [
        page["dataTypes"][0]["lastDataReceivedQuery"],
        page["connectivityCriterias"][0]["value"][0],
        page["graphQueries"][0]["baseQuery"],
    ]
    assert page["connectivityCriterias"][0]["type"] == "IsConnectedQuery"
    assert all("where not(Repeated)" in query for query in queries)
    assert all(" " not in each["name"] for each in page["dataTypes"])


def test_the_solution_names_every_file_and_says_what_it_is() -> None:
    data, metadata = solution.data(), solution.metadata()
    for kind in ("Data Connectors", "Parsers", "Analytic Rules", "Hunting Queries", "Workbooks", "Playbooks"):
        assert data[kind]
        assert [each for each in data[kind] if not (SOLUTION / each).is_file()] == []
    assert {"Name", "Author", "Logo", "Description", "BasePath", "Version", "Metadata"} <= set(data)
    assert {"publisherId", "offerId", "firstPublishDate", "providers", "categories", "support"} <= set(metadata)


@pytest.mark.parametrize("name", playbooks())
def test_a_playbook_s_template_has_what_is_asked_and_stands_alone(name: str) -> None:
    folder = SOLUTION / "Playbooks" / folder_of(name)
    found = json.loads((folder / "azuredeploy.json").read_text())
    metadata = found["metadata"]
    assert {"title", "description", "prerequisites", "postDeployment", "lastUpdateTime", "entities", "tags"} <= set(
        metadata
    )
    assert metadata["support"]["tier"] == "community"
    assert metadata["author"]["name"]
    assert metadata["releaseNotes"][0]["version"]
    assert "PlaybookName" in found["parameters"]
    assert all(each["metadata"]["description"] for each in found["parameters"].values())
    connection, workflow = found["resources"]
    assert (connection["type"], workflow["type"]) == ("Microsoft.Web/connections", "Microsoft.Logic/workflows")
    assert {"hidden-SentinelTemplateName", "hidden-SentinelTemplateVersion"} <= set(workflow["tags"])
    assert workflow["properties"]["definition"] == playbooks()[name].definition()
    assert workflow["properties"]["parameters"].keys() == workflow["properties"]["definition"]["parameters"].keys()
    text = json.dumps(found)
    used = set(re.findall(r"\[[^@\"]*parameters\('(\w+)'\)", text))
    assert found["parameters"].keys() - used == set()
    assert '"[@' not in text
    assert [each for each in strings(workflow["properties"]["definition"]) if each.startswith("[")] == []
    assert (folder / "readme.md").read_text().startswith("# Mimecast")


def strings(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)
    elif isinstance(value, str):
        yield value


def test_product_names_and_links_are_written_as_the_repository_wants() -> None:
    text = "\n".join(generated().values())
    assert not re.search(r"Azure Sentinel", text)
    assert not re.search(r"(learn|docs)\.microsoft\.com/[a-z]{2}-[a-z]{2}/", text, re.IGNORECASE)
    assert "Microsoft Sentinel" in solution.data()["Description"]


def test_a_deployment_never_declares_the_workspace() -> None:
    text = (ROOT / "infra" / "bicep" / "content.bicep").read_text()
    declared = re.findall(r"^resource \w+ '([\w./]+)@[^']+'( existing)?", text, re.MULTILINE)
    assert ("Microsoft.OperationalInsights/workspaces", " existing") in declared
    assert ("Microsoft.OperationalInsights/workspaces", "") not in declared


def test_a_deployment_can_name_another_source() -> None:
    """The template replaces these words; where one is not there, a customer's own name would change nothing."""
    deployed = json.loads(generate.DEPLOYED.read_text())
    queries = [
        *(each["query"] for each in (*deployed["rules"], *deployed["hunts"])),
        deployed["parser"]["FunctionQuery"],
    ]
    assert [query for query in queries if "ThreatIntelIndicators" in query and NAMED not in query] == []
    assert all('"value": "Mimecast"' in each["data"] for each in deployed["workbooks"])
