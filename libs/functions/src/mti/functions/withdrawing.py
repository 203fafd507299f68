"""The function by which a false positive is withdrawn over HTTP. The publisher's app has it.

It takes a function's key. Its rights, to write what the normalizer knows and the books of the workspaces, are given by
the deployment, or not.
"""

import azure.functions as func

from mti.functions.answers import answer


def withdrawal_functions() -> func.Blueprint:
    """Return the function `withdraw`."""
    blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # the library's own

    @blueprint.function_name("withdraw")
    @blueprint.route("withdrawals", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
    async def withdraw(req: func.HttpRequest) -> func.HttpResponse:
        from mti.common.errors import ConfigurationError, Unavailable  # noqa: PLC0415  loaded by who asks for it
        from mti.functions import withdrawals  # noqa: PLC0415  as above
        from mti.operations.revoking import NotThere  # noqa: PLC0415  as above

        try:
            return answer(200, await withdrawals.withdraw(req.get_body()))
        except withdrawals.NotSwitchedOn as error:
            return answer(403, {"error": str(error)})
        except NotThere as error:
            return answer(404, {"error": str(error)})
        except ConfigurationError as error:
            return answer(400, {"error": str(error)})
        except Unavailable as error:
            return answer(503, {"error": str(error)})

    return blueprint
