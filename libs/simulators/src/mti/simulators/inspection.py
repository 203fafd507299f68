"""The pieces that both simulators' `/_sim/` pages are made of."""

from collections.abc import Callable
from typing import Generic, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from mti.simulators.faults import FaultPlan, FaultRule
from mti.simulators.serving import Route

ModelT = TypeVar("ModelT", bound=BaseModel)
RuleT = TypeVar("RuleT", bound=FaultRule)


def page(data: object, status: int = 200) -> web.Response:
    """Answer with JSON; keys may be enums, numbers and other plain values."""
    body = orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS)
    return web.Response(body=body, status=status, content_type="application/json")


async def read_model(request: web.Request, model: type[ModelT]) -> ModelT:
    """Read the body as the model; an unfit body is answered with 400 and the reason."""
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        reason = error.json(include_url=False, include_input=False)
        raise web.HTTPBadRequest(text=reason, content_type="application/json") from error


class FaultPages(Generic[RuleT]):
    """`/_sim/faults`: GET lists, POST plans one rule or a list of them, DELETE takes back (all, or `/{name}`)."""

    def __init__(self, plan: FaultPlan[RuleT], parse: Callable[[object], RuleT]) -> None:
        self._plan = plan
        self._parse = parse

    def routes(self) -> list[Route]:
        """Return the routes to serve."""
        return [
            ("GET", "/_sim/faults", self._on_list),
            ("POST", "/_sim/faults", self._on_add),
            ("DELETE", "/_sim/faults", self._on_clear),
            ("DELETE", "/_sim/faults/{name}", self._on_remove),
        ]

    async def _on_list(self, _request: web.Request) -> web.Response:
        found = {}
        for name, rule in self._plan.rules.items():
            found[name] = {**rule.model_dump(mode="json", exclude_defaults=True), "struck": self._plan.struck[name]}
        return page(found)

    async def _on_add(self, request: web.Request) -> web.Response:
        try:
            data = orjson.loads(await request.read())
            rules = [self._parse(rule) for rule in (data if isinstance(data, list) else [data])]
        except ValueError as error:
            return page({"error": str(error)}, 400)
        return page({"names": [self._plan.add(rule) for rule in rules]}, 201)

    async def _on_clear(self, _request: web.Request) -> web.Response:
        self._plan.clear()
        return page({})

    async def _on_remove(self, request: web.Request) -> web.Response:
        return page({}, 200 if self._plan.remove(request.match_info["name"]) else 404)
