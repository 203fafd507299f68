"""A small host of one function app: `python host.py FOLDER`, on Python 3.13 and newer.

It does with triggers what the host of Azure Functions does in single dispatch, and hands everything to the real worker
library: messages are taken under a lock that is renewed, completed when the function returns and abandoned at once when
it raises; as many at a time, and as many sessions, as `host.json` allows, and one message of a session after the other.
Timers run one at a time; HTTP goes by route
(https://learn.microsoft.com/azure/azure-functions/functions-bindings-service-bus).
Names between `%` and the connection `ServiceBus` are app settings, which are its environment.

It says on stdout, in one line of JSON, which functions there are, the port and the seconds that indexing took.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import Awaitable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusReceivedMessage
from azure.servicebus.aio import AutoLockRenewer, ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import OperationTimeoutError, ServiceBusError

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.functions.worker_library import Failed, Worker, typed

TIMER_EVERY: Final = float(os.environ.get("HOST_TIMER_SECONDS", "60"))
CONNECTION: Final = "ServiceBus"
SEEKING: Final = 2
"""Slots that wait for a session at the same time."""


def say(**fields: Any) -> None:
    """Write a line for whoever started this."""
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def resolved(text: str) -> str:
    """Put app settings in the place of names."""
    return re.sub("%(.+?)%", lambda found: os.environ[found[1]], text)


def metadata_of(message: ServiceBusReceivedMessage) -> dict[str, Any]:
    """Return what is sent beside the body: numbers and times as JSON, no empty texts."""
    properties = {_text(key): _text(value) for key, value in (message.application_properties or {}).items()}
    enqueued = message.enqueued_time_utc
    return {
        "MessageId": typed(string=message.message_id),
        "LockToken": typed(string=str(message.lock_token)),
        "DeliveryCount": typed(json=json.dumps((message.delivery_count or 0) + 1)),
        "SequenceNumber": typed(json=json.dumps(message.sequence_number)),
        "EnqueuedTimeUtc": typed(json=json.dumps(enqueued.isoformat().replace("+00:00", "Z") if enqueued else None)),
        "ContentType": typed(string=message.content_type),
        "To": typed(string=message.to),
        "Subject": typed(string=message.subject),
        "CorrelationId": typed(string=message.correlation_id),
        "SessionId": typed(string=message.session_id),
        "ApplicationProperties": typed(json=json.dumps(properties)),
        "UserProperties": typed(json=json.dumps(properties)),
    }


def _text(value: object) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def body_of(message: ServiceBusReceivedMessage) -> bytes:
    """Return the bytes."""
    body = message.body
    return body if isinstance(body, bytes) else b"".join(bytes(part) for part in body)


def is_gone(error: BaseException) -> bool:
    """Say whether the bus went away. Of a link that the SDK has shut down for that by itself it raises `ValueError`."""
    shut_down = isinstance(error, ValueError) and "already been shutdown" in str(error)
    return shut_down or isinstance(error, (ServiceBusError, OSError))


class Host:
    """Runs the triggers of one app.

    Args:
        worker: the library, indexed.
        options: `host.json`.
        client: of the namespace.
        renewer: of locks.
    """

    def __init__(
        self, worker: Worker, options: dict[str, Any], client: ServiceBusClient, renewer: AutoLockRenewer
    ) -> None:
        self._worker = worker
        self._options = options["extensions"]["serviceBus"]
        self._client = client
        self._renewer = renewer
        self._calls = asyncio.Semaphore(self._options.get("maxConcurrentCalls", 16))
        self._seeking = asyncio.Semaphore(SEEKING)

    def listeners(self, function: str, trigger: dict[str, Any]) -> list[Awaitable[None]]:
        """Return what is to run for a trigger."""
        if trigger["type"] == "timerTrigger":
            return [self._timer(function, trigger["name"])]
        if trigger["type"] != "serviceBusTrigger":
            return []
        if trigger.get("isSessionsEnabled"):
            slots = self._options.get("maxConcurrentSessions", 8)
            return [self._again(self._session, function, trigger) for _ in range(slots)]
        return [self._again(self._queue, function, trigger)]

    async def _again(self, listen: Any, function: str, trigger: dict[str, Any]) -> None:
        while True:
            try:
                await listen(function, trigger)
            except OperationTimeoutError:
                continue
            except Exception as error:
                # A group is of messages that were in hand.
                _, others = error.split(is_gone) if isinstance(error, ExceptionGroup) else (None, error)
                if others is not None and not is_gone(others):
                    raise
                sys.stderr.write(f"the bus: {error!r}\n")
                await asyncio.sleep(1)

    async def _timer(self, function: str, argument: str) -> None:
        while True:
            with contextlib.suppress(Failed):
                schedule = {"IsPastDue": False, "Schedule": {}, "ScheduleStatus": {}}
                await self._worker.invoke(function, argument, typed(json=json.dumps(schedule)))
            await asyncio.sleep(TIMER_EVERY)

    async def _queue(self, function: str, trigger: dict[str, Any]) -> None:
        async with self._receiver(trigger) as receiver, asyncio.TaskGroup() as group:
            while True:
                await self._calls.acquire()
                messages = await receiver.receive_messages(max_message_count=1, max_wait_time=1)
                if not messages:
                    self._calls.release()
                for message in messages:
                    self._renewer.register(receiver, message)
                    task = group.create_task(self._one(receiver, message, function, trigger["name"]))
                    task.add_done_callback(lambda _: self._calls.release())

    async def _session(self, function: str, trigger: dict[str, Any]) -> None:
        receiver = self._receiver(trigger, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=2)
        async with contextlib.AsyncExitStack() as stack:
            async with self._seeking:
                await stack.enter_async_context(receiver)
            self._renewer.register(receiver, receiver.session)
            while messages := await receiver.receive_messages(max_message_count=1, max_wait_time=1):
                await self._one(receiver, messages[0], function, trigger["name"])

    def _receiver(self, trigger: dict[str, Any], **more: Any) -> ServiceBusReceiver:
        if "queueName" in trigger:
            return self._client.get_queue_receiver(resolved(trigger["queueName"]), **more)
        topic, subscription = resolved(trigger["topicName"]), resolved(trigger["subscriptionName"])
        return self._client.get_subscription_receiver(topic, subscription, **more)

    async def _one(
        self, receiver: ServiceBusReceiver, message: ServiceBusReceivedMessage, function: str, argument: str
    ) -> None:
        settle = receiver.complete_message
        try:
            await self._worker.invoke(function, argument, typed(bytes=body_of(message)), metadata_of(message))
        except Failed as error:
            sys.stderr.write(f"{function} raised: {error}\n")
            settle = receiver.abandon_message
        try:
            await settle(message)
        except Exception as error:
            if not is_gone(error):
                raise
            sys.stderr.write(f"{message.message_id} was not settled: {error!r}\n")


class Pages:
    """Answers HTTP by the routes of the functions, below `/api`."""

    def __init__(self, worker: Worker, triggers: dict[str, dict[str, Any]]) -> None:
        self._worker = worker
        self._functions = {
            f"/api/{trigger['route']}": (name, trigger)
            for name, trigger in triggers.items()
            if trigger["type"] == "httpTrigger"
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request of a connection, and close it."""
        method, address, _ = (await reader.readline()).decode().split()
        length = 0
        while line := (await reader.readline()).strip():
            name, _, value = line.decode().partition(":")
            length = int(value) if name.lower() == "content-length" else length
        status, body = await self._answer(method, address, await reader.readexactly(length))
        writer.write(f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async def _answer(self, method: str, address: str, body: bytes) -> tuple[str, bytes]:
        asked = urlsplit(address)
        name, trigger = self._functions.get(asked.path, ("", {}))
        if method.lower() not in [found.lower() for found in trigger.get("methods", [])]:
            return "404", b""
        request = SimpleNamespace(
            method=method,
            url=address,
            headers={},
            params={},
            query=dict(parse_qsl(asked.query)),
            body=typed(bytes=body),
        )
        try:
            answer = await self._worker.invoke(name, trigger["name"], typed(http=request))
        except Failed as error:
            return "500", str(error).encode()
        http = answer.http
        return str(http.status_code), _body(http.body)


def _body(data: Any) -> bytes:
    found = getattr(data, data.WhichOneof("data") or "", b"")
    return found if isinstance(found, bytes) else str(found).encode()


async def main(folder: Path) -> None:
    """Run the app until it is told to stop."""
    began = time.perf_counter()
    worker = Worker(folder)
    triggers = await worker.index()
    seconds = time.perf_counter() - began
    options = json.loads((folder / "host.json").read_text())
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = await asyncio.start_server(Pages(worker, triggers).serve, "127.0.0.1", 0)
    async with (
        ServiceBusClient.from_connection_string(os.environ[CONNECTION]) as client,
        AutoLockRenewer(max_lock_renewal_duration=1800) as renewer,
    ):
        host = Host(worker, options, client, renewer)
        running = [
            asyncio.ensure_future(listener)
            for function, trigger in triggers.items()
            for listener in host.listeners(function, trigger)
        ]
        say(functions=sorted(triggers), port=server.sockets[0].getsockname()[1], seconds=round(seconds, 2))
        await asyncio.wait([asyncio.ensure_future(stop.wait()), *running], return_when=asyncio.FIRST_COMPLETED)
        for task in running:
            task.cancel()
        ended = await asyncio.gather(*running, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).absolute()))
