"""A withdrawal for who asks over HTTP: the work of `mti revoke --observable`, for a false positive of one workspace."""

from typing import Final

from pydantic import JsonValue, ValidationError

from mti.common.errors import ConfigurationError
from mti.deployment import open_deployment
from mti.operations.revoking import WithdrawalRequest, WithdrawFromWorkspace, observable_of

BODY_LIMIT: Final = 16 * 1024
"""Bytes of a request."""


class NotSwitchedOn(ConfigurationError):
    """The app is not told of the stores, and has no right on them, unless the deployment asked for it."""


async def withdraw(body: bytes) -> dict[str, JsonValue]:
    """Withdraw what is asked for, and return what became of it: counts of workspaces, and none by its name.

    Who asks works for one customer, and need not know the others.

    Args:
        body: a `WithdrawalRequest` in JSON.

    Raises:
        NotSwitchedOn: this deployment takes no withdrawals over HTTP.
        NotThere: the workspace is nobody's, or was never sent the observable.
        ConfigurationError: the request makes no sense, or the settings or tenants are wrong.
        Unavailable: the bus or a store does not answer; ask again.
    """
    asked = _read(body)
    async with open_deployment(None) as deployment:
        if not deployment.may_withdraw():
            raise NotSwitchedOn(
                "this deployment takes no withdrawals over HTTP; deploy it with withdrawals=true, or use `mti revoke`"
            )
        stores = await deployment.withdrawal_stores()
        registry, sender = await deployment.registry(), await deployment.indicators()
        result = await WithdrawFromWorkspace(registry, stores, sender, deployment.clock).run(asked)
    return {
        "observable": observable_of(asked.observable).value,
        "workspace": asked.workspace.lower(),
        "revoked": result.revoked.total(),
        "already": result.already,
        "unserved": result.unserved.total(),
        "dry_run": asked.dry_run,
    }


def _read(body: bytes) -> WithdrawalRequest:
    if len(body) > BODY_LIMIT:
        raise ConfigurationError(f"the request has {len(body):,} bytes; at most {BODY_LIMIT:,} are read")
    try:
        return WithdrawalRequest.model_validate_json(body)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, each['loc'])) or 'the body'}: {each['msg']}" for each in error.errors()]
        raise ConfigurationError("; ".join(faults)) from None
