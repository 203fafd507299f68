"""Writes the artefacts: `make templates`. A test sees that they are what this module would write."""

import json
from pathlib import Path
from typing import Any, Final

import yaml

from infra.sentinel import playbook_templates, playbooks, solution, stix
from infra.sentinel.content import Query, Rule, hunts, rules
from infra.sentinel.kql import advanced_hunting
from infra.sentinel.workbooks import books

SOLUTION: Final = Path(__file__).parent / "solution"
ADVANCED_HUNTING: Final = Path(__file__).parent / "advanced-hunting"
STIX: Final = Path(__file__).parent / "stix"
PICTURES: Final = SOLUTION / "Workbooks" / "Images" / "Preview"
"""What `make previews` writes."""
PREVIEWED: Final = Path(__file__).parents[2] / "libs" / "console" / "src" / "mti" / "console" / "preview" / "workbooks"
"""Copies for the console, which is installed without this folder."""
DEPLOYED: Final = Path(__file__).parents[1] / "bicep" / "generated" / "content.json"
PLAYBOOKS: Final = DEPLOYED.with_name("playbooks.json")


class _Dumper(yaml.SafeDumper):
    """Text of several lines as a block, as people write it."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def hunted() -> dict[str, str]:
    """Return the copies for advanced hunting, by name: of every hunt and rule that can be asked there."""
    found = {}
    for name, query in {**rules(), **hunts()}.items():
        copy = advanced_hunting(_unscheduled(query))
        if copy is not None:
            found[name] = f"// {query.name}\n// {query.description.replace(chr(10), ' ')}\n{copy}"
    return found


def deployed() -> dict[str, Any]:
    """Return what the Bicep module loads."""
    return {
        "rules": [_rule(rule) for rule in rules().values()],
        "hunts": [hunt.written() for hunt in hunts().values()],
        "workbooks": [
            {
                "key": book.key,
                "name": book.name,
                "description": book.description,
                "data": json.dumps(book.laid_out().to_json(), ensure_ascii=True),
            }
            for book in books().values()
        ],
        "parser": solution.parser(),
    }


def generated() -> dict[Path, str]:
    """Return each file with what belongs in it."""
    return {
        **{SOLUTION / "Analytic Rules" / f"{name}.yaml": _yaml(rule.written()) for name, rule in rules().items()},
        **{SOLUTION / "Hunting Queries" / f"{name}.yaml": _yaml(hunt.written()) for name, hunt in hunts().items()},
        **{SOLUTION / "Workbooks" / f"{book.key}.json": _json(book.laid_out().to_json()) for book in books().values()},
        **{ADVANCED_HUNTING / f"{name}.kql": text for name, text in hunted().items()},
        **{SOLUTION / "Playbooks" / path: text for path, text in playbook_templates.files().items()},
        SOLUTION / "Parsers" / f"{solution.PARSER}.yaml": _yaml(solution.parser()),
        SOLUTION / "Data Connectors" / f"{solution.CONNECTOR}.json": _json(solution.connector()),
        SOLUTION / "Data" / f"Solution_{solution.NAME.replace(' ', '')}.json": _json(solution.data()),
        SOLUTION / "Workbooks" / "WorkbooksMetadata.json": _json(solution.workbooks_metadata()),
        **{PREVIEWED / f"{book.key}.json": _json(book.laid_out().to_json()) for book in books().values()},
        PREVIEWED / "WorkbooksMetadata.json": _json(solution.workbooks_metadata()),
        SOLUTION / "SolutionMetadata.json": _json(solution.metadata()),
        SOLUTION / "ReleaseNotes.md": solution.release_notes(),
        SOLUTION / "Logos" / f"{solution.CONNECTOR}.svg": solution.LOGO,
        STIX / "mimecast-detection.json": _json(stix.bundle()),
        STIX / stix.SCHEMA_NAME: _json(stix.schema()),
        DEPLOYED: _json(deployed()),
        PLAYBOOKS: _json(playbooks.deployed()),
    }


def main() -> None:
    """Write every file, and remove those that nothing writes any more."""
    files = generated()
    for folder in (SOLUTION, ADVANCED_HUNTING, PREVIEWED):
        for path in folder.rglob("*"):
            if path.is_file() and path not in files and PICTURES not in path.parents:
                path.unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def _rule(rule: Rule) -> dict[str, Any]:
    """Return a rule with what the resource has in another form than the file: spans, techniques, grouping."""
    written = rule.written()
    incident = written["incidentConfiguration"]
    grouping = {**incident["groupingConfiguration"], "lookbackDuration": _span("1d")}
    return {
        **written,
        "enabled": rule.enabled,
        "span": {"frequency": _span(rule.frequency), "period": _span(rule.look_back)},
        "techniques": sorted({technique.partition(".")[0] for technique in rule.techniques}),
        "incident": {**incident, "groupingConfiguration": grouping},
    }


def _span(text: str) -> str:
    """Return a span of Kusto, such as 14d, as ISO 8601 has it."""
    return f"P{text.upper()}" if text.endswith("d") else f"PT{text.upper()}"


def _unscheduled(query: Query) -> str:
    """Return a query without the limit to what came since the last run: a person asks once."""
    return query.compiled.replace("let Frequency = 1h;", "let Frequency = 14d;")


def _yaml(content: dict[str, Any]) -> str:
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    main()
