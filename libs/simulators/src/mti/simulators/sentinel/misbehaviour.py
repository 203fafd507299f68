"""Answers that a well-behaved server would not give."""

import base64
import secrets

from aiohttp import web

from mti.simulators.sentinel.answers import failure
from mti.simulators.sentinel.plan import SentinelFault, SentinelFaultKind


def misanswer(fault: SentinelFault) -> web.Response:
    """Return the answer that a rule says, for kinds that are an answer and nothing else."""
    if fault.kind is SentinelFaultKind.RAW:
        headers = {"Content-Type": "application/json", **fault.headers}
        return web.Response(body=fault.body.encode(errors="surrogatepass"), status=fault.status, headers=headers)
    if fault.kind is SentinelFaultKind.HTML:
        text = f"<html><body><h1>{fault.status}</h1></body></html>"
        return web.Response(text=text, status=fault.status, content_type="text/html")
    return failure(fault.status, fault.message.replace("{reference}", _reference()))


def _reference() -> str:
    return base64.b64encode(secrets.token_bytes(24)).decode()
