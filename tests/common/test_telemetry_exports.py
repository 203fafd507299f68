"""Where telemetry goes, and that the work never waits for it or fails by it."""

import asyncio
import gzip
import logging
import os
import threading

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
from opentelemetry.sdk.resources import Resource

from mti.common.logs import redaction
from mti.common.telemetry import OFF, TelemetrySettings, active, calling, running, span
from mti.common.telemetry.exporters import AZURE_MONITOR_OFF, Providers, resource_of
from tests.support.collector import collecting
from tests.support.waiting import PATIENCE

SECRET = "an-otlp-secret-Zq8"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("OTEL_", "APPLICATIONINSIGHTS_", "MTI_TELEMETRY_")):
            monkeypatch.delenv(name)
    for name in AZURE_MONITOR_OFF:
        # Set and unset, so that what the exporter is told in a test is taken back after it.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_without_a_place_to_export_to_nothing_runs() -> None:
    before = threads()
    with running("fetcher", TelemetrySettings.from_environment()) as telemetry:
        assert telemetry is OFF
        assert active() is OFF
        assert threads() == before


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://127.0.0.1:1/v1/logs"},
    ],
)
def test_what_is_switched_off_or_empty_counts_as_not_set(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert not TelemetrySettings.from_environment().exports


async def test_spans_metrics_and_logs_arrive_at_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    async with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("MTI_TELEMETRY_LOGS", "true")

        def work() -> None:
            with running("fetcher", TelemetrySettings.from_environment()), span("some work"):
                active().instruments.fetched("contoso/malware_customer", 3)
                logging.getLogger("mti.some").warning("said of %s", "contoso", extra={"source": "a/b"})

        await asyncio.to_thread(work)
    (found,) = collector.spans
    assert (found.service, found.name) == ("mti-fetcher", "some work")
    assert collector.total("mti.detections.fetched", mti_tenant="contoso") == 3
    (line,) = collector.logs
    assert (line["body"], line["source"], line["trace"]) == ("said of contoso", "a/b", found.trace)
    assert active() is OFF
    assert not [name for name in threads() if name.startswith("Otel")]


def test_a_collector_that_is_gone_holds_nobody_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{unused_port()}")
    monkeypatch.setenv("MTI_TELEMETRY_FLUSH_SECONDS", "0.5")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "15")
    with running("publisher", TelemetrySettings.from_environment()):
        for _ in range(50):
            with span("some work"), calling("sentinel", "POST", "https://x", "/u") as call:
                call.answered(200)
    trying = [thread for thread in threading.enumerate() if thread.name.startswith(("Otel", "telemetry"))]
    # Whoever waited for the exporters would find none: they go on trying for many seconds.
    assert trying
    for thread in trying:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_a_malformed_connection_string_is_said_by_name_and_the_work_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", SECRET)
    with running("publisher", TelemetrySettings.from_environment()), span("some work"):
        pass
    (record,) = [found for found in caplog.records if found.name.startswith("mti.")]
    assert record.__dict__["variable"] == "APPLICATIONINSIGHTS_CONNECTION_STRING"
    assert "goes on without it" in record.getMessage()
    assert SECRET not in caplog.text


async def test_application_insights_gets_what_is_recorded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    got: list[str] = []

    async def track(request: web.Request) -> web.Response:
        body = await request.read()
        got.append((gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode())
        return web.json_response({"itemsReceived": 1, "itemsAccepted": 1, "errors": []})

    app = web.Application()
    app.router.add_post("/{path:.*}", track)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    monkeypatch.setenv(
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        f"InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=http://127.0.0.1:{port}/",
    )

    def work() -> None:
        with running("normalizer", TelemetrySettings.from_environment()), span("some work"):
            active().instruments.fetched("contoso/malware_customer", 3)

    before = threads()
    await asyncio.to_thread(work)
    await runner.cleanup()
    assert {name for name in threads() - before if not name.startswith("asyncio")} == set()
    everything = "".join(got)
    assert "some work" in everything
    assert "mti.detections.fetched" in everything
    assert "mti-normalizer" in everything
    assert [found.getMessage() for found in caplog.records] == []


def test_no_secret_is_in_an_exported_log() -> None:
    redaction.add(SECRET)
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    providers = Providers(Resource({}), [], [], [exporter])
    log = logging.getLogger("mti.some")
    try:
        raise ValueError(f"it was {SECRET}")
    except ValueError:
        log.exception("a bug with %s", SECRET, extra={"why": SECRET, "password": "short", "many": {"a": [SECRET]}})
    logging.getLogger("opentelemetry.exporter").warning("what an exporter says of itself is not exported")
    providers.close(5.0)
    (found,) = exporter.get_finished_logs()
    text = repr((found.log_record.body, dict(found.log_record.attributes or {})))
    assert SECRET not in text
    assert "short" not in text
    assert "ValueError: it was ***" in text
    assert found.log_record.severity_text == "ERROR"


def test_the_resource_says_who_speaks_and_the_environment_has_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    found = resource_of("fetcher").attributes
    assert (found["service.name"], found["service.namespace"]) == ("mti-fetcher", "mti")
    assert found["service.instance.id"]
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    found = resource_of("fetcher").attributes
    assert (found["service.name"], found["deployment.environment.name"]) == ("mine", "test")
