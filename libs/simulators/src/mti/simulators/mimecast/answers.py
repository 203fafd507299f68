"""How Mimecast says no.

The envelope and the flat gateway forms are those that public clients of the API handle; the words of codes that no
client relies on are this simulator's own.
"""

import orjson
from aiohttp import web

NO_RESULT = "err_threat_intel_feed_no_result_found"


class Refused(Exception):
    """A request that the API turns down; carries what is needed to answer it."""

    def __init__(self, status: int, code: str, message: str, *, flat: bool = False, retryable: bool = False) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.message = message
        self.flat = flat
        self.retryable = retryable

    def answer(self) -> web.Response:
        """Return the HTTP answer."""
        if self.flat:
            return flat_fail(self.status, self.code, self.message)
        return envelope(self.status, self.code, self.message, retryable=self.retryable)


def json_answer(data: object, status: int = 200) -> web.Response:
    """Answer with a JSON body."""
    return web.Response(body=orjson.dumps(data), status=status, content_type="application/json")


def success(data: list[dict[str, object]]) -> web.Response:
    """Answer a call other than get-feed: the envelope with data and no failure."""
    return json_answer({"meta": {"status": 200}, "data": data, "fail": []})


def envelope(status: int, code: str, message: str, *, retryable: bool) -> web.Response:
    """The envelope with one failure; `meta.status` repeats the HTTP status."""
    error = {"code": code, "message": message, "retryable": retryable}
    return json_answer({"meta": {"status": status}, "data": [], "fail": [{"errors": [error]}]}, status)


def flat_fail(status: int, code: str, message: str) -> web.Response:
    """The API 2.0 gateway's form."""
    return json_answer({"fail": [{"code": code, "message": message}]}, status)


def flat_error(status: int, message: str) -> web.Response:
    """The API 2.0 gateway's other form."""
    return json_answer({"error": {"message": message}}, status)


def no_result() -> web.Response:
    """Status 200: there is nothing in this window."""
    return envelope(200, NO_RESULT, "No results found for threat intel feed.", retryable=False)


def unable_to_compress() -> web.Response:
    """Status 200: there is nothing in this window, as a request for an archive is told."""
    return envelope(200, "err_threat_intel_feed_compress", "Unable to compress feeds.", retryable=False)


def no_data() -> web.Response:
    """Status 200: an envelope with neither data nor a failure."""
    return success([])


def html_page(status: int) -> web.Response:
    """What a proxy in between says."""
    text = f"<html><head><title>{status}</title></head><body><h1>Bad Gateway</h1><hr>gateway</body></html>"
    return web.Response(text=text, status=status, content_type="text/html")
