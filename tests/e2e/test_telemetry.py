"""Telemetry of the whole pipeline, at a collector; and that there is none where nobody asked for it."""

import json
from pathlib import Path

from mti.simulators import SentinelFault, SentinelFaultKind, Simulators
from tests.support.cli import mti, up
from tests.support.collector import Collector, SeenSpan, collecting
from tests.support.worlds import CONTOSO, FABRIKAM, SECRETS, two_tenants

GET_FEED = "POST /api/ttp/threat-intel/get-feed"
UPLOAD = "POST /workspaces/{workspace_id}/threat-intelligence-stix-objects:upload"

WATCHER = """
import atexit, json, os, sys, threading
started = []
def watch(frame, event, argument):
    started.append(threading.current_thread().name)
    sys.setprofile(None)
threading.setprofile(watch)
def tell():
    sdk = [name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))]
    with open(os.path.join(os.environ["WATCHED"], f"{os.getpid()}.json"), "w") as out:
        json.dump({"command": sys.orig_argv, "threads": started, "sdk": sdk}, out)
atexit.register(tell)
"""
"""Python runs it in every process that finds it: it writes down which threads were started and what was imported."""


def watched(folder: Path) -> dict[str, str]:
    """Return the environment in which every Python process is watched."""
    (folder / "watcher").mkdir()
    (folder / "watcher" / "sitecustomize.py").write_text(WATCHER)
    (folder / "seen").mkdir()
    return {"PYTHONPATH": str(folder / "watcher"), "WATCHED": str(folder / "seen")}


def seen(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Return what was written down of the three services."""
    found = {}
    for path in (folder / "seen").iterdir():
        document = json.loads(path.read_text())
        for service in ("fetcher", "normalizer", "publisher"):
            if f"mti.{service}" in document["command"]:
                found[service] = document
    return found


def children(collector: Collector, parent: SeenSpan, name: str) -> list[SeenSpan]:
    return [span for span in collector.named(name) if (span.trace, span.parent) == (parent.trace, parent.id)]


def parent_of(collector: Collector, child: SeenSpan) -> SeenSpan:
    (found,) = [span for span in collector.spans if (span.trace, span.id) == (child.trace, child.parent)]
    return found


async def test_a_detection_is_followed_from_mimecast_to_sentinel_and_the_metrics_add_up(tmp_path: Path) -> None:
    refused = sorted(Simulators(two_tenants()).expected(CONTOSO))[3].value
    faults = [
        SentinelFault(name="429", kind=SentinelFaultKind.RATE_LIMITED, workspace=CONTOSO, nth=1, seconds=1),
        SentinelFault(
            name="refused", kind=SentinelFaultKind.REFUSE_RECORD, holds=refused, workspace=CONTOSO, times=None
        ),
        SentinelFault(name="no role", kind=SentinelFaultKind.STATUS, status=403, workspace=FABRIKAM, times=None),
    ]
    async with collecting() as collector, Simulators(two_tenants(sentinel_faults=faults)) as world:
        env = world.write_tenants(tmp_path / "tenants.yaml") | watched(tmp_path)
        env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "MTI_TELEMETRY_LOGS": "true"}
        said = await mti(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
        assert said.status == 3, said.err
    assert any(name.startswith("Otel") for name in seen(tmp_path)["fetcher"]["threads"])

    # One detection: the page of contoso's own feed, all the way.
    (call, *_) = [
        span for span in collector.named(GET_FEED) if span.attributes["mti.source"] == "contoso/malware_customer"
    ]
    assert (call.service, call.attributes["mti.tenant"]) == ("mti-fetcher", "contoso")
    fetch = parent_of(collector, call)
    assert fetch.name == "process fetch-jobs"
    (page,) = children(collector, fetch, "send raw-pages")
    (chunk,) = children(collector, page, "process raw-pages")
    assert (chunk.service, chunk.attributes["mti.source"]) == ("mti-normalizer", "contoso/malware_customer")
    (batch,) = children(collector, chunk, "send indicators")
    (upload, *_) = [span for span in collector.named("upload") if (batch.trace, batch.id) in span.links]
    assert (upload.service, upload.attributes["mti.destination"]) == ("mti-publisher", CONTOSO)
    answers = [span.attributes["http.response.status_code"] for span in children(collector, upload, UPLOAD)]
    assert answers[-1] == 200

    # The refused part went round in the trace of its message.
    traces = {span.trace for span in collector.named("process raw-pages")}
    (dead,) = [line for line in collector.logs if line["body"] == "a message is dead-lettered"]
    assert dead["trace"] in traces
    assert dead["reason"] == "ObjectRefused"
    assert all(line["trace"] for line in collector.logs if line["body"] == "a chunk was handled")

    # The metrics say what the books say.
    document = said.document
    totals = document["totals"]
    assert collector.total("mti.detections.fetched") == totals["detections"] == 1500
    outcomes = collector.by("mti.detections", "mti.outcome")
    assert {name: outcomes[name] for name in ("new", "refreshed", "suppressed", "rejected")} == {
        name: totals[name] for name in ("new", "refreshed", "suppressed", "rejected")
    }
    for books in document["sources"]:
        tenant = books["tenant"] or books["source"]
        assert collector.total("mti.detections.fetched", mti_tenant=tenant) == books["detections"]
        assert collector.total("mti.indicators", mti_tenant=tenant) == books["indicators_new"]
    assert collector.total("mti.detections.rejected", mti_reason="TestFile") == totals["rejected"]
    assert collector.total("mti.objects", mti_outcome="accepted") == totals["accepted"] > 0
    assert collector.total("mti.objects", mti_outcome="refused") == totals["refused"] == 1
    assert collector.total("mti.freshness") == totals["accepted"]
    dead_letters = {letters["reason"]: letters["messages"] for letters in document["dead_letters"]}
    assert collector.by("mti.dead_letters", "mti.reason") == dead_letters == {"ObjectRefused": 1}
    (contoso, fabrikam) = sorted(document["destinations"], key=lambda found: str(found["destination"]))
    assert collector.total("mti.requests", mti_api="sentinel", mti_tenant="contoso") == contoso["requests"]
    assert collector.total("mti.requests.throttled", mti_tenant="contoso") == contoso["throttled"] == 1
    assert fabrikam["pause"]["reason"] == "RoleMissing"
    assert collector.by("mti.pauses", "mti.reason") == {"RoleMissing": 1}
    assert collector.total("mti.message.lag") == collector.total("messaging.process.duration") > 0

    # And nobody's secret.
    everything = b"".join(collector.raw) + repr(collector.spans).encode() + repr(collector.logs).encode()
    for secret in (*SECRETS, "ZmFicmlrYW0tc2VjcmV0LWtleQ", "fabrikam-password-Zq8", "Bearer ", "SharedAccessKey="):
        assert secret.encode() not in everything


async def test_nothing_is_exported_and_no_exporter_runs_where_nobody_asked_for_it(tmp_path: Path) -> None:
    async with Simulators(two_tenants(detections=40)) as world:
        env = world.write_tenants(tmp_path / "tenants.yaml") | watched(tmp_path)
        env |= dict.fromkeys(("OTEL_EXPORTER_OTLP_ENDPOINT", "APPLICATIONINSIGHTS_CONNECTION_STRING"), "")
        said = await mti(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
        assert said.status == 0, said.err
    found = seen(tmp_path)
    assert found.keys() == {"fetcher", "normalizer", "publisher"}
    for watch in found.values():
        assert watch["sdk"] == []
        assert not [name for name in watch["threads"] if name.startswith("Otel")]
    # Traces lead through all the same: the logs of two services name the same ones.
    traces = {
        service: {
            line["trace_id"]
            for line in map(json.loads, (tmp_path / "data" / "logs" / f"{service}-1.jsonl").read_text().splitlines())
            if "trace_id" in line
        }
        for service in ("fetcher", "normalizer")
    }
    assert traces["fetcher"] & traces["normalizer"]
