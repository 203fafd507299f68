"""The real worker library, loaded and called as the platform's worker process does. It runs on Python 3.13 and newer.

The library takes its protobuf classes from whoever loads it. So plain classes of the same names are enough, and neither
gRPC nor protobuf is needed (https://github.com/Azure/azure-functions-python-worker/tree/dev/runtimes/v2).
"""

import importlib
import json
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final


class Record:
    """Keeps what it is given, as the generated classes do."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class OneOf(Record):
    """One with a single field set, beside its name."""

    def WhichOneof(self, _kind: str) -> str | None:  # noqa: N802  protobuf's name
        return next((name for name in self.__dict__ if name != "name"), None)


def _named(name: str, base: type = Record, **fixed: int) -> type:
    return type(name, (base,), fixed)


PROTOS: Final = SimpleNamespace(
    StatusResult=_named("StatusResult", Success=1, Failure=0),
    BindingInfo=_named("BindingInfo", out=1, inout=2, undefined=0),
    TypedData=_named("TypedData", OneOf),
    ParameterBinding=_named("ParameterBinding", OneOf),
    **{
        name: _named(name)
        for name in (
            "WorkerInitResponse",
            "WorkerMetadata",
            "FunctionMetadataResponse",
            "RpcFunctionMetadata",
            "RpcRetryOptions",
            "FunctionLoadResponse",
            "InvocationResponse",
            "RpcException",
            "RpcHttp",
        )
    },
)


def typed(**one: Any) -> Any:
    """Return a value as it is sent: `string`, `bytes`, `json` or `http`; nothing for null."""
    return PROTOS.TypedData(**{name: value for name, value in one.items() if value is not None})


class Failed(Exception):
    """A function raised."""


class Worker:
    """The library, with one app.

    Args:
        folder: the app: where `function_app.py` is.
    """

    def __init__(self, folder: Path) -> None:
        sys.path.insert(0, str(folder))
        self._library: Any = importlib.import_module("azure_functions_runtime")
        self._folder = folder
        self._ids: dict[str, str] = {}

    async def index(self) -> dict[str, dict[str, Any]]:
        """Return each function's trigger, by its name.

        Raises:
            Failed: the app can't be loaded.
        """
        asked = SimpleNamespace(capabilities={}, function_app_directory=str(self._folder))
        _require(await self._call("worker_init_request", worker_init_request=asked))
        answer = _require(await self._call("functions_metadata_request"))
        found = answer.function_metadata_results
        self._ids = {each.name: each.function_id for each in found}
        return {each.name: _trigger(each.raw_bindings) for each in found}

    async def invoke(self, function: str, argument: str, data: Any, metadata: Mapping[str, Any] | None = None) -> Any:
        """Call a function and return what it returned, as it is sent.

        Raises:
            Failed: it raised.
        """
        trace_id, span_id = uuid.uuid4().hex, uuid.uuid4().hex[:16]
        asked = SimpleNamespace(
            invocation_id=str(uuid.uuid4()),
            function_id=self._ids[function],
            input_data=[PROTOS.ParameterBinding(data=data, name=argument)],
            trigger_metadata=metadata or {},
            trace_context=SimpleNamespace(trace_parent=f"00-{trace_id}-{span_id}-01", trace_state="", attributes={}),
            retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
        )
        return _require(await self._call("invocation_request", invocation_request=asked)).return_value

    async def _call(self, kind: str, **asked: Any) -> Any:
        properties = {"host": "127.0.0.1", "protos": PROTOS}
        return await getattr(self._library, kind)(
            SimpleNamespace(request=SimpleNamespace(**asked), properties=properties)
        )


def _trigger(bindings: Any) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in map(json.loads, bindings) if each["type"].endswith("Trigger"))
    return found


def _require(answer: Any) -> Any:
    if answer.result.status != PROTOS.StatusResult.Success:
        raise Failed(f"{answer.result.exception.message}\n{answer.result.exception.stack_trace}")
    return answer
