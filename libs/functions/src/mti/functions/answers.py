"""What a function says over HTTP: a status and a JSON document."""

import json
from collections.abc import Mapping
from typing import Any

import azure.functions as func


def answer(code: int, document: Mapping[str, Any]) -> func.HttpResponse:
    """Return an answer.

    Args:
        code: the status.
        document: the body, to be written as JSON.
    """
    text = json.dumps(document, ensure_ascii=False)
    return func.HttpResponse(text, status_code=code, mimetype="application/json", charset="utf-8")
