"""Runs a workflow definition as Azure Logic Apps does, one action after the other, with HTTP over real sockets.

https://learn.microsoft.com/azure/logic-apps/logic-apps-workflow-actions-triggers. The types of action that our
playbooks use, and no others. Time is a clock that waits turn, so that ten minutes take none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from tests.playbooks.expressions import Fault, as_text, plain_functions, worked_out

Json = dict[str, Any]
HIDDEN = "hidden"
AGAIN = {408, 429, 500, 502, 503, 504}


@dataclass
class Clock:
    """The time of a run, and of whom it calls."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class Done:
    """What became of an action."""

    status: str
    inputs: Any = None
    outputs: Any = None


class Ended(Exception):
    """A Terminate."""

    def __init__(self, status: str, error: Json) -> None:
        super().__init__(status)
        self.status = status
        self.error = error


@dataclass
class Run:
    """What became of a run, and what its history shows to who may read it."""

    status: str = "Running"
    error: Json = field(default_factory=dict)
    history: list[Json] = field(default_factory=list)

    def of(self, name: str) -> list[Json]:
        """Return the history of an action: once for each time that it ran."""
        return [each for each in self.history if each["name"] == name]


class Workflow:
    """A workflow that is deployed.

    Args:
        name: its own.
        definition: what is deployed.
        parameters: values of those of the definition.
        identity: the address that gives tokens to its managed identity, by `resource`.
        clock: the time.
    """

    def __init__(self, name: str, definition: Json, parameters: Json, identity: str, clock: Clock) -> None:
        unknown = parameters.keys() - definition["parameters"].keys()
        assert not unknown, unknown
        self._name = name
        self._definition = definition
        self._parameters = {
            key: parameters.get(key, given.get("defaultValue")) for key, given in definition["parameters"].items()
        }
        missing = [key for key, value in self._parameters.items() if value is None]
        assert not missing, missing
        self._identity = identity
        self._clock = clock

    async def run(self, body: Json) -> Run:
        """Run it on what the trigger was given."""
        run = Run()
        async with httpx.AsyncClient(timeout=60) as http:
            one = _One(self, run, body, http)
            try:
                run.status = await one.actions(self._definition["actions"])
            except Ended as end:
                run.status, run.error = end.status, end.error
        return run

    def functions(self) -> Mapping[str, Callable[..., Any]]:
        return {
            **plain_functions(self._clock),
            "parameters": lambda name: self._parameters[name],
            "workflow": lambda: {"name": self._name},
        }

    async def token(self, http: httpx.AsyncClient, audience: str) -> str:
        answer = await http.get(self._identity, params={"resource": audience})
        found: str = answer.json()["access_token"]
        return found

    @property
    def clock(self) -> Clock:
        return self._clock


class _One:
    """One run."""

    def __init__(self, workflow: Workflow, run: Run, body: Json, http: httpx.AsyncClient) -> None:
        self._workflow = workflow
        self._run = run
        self._client = http
        self._done: dict[str, Done] = {}
        self._variables: dict[str, Any] = {}
        self._items: list[tuple[str, Any]] = []
        self._functions: dict[str, Callable[..., Any]] = {
            **workflow.functions(),
            "triggerBody": lambda: body,
            "body": lambda name: (self._done[name].outputs or {}).get("body"),
            "outputs": lambda name: self._done[name].outputs,
            "actions": lambda name: {"status": self._done[name].status, "outputs": self._done[name].outputs},
            "variables": lambda name: self._variables[name],
            "item": lambda: self._items[-1][1],
            "items": lambda name: next(item for loop, item in reversed(self._items) if loop == name),
        }

    def _value(self, value: Any) -> Any:
        return worked_out(value, self._functions)

    async def actions(self, actions: Mapping[str, Json]) -> str:
        """Run actions, and return the status of all together."""
        here: dict[str, str] = {}
        while len(here) < len(actions):
            ready = [
                name
                for name, action in actions.items()
                if name not in here and action["runAfter"].keys() <= here.keys()
            ]
            assert ready, "nothing can follow"
            name = ready[0]
            action = actions[name]
            fits = all(here[before] in wanted for before, wanted in action["runAfter"].items())
            done = await self._one(name, action) if fits else Done("Skipped")
            self._done[name] = Done(done.status, done.inputs, self._outputs(action, done))
            here[name] = done.status
            self._note(name, action, done)
        return _of_all(actions, here)

    @staticmethod
    def _outputs(action: Json, done: Done) -> Any:
        """Return what is seen by `outputs`; `body` of a Query or Select is the list itself."""
        return {"body": done.outputs} if action["type"] in {"Query", "Select"} else done.outputs

    def _note(self, name: str, action: Json, done: Done) -> None:
        hidden = action.get("runtimeConfiguration", {}).get("secureData", {}).get("properties", [])
        self._run.history.append(
            {
                "name": name,
                "status": done.status,
                "inputs": HIDDEN if "inputs" in hidden else done.inputs,
                "outputs": HIDDEN if "outputs" in hidden else done.outputs,
            }
        )

    async def _one(self, name: str, action: Json) -> Done:
        kind = action["type"]
        try:
            if kind in {"Scope", "If", "Foreach", "Until"}:
                return Done(await getattr(self, f"_{kind.lower()}")(name, action))
            found: Done = await getattr(self, f"_{kind.lower()}")(action["inputs"])
        except Fault as fault:
            return Done("Failed", None, {"error": str(fault)})
        return found

    async def _scope(self, _name: str, action: Json) -> str:
        return await self.actions(action["actions"])

    async def _if(self, _name: str, action: Json) -> str:
        holds = self._holds(action["expression"])
        return await self.actions(action["actions"] if holds else action["else"]["actions"])

    def _holds(self, expression: Json) -> bool:
        ((operator, given),) = expression.items()
        if operator == "and":
            return not [each for each in given if not self._holds(each)]
        one, other = self._value(given)
        if operator == "equals":
            return type(one) is type(other) and bool(one == other)
        if operator != "greater" or not (isinstance(one, int) and isinstance(other, int)):
            raise Fault(f"{operator} of {one!r} and {other!r}")
        return one > other

    async def _foreach(self, name: str, action: Json) -> str:
        values = self._value(action["foreach"])
        if not isinstance(values, list):
            raise Fault(f"{values!r} is no list")
        statuses = []
        for value in values:
            self._items.append((name, value))
            statuses.append(await self.actions(action["actions"]))
            self._items.pop()
        return "Failed" if "Failed" in statuses else "Succeeded"

    async def _until(self, _name: str, action: Json) -> str:
        status = "Succeeded"
        for _ in range(action["limit"]["count"]):
            status = await self.actions(action["actions"])
            if self._value(action["expression"]) is True:
                break
        return status

    async def _initializevariable(self, inputs: Json) -> Done:
        (given,) = self._value(inputs)["variables"]
        self._variables[given["name"]] = given["value"]
        return Done("Succeeded", given)

    async def _setvariable(self, inputs: Json) -> Done:
        return self._changed(inputs, lambda _old, new: new)

    async def _appendtoarrayvariable(self, inputs: Json) -> Done:
        return self._changed(inputs, lambda old, new: [*old, new])

    async def _incrementvariable(self, inputs: Json) -> Done:
        return self._changed(inputs, lambda old, new: old + new)

    def _changed(self, inputs: Json, change: Callable[[Any, Any], Any]) -> Done:
        given = self._value(inputs)
        old = self._variables[given["name"]]
        new = change(old, given["value"])
        if type(old) is not type(new):
            raise Fault(f"the variable {given['name']} can't be {new!r}")
        self._variables[given["name"]] = new
        return Done("Succeeded", given)

    async def _compose(self, inputs: Any) -> Done:
        found = self._value(inputs)
        return Done("Succeeded", found, found)

    async def _query(self, inputs: Json) -> Done:
        values = self._list(inputs["from"])
        return Done("Succeeded", values, [value for value in values if self._of(value, inputs["where"]) is True])

    async def _select(self, inputs: Json) -> Done:
        values = self._list(inputs["from"])
        return Done("Succeeded", values, [self._of(value, inputs["select"]) for value in values])

    def _list(self, text: str) -> list[Any]:
        values = self._value(text)
        if not isinstance(values, list):
            raise Fault(f"{values!r} is no list")
        return values

    def _of(self, value: Any, expression: Any) -> Any:
        self._items.append(("", value))
        try:
            return self._value(expression)
        finally:
            self._items.pop()

    async def _wait(self, inputs: Json) -> Done:
        interval = inputs["interval"]
        self._workflow.clock.forward(**{f"{interval['unit'].lower()}s": interval["count"]})
        return Done("Succeeded", inputs)

    async def _terminate(self, inputs: Json) -> Done:
        given = self._value(inputs)
        raise Ended(given["runStatus"], given["runError"])

    async def _http(self, inputs: Json) -> Done:
        given = self._value(inputs)
        headers = {key: as_text(value) for key, value in given.get("headers", {}).items()}
        if "authentication" in given:
            token = await self._workflow.token(self._client, given["authentication"]["audience"])
            headers["Authorization"] = f"Bearer {token}"
        body = given.get("body")
        sent: Json = {"content": body} if isinstance(body, str) else {} if body is None else {"json": body}
        policy = given.get("retryPolicy", {"count": 4, "interval": "PT7S"})
        answer = None
        for tried in range(policy["count"] + 1):
            try:
                answer = await self._client.request(given["method"], given["uri"], headers=headers, **sent)
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code not in AGAIN:
                break
            self._workflow.clock.forward(seconds=_seconds(policy["interval"]) * 2**tried)
        if answer is None:
            return Done("Failed", given)
        outputs = {"statusCode": answer.status_code, "headers": dict(answer.headers), "body": _body(answer)}
        return Done("Succeeded" if answer.is_success else "Failed", given, outputs)


def _body(answer: httpx.Response) -> Any:
    if "json" in answer.headers.get("content-type", ""):
        try:
            return answer.json()
        except ValueError:
            return answer.text
    return answer.text or None


def _seconds(duration: str) -> int:
    return int(duration[2:-1]) * {"S": 1, "M": 60, "H": 3600}[duration[-1]]


def _of_all(actions: Mapping[str, Json], here: Mapping[str, str]) -> str:
    """Return the status of all: that of the last ones, and of one that was skipped that of those before it."""
    before = {name for action in actions.values() for name in action["runAfter"]}

    def failed(name: str) -> bool:
        if here[name] == "Skipped":
            return any(failed(each) for each in actions[name]["runAfter"])
        return here[name] in {"Failed", "TimedOut"}

    return "Failed" if any(failed(name) for name in actions if name not in before) else "Succeeded"
