"""The functions that every app has for who looks after it, over HTTP.

`health` answers anybody, with the version that runs: a deployment asks it whether its package arrived. All else takes
a function's key (https://learn.microsoft.com/azure/azure-functions/function-keys-how-to).
"""

from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from typing import Any

import azure.functions as func

from mti.functions.answers import answer
from mti.functions.host import Host

Work = Callable[[str, Mapping[str, str]], Awaitable[Mapping[str, Any]]]


def operator_functions(host: Host) -> func.Blueprint:
    """Return the functions `health`, `status`, `list_dead_letters`, `show_dead_letters` and `replay_dead_letters`.

    Args:
        host: of the app's service.
    """
    blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # the library's own

    @blueprint.function_name("health")
    @blueprint.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    async def health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001  what a route is given
        return answer(200, {"service": host.name, "version": version_of(host.name)})

    @blueprint.function_name("status")
    @blueprint.route("status", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
    async def status(req: func.HttpRequest) -> func.HttpResponse:
        async def work(_service: str, _asked: Mapping[str, str]) -> Mapping[str, Any]:
            return await status_of(host)

        return await _answered(work, host.name, req)

    @blueprint.function_name("list_dead_letters")
    @blueprint.route("dead-letters", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
    async def list_dead_letters(req: func.HttpRequest) -> func.HttpResponse:
        from mti.functions.dead_letters import list_letters  # noqa: PLC0415  loaded by who asks for it

        return await _answered(list_letters, host.name, req)

    @blueprint.function_name("show_dead_letters")
    @blueprint.route("dead-letters/messages", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
    async def show_dead_letters(req: func.HttpRequest) -> func.HttpResponse:
        from mti.functions.dead_letters import show_letters  # noqa: PLC0415  as above

        return await _answered(show_letters, host.name, req)

    @blueprint.function_name("replay_dead_letters")
    @blueprint.route("dead-letters/replay", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
    async def replay_dead_letters(req: func.HttpRequest) -> func.HttpResponse:
        from mti.functions.dead_letters import replay_letters  # noqa: PLC0415  as above

        return await _answered(replay_letters, host.name, req)

    return blueprint


def version_of(service: str) -> str:
    """Return the version of a service that runs here."""
    return version(f"mti-{service}")


async def status_of(host: Host) -> Mapping[str, Any]:
    """Return how a service stands, as a JSON document: version, tenants, what is paused, dead letters by reason.

    Raises:
        ConfigurationError: the settings or the tenants are wrong.
        Unavailable: what it needs does not answer.
    """
    from mti.functions.dead_letters import list_letters  # noqa: PLC0415  as above

    service = await host.service()
    registry = service.registry.current
    pauses = await service.pauses()
    return {
        "service": host.name,
        "version": version_of(host.name),
        "entity": service.entity.path,
        "sources": len(registry.sources),
        "destinations": len(registry.destinations),
        "paused": {name: pause.model_dump(mode="json") for name, pause in sorted(pauses.items())},
        **await list_letters(host.name, {}),
    }


async def _answered(work: Work, service: str, req: func.HttpRequest) -> func.HttpResponse:
    """Do the work, and answer with what it says or with what was wrong."""
    from mti.common.errors import ConfigurationError, Unavailable  # noqa: PLC0415  as above

    try:
        return answer(200, await work(service, dict(req.params)))
    except ConfigurationError as error:
        return answer(400, {"error": str(error)})
    except Unavailable as error:
        return answer(503, {"error": str(error)})
