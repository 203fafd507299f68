"""The function apps, and what each is made of."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import azure.functions as func

ROOT = Path(__file__).parents[2]
SERVICES = ("fetcher", "normalizer", "publisher")


def folder_of(service: str) -> Path:
    """Return the folder that is a function app."""
    return ROOT / "services" / service


def load(service: str) -> Any:
    """Import the `function_app.py` of a service, under a name of its own."""
    name = f"function_app_of_{service}"
    spec = importlib.util.spec_from_file_location(name, folder_of(service) / "function_app.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bindings_of(app: func.FunctionApp) -> dict[str, dict[str, Any]]:
    """Return each function's trigger, by its name, as the library describes it to the platform."""
    return {
        str(function.get_function_name()): next(
            found for found in map(json.loads, function.get_raw_bindings()) if found["type"].lower().endswith("trigger")
        )
        for function in app.get_functions()
    }
