"""Playbooks: workflows that an analyst starts from an incident, or an automation rule starts by itself.

A playbook is one YAML file of `playbooks/`: what it needs, and its actions in order. An action follows the one before
it where it does not say what it follows. What all have in common stands in `playbooks/steps` once: which files are
meant, and what is written into the incident. Three words are put in when it is compiled: `KNOWN`, the query;
`PARSED(X)`, the answer of action X as an object, also where it is a page or nothing; `SAID(X)`, why it says no.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from infra.sentinel.content import VERSION
from infra.sentinel.kql import compile_query
from infra.sentinel.workflow_format import SCHEMA, Workflow

FOLDER: Final = Path(__file__).parent / "playbooks"
AT_ONCE: Final = 50
"""Files of an incident that a run looks at."""
RESOURCE_MANAGER: Final = "https://management.azure.com"

LOG_ANALYTICS: Final = {
    "AzureCloud": {"address": "https://api.loganalytics.azure.com", "audience": "https://api.loganalytics.io"},
    "AzureUSGovernment": {"address": "https://api.loganalytics.us", "audience": "https://api.loganalytics.us"},
    "AzureChinaCloud": {
        "address": "https://api.loganalytics.azure.cn",
        "audience": "https://api.loganalytics.azure.cn",
    },
}
"""Where a workspace is asked, by cloud: https://learn.microsoft.com/azure/azure-monitor/logs/api/overview."""

_KNOWN: Final = """\
Indicators
| where Kind in ('SHA256', 'SHA1', 'MD5') and Value in (Hashes)
| summarize ActiveRows = countif(State == 'Active'), WithdrawnRows = countif(State == 'Withdrawn'),
    Until = max(iff(State == 'Active', ValidUntil, datetime(1970-01-01))), Sure = max(Confidence) by Value, Kind
| project Value, Kind, State = case(ActiveRows > 0, 'Active', WithdrawnRows > 0, 'Withdrawn', 'Expired'),
    Until, Confidence = Sure"""
"""What the workspace knows of the hashes of an incident: one row for each that was ever an indicator of ours."""

_PARSED: Final = (
    "@json(if(startsWith(trim(string(coalesce(body('{0}'), ''))), '{{'), string(coalesce(body('{0}'), '')), '{{}}'))"
)
_SAID: Final = (
    "@{{take(replace(replace(string(coalesce(outputs('{0}')?['fail']?[0]?['errors']?[0]?['message'], "
    "outputs('{0}')?['fail']?[0]?['message'], outputs('{0}')?['error'], 'it gave no reason')), "
    "'<', '&lt;'), '>', '&gt;'), 300)}}"
)


class PlaybookParameter(BaseModel):
    """What a deployment says of a playbook."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["String", "Int", "Bool"] = "String"
    default: str | int | bool | None = None
    description: str
    allowed: tuple[str, ...] = ()


COMMON: Final = {
    "SourceSystem": PlaybookParameter(
        default="Mimecast", description="The source system of the destination in the tenants file."
    ),
    "ResourceManager": PlaybookParameter(
        default=RESOURCE_MANAGER, description="Azure Resource Manager of this cloud, without a slash at the end."
    ),
    "LogAnalytics": PlaybookParameter(
        default=LOG_ANALYTICS["AzureCloud"]["address"], description="Where the workspace is asked."
    ),
    "LogAnalyticsAudience": PlaybookParameter(
        default=LOG_ANALYTICS["AzureCloud"]["audience"], description="What a token for that is asked for."
    ),
}
"""Parameters of every playbook."""


class Playbook(BaseModel):
    """A playbook, as it is written down here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(max_length=80)
    description: str
    prerequisites: tuple[str, ...]
    after_deployment: tuple[str, ...]
    """What is left to do by hand."""
    entities: tuple[str, ...]
    tags: tuple[str, ...]
    parameters: dict[str, PlaybookParameter]
    actions: list[dict[str, Any]]

    @property
    def all_parameters(self) -> dict[str, PlaybookParameter]:
        """Its own and those of every playbook."""
        return {**COMMON, **self.parameters}

    def definition(self) -> dict[str, Any]:
        """Return the workflow definition.

        Raises:
            ValueError: it is none that `workflow_format` knows.
        """
        parameters: dict[str, Any] = {"$connections": {"type": "Object", "defaultValue": {}}}
        for name, given in self.all_parameters.items():
            parameters[name] = {
                "type": given.type,
                **({} if given.default is None else {"defaultValue": given.default}),
            }
        found = {
            "$schema": SCHEMA,
            "contentVersion": "1.0.0.0",
            "parameters": parameters,
            "triggers": {
                "Microsoft_Sentinel_incident": {
                    "type": "ApiConnectionWebhook",
                    "inputs": {
                        "body": {"callback_url": "@{listCallbackUrl()}"},
                        "host": {
                            "connection": {"name": "@parameters('$connections')['azuresentinel']['connectionId']"}
                        },
                        "path": "/incident-creation",
                    },
                }
            },
            "actions": _in_order(_with_steps(self.actions)),
        }
        Workflow.model_validate(found)
        return found


def known_query() -> str:
    """Return the query of what is known, with expressions where the source's name and the hashes belong."""
    query = compile_query(_KNOWN, {"OurSource": "'@{parameters('SourceSystem')}'"})
    hashes = f"@{{string(take(union(body('Hashes'), body('Hashes')), {AT_ONCE}))}}"
    return f"let Hashes = dynamic({hashes});\n{query}"


@cache
def playbooks() -> dict[str, Playbook]:
    """Return the playbooks by the names of their files.

    Raises:
        ValueError: one has fields that are not known.
    """
    return {path.stem: Playbook.model_validate(_read(path)) for path in sorted(FOLDER.glob("*.yaml"))}


def deployed() -> dict[str, Any]:
    """Return what the Bicep module loads."""
    return {
        "clouds": LOG_ANALYTICS,
        **{
            _camel(name): {
                "title": book.title,
                "description": book.description,
                "version": VERSION,
                "definition": book.definition(),
            }
            for name, book in playbooks().items()
        },
    }


def _camel(name: str) -> str:
    first, *others = name.split("-")
    return first + "".join(other.capitalize() for other in others)


def _with_steps(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the actions with those of shared steps in the place of their names."""
    found: list[dict[str, Any]] = []
    for item in items:
        if "steps" not in item:
            found.append(item)
            continue
        text = (FOLDER / "steps" / f"{item['steps']}.yaml").read_text(encoding="utf-8")
        text = text.replace("AT_ONCE", str(AT_ONCE))
        for word in ("after", "lines"):
            text = text.replace(word.upper(), str(item.get(word, word.upper())))
        found.extend(yaml.safe_load(text))
    return found


def _in_order(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return actions by their names, each after the one before it unless it says otherwise."""
    found: dict[str, Any] = {}
    before: str | None = None
    for item in items:
        ((name, written),) = item.items()
        first = {} if before is None else {before: ["Succeeded"]}
        action = {"type": written["type"], "runAfter": written.get("runAfter", first)}
        for key, value in written.items():
            action[key] = _in_order(value) if key == "actions" else _compiled(value)
        if "else" in written:
            action["else"] = {"actions": _in_order(written["else"]["actions"])}
        if name in found:
            raise ValueError(f"{name} is there twice")
        found[name] = action
        before = name
    return found


def _compiled(value: object) -> object:
    """Return a value with the words put in."""
    if isinstance(value, dict):
        return {key: _compiled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_compiled(each) for each in value]
    if not isinstance(value, str):
        return value
    if value == "KNOWN":
        return known_query()
    value = re.sub(r"PARSED\((\w+)\)", lambda found: _PARSED.format(found[1]), value)
    return re.sub(r"SAID\((\w+)\)", lambda found: _SAID.format(found[1]), value)


def _read(path: Path) -> object:
    return yaml.safe_load(path.read_text(encoding="utf-8"))
