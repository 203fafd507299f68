"""How the upload API and the authority say no."""

import orjson
from aiohttp import web

from mti.simulators.sentinel.plan import Told


class Refused(Exception):
    """A request that is turned down as a whole."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message

    def answer(self) -> web.Response:
        """Return the HTTP answer."""
        return failure(self.status, self.message)


class TokenRefused(Exception):
    """A token request that is turned down, in the words of Microsoft Entra ID."""

    def __init__(self, status: int, error: str, number: int, text: str) -> None:
        super().__init__(f"AADSTS{number}")
        self.status = status
        self.error = error
        self.number = number
        self.text = text

    def answer(self, timestamp: str, trace_id: str) -> web.Response:
        """Return the HTTP answer; see https://learn.microsoft.com/entra/identity-platform/reference-error-codes."""
        return json_answer(
            {
                "error": self.error,
                "error_description": f"AADSTS{self.number}: {self.text} Trace ID: {trace_id} Timestamp: {timestamp}",
                "error_codes": [self.number],
                "timestamp": timestamp,
                "trace_id": trace_id,
                "correlation_id": trace_id,
            },
            self.status,
        )


def json_answer(data: object, status: int = 200) -> web.Response:
    """Answer with a JSON body."""
    return web.Response(body=orjson.dumps(data), status=status, content_type="application/json")


def failure(status: int, message: str) -> web.Response:
    """An error of the whole request."""
    return json_answer({"statusCode": status, "message": message}, status)


def rate_limited(seconds: float, told: Told) -> web.Response:
    """Answer 429, which says the whole seconds to wait in its text, in `Retry-After`, in both or nowhere."""
    whole = max(1, -int(-seconds // 1))
    text = "Rate limit is exceeded."
    if told in (Told.TEXT, Told.BOTH):
        text = f"{text} Try again in {whole} seconds."
    answer = failure(429, text)
    if told in (Told.HEADER, Told.BOTH):
        answer.headers["Retry-After"] = str(whole)
    return answer


def partial(errors: dict[int, list[str]]) -> web.Response:
    """Answer 200: with an empty body when all was taken, else with what was refused, by its place in the request."""
    if not errors:
        return web.Response()
    refused = [{"recordIndex": index, "errorMessages": errors[index]} for index in sorted(errors)]
    return json_answer({"errors": refused})
