"""The part of the workflow definition language of Azure Logic Apps that the playbooks use, as a strict model.

https://learn.microsoft.com/azure/logic-apps/logic-apps-workflow-actions-triggers; the language's published schema takes
any properties of an action, so that a misspelt one would be found in Azure alone.
"""
# ruff: noqa: N815  the names are the service's own

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

SCHEMA: Final = (
    "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#"
)
Name = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z]*(_[A-Za-z]+)*$", max_length=80)]
Status = Literal["Succeeded", "Failed", "TimedOut", "Skipped"]
Duration = Annotated[str, StringConstraints(pattern=r"^PT\d+[SMH]$")]
Text = Annotated[str, StringConstraints(min_length=1)]
Uri = Annotated[str, StringConstraints(pattern=r"^@\{parameters\('\w+'\)\}|^@parameters\('\w+'\)$")]
"""Whose address is a parameter's: none is written into a definition."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SecureData(_Part):
    """What a run's history does not show."""

    properties: list[Literal["inputs", "outputs"]]


class Concurrency(_Part):
    """How many items of a loop go at a time: one, since variables are shared."""

    repetitions: Literal[1]


class Secured(_Part):
    """Of an HTTP action."""

    secureData: SecureData


class Sequential(_Part):
    """Of a loop."""

    concurrency: Concurrency


class ManagedIdentity(_Part):
    """Signs a request by the workflow's own identity."""

    type: Literal["ManagedServiceIdentity"]
    audience: Uri


class RetryPolicy(_Part):
    """After 408, 429 and 5xx, and where there is no answer."""

    type: Literal["exponential"]
    count: int = Field(ge=1, le=90)
    interval: Duration


class Request(_Part):
    """Inputs of an HTTP action."""

    method: Literal["GET", "POST", "PUT"]
    uri: Uri
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = None
    authentication: ManagedIdentity | None = None
    retryPolicy: RetryPolicy | None = None


class Filter(_Part):
    """Inputs of a Query."""

    from_: Text = Field(alias="from")
    where: Text


class Mapped(_Part):
    """Inputs of a Select."""

    from_: Text = Field(alias="from")
    select: str | dict[str, str]


class Variable(_Part):
    """One that is initialised."""

    name: Text
    type: Literal["array", "boolean", "integer", "object", "string"]
    value: Any


class Variables(_Part):
    """Inputs of an InitializeVariable."""

    variables: list[Variable] = Field(min_length=1, max_length=1)


class Value(_Part):
    """Inputs of what changes a variable."""

    name: Text
    value: Any


class Interval(_Part):
    """Of a Wait."""

    count: int
    unit: Literal["Second", "Minute"]


class Pause(_Part):
    """Inputs of a Wait."""

    interval: Interval


class Limit(_Part):
    """Of an Until."""

    count: int = Field(ge=1, le=60)
    timeout: Duration


class RunError(_Part):
    """What a run that ends so says."""

    code: Text
    message: Text


class Ending(_Part):
    """Inputs of a Terminate."""

    runStatus: Literal["Failed"]
    runError: RunError


class _Action(_Part):
    runAfter: dict[Name, list[Status]] = Field(default_factory=dict)


class Http(_Action):
    """Asks somebody."""

    type: Literal["Http"]
    inputs: Request
    runtimeConfiguration: Secured | None = None


class Compose(_Action):
    """Holds a value."""

    type: Literal["Compose"]
    inputs: Any


class Query(_Action):
    """Filters a list."""

    type: Literal["Query"]
    inputs: Filter


class Select(_Action):
    """Makes another list of a list."""

    type: Literal["Select"]
    inputs: Mapped


class InitializeVariable(_Action):
    """Makes a variable."""

    type: Literal["InitializeVariable"]
    inputs: Variables


class ChangeVariable(_Action):
    """Changes a variable."""

    type: Literal["SetVariable", "AppendToArrayVariable", "IncrementVariable"]
    inputs: Value


class Wait(_Action):
    """Waits."""

    type: Literal["Wait"]
    inputs: Pause


class Terminate(_Action):
    """Ends the run."""

    type: Literal["Terminate"]
    inputs: Ending


class Scope(_Action):
    """Has one status for several actions."""

    type: Literal["Scope"]
    actions: dict[Name, "Action"]


class Otherwise(_Part):
    """The other branch."""

    actions: dict[Name, "Action"]


class If(_Action):
    """Does one thing or the other."""

    type: Literal["If"]
    expression: dict[Literal["and", "equals", "greater"], list[Any]]
    actions: dict[Name, "Action"]
    else_: Otherwise = Field(alias="else")


class Foreach(_Action):
    """Does something with each item of a list."""

    type: Literal["Foreach"]
    foreach: Text
    actions: dict[Name, "Action"]
    runtimeConfiguration: Sequential


class Until(_Action):
    """Does something again until a condition holds."""

    type: Literal["Until"]
    expression: Text
    limit: Limit
    actions: dict[Name, "Action"]


Action = Annotated[
    Http
    | Compose
    | Query
    | Select
    | InitializeVariable
    | ChangeVariable
    | Wait
    | Terminate
    | Scope
    | If
    | Foreach
    | Until,
    Field(discriminator="type"),
]


class Host(_Part):
    """The connection of a trigger."""

    connection: dict[Literal["name"], Literal["@parameters('$connections')['azuresentinel']['connectionId']"]]


class Subscription(_Part):
    """Inputs of the trigger: Microsoft Sentinel calls back when an incident is handed over."""

    body: dict[Literal["callback_url"], Literal["@{listCallbackUrl()}"]]
    host: Host
    path: Literal["/incident-creation"]


class Trigger(_Part):
    """An incident is handed over, by a person or an automation rule."""

    type: Literal["ApiConnectionWebhook"]
    inputs: Subscription


class Parameter(_Part):
    """Of the workflow."""

    type: Literal["String", "Int", "Bool", "Object"]
    defaultValue: Any = None


class Workflow(_Part):
    """A definition."""

    schema_: Literal[SCHEMA] = Field(alias="$schema")  # type: ignore[valid-type]
    contentVersion: Literal["1.0.0.0"]
    parameters: dict[str, Parameter]
    triggers: dict[Literal["Microsoft_Sentinel_incident"], Trigger]
    actions: dict[Name, Action]


def branches(action: Action) -> list[dict[str, Action]]:
    """Return the actions that stand in an action, by branch."""
    if isinstance(action, If):
        return [action.actions, action.else_.actions]
    return [action.actions] if isinstance(action, Scope | Foreach | Until) else []


def every(actions: Mapping[str, Action], depth: int = 1) -> Iterator[tuple[str, Action, int]]:
    """Yield every action with its name and how deep it stands, 1 being the outermost."""
    for name, action in actions.items():
        yield name, action, depth
        for branch in branches(action):
            yield from every(branch, depth + 1)
