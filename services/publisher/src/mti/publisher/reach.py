"""Whether a workspace would take what is uploaded, asked before there is anything to upload."""

from mti.common.errors import Retry
from mti.common.ports.clock import Clock
from mti.common.ports.secrets import SecretResolver
from mti.common.registry import Destination
from mti.publisher.reasons import failures, refusal, silence
from mti.publisher.sentinel import (
    Accepted,
    Blocked,
    Forbidden,
    NotFound,
    SentinelClient,
    Tokens,
    TokenUnavailable,
    Unauthorized,
    Unavailable,
)


async def probe(destination: Destination, secrets: SecretResolver, clock: Clock) -> bool:
    """Get a token and make one request without any object: it costs no row.

    Args:
        destination: the workspace.
        secrets: what its references stand for.
        clock: the time.

    Returns:
        Whether the request was accepted as a whole. When it is not, Sentinel refused it for holding no object, after it
        took the token; it is not documented whether the role was looked at before that
        (https://learn.microsoft.com/azure/sentinel/stix-objects-api).

    Raises:
        Pause: for which the publisher would leave the workspace alone: the credentials, the role, the workspace.
        Retry: whoever gives tokens out does not answer.
    """
    tokens = Tokens(destination, secrets)
    client = SentinelClient(destination, tokens, clock)
    try:
        answer = await client.upload([])
    except TokenUnavailable as error:
        raise Retry("NoToken", str(error)) from error
    finally:
        await client.close()
        await tokens.close()
    match answer:
        case Unauthorized() | Forbidden() | NotFound():
            raise refusal(destination, answer)
        case Blocked():
            raise failures(destination, answer)
        case Unavailable():
            raise silence(destination, answer, 1)
    return isinstance(answer, Accepted)
