"""Two customers' workspaces with known matches. The clock stands still; everything is told relative to `NOW`.

The indicators are those that the normalizer makes of detections; what Sentinel makes of them is the simulator's part.
"""

from datetime import datetime
from typing import Any

from mti.common.registry import Feed, IndicatorPolicy
from mti.normalizer.admission import admit
from mti.normalizer.decisions import decide, identified
from mti.normalizer.grouping import group
from mti.normalizer.indicators.building import build
from mti.normalizer.parsing import parse
from mti.simulators.sentinel.rows import Arrival, Service, rows_of
from tests.normalizer.world import NOW, chunk, md5, row, sha256, stix
from tests.sentinel import events
from tests.sentinel import tables as rows_like
from tests.sentinel.names import (
    ALICE,
    BOB,
    CAROL,
    CONTOSO,
    DELETED,
    FABRIKAM,
    OTHER,
    THREE,
    TOOL,
    ago,
)
from tests.sentinel.tables import Row, Tables, arrived


def indicators(
    *records: list[Any], csv: bool = False, feed: Feed = Feed.MALWARE_GRID, confidence: int = 80
) -> list[Row]:
    """Return the indicators that the normalizer makes of detections, as they are uploaded."""
    policy = IndicatorPolicy(confidence=confidence)
    groups = identified(group(admit(parse(chunk(*records, csv=csv)).sightings, policy).sightings))
    entries = [decision.emits for decision in decide(groups, {}, policy, "a chunk")]
    made = [build(entry, policy, feed, "eu") for entry in entries if entry is not None]
    return [found.model_dump(mode="json", exclude_none=True) for found in made]


def uploads() -> list[Arrival]:
    """Return what came to Contoso's workspace, in order."""

    def came(records: list[Row], *, source: str = "Mimecast", **span: float) -> list[Arrival]:
        return [Arrival(ago(**span), source, record) for record in records]

    long_known = indicators(stix("long known", ago(days=24), name="Plan.doc"), confidence=60)
    withdrawn = indicators(
        row("withdrawn", ago(days=4), MD5=None, FileName="Draft.xls", SendingIP="203.0.113.77"), csv=True
    )
    found_late = row("found late", ago(days=2), MD5=None, FileName="Photo.zip", SendingIP="203.0.113.50")
    three = indicators(stix("three", ago(days=5), name="Tool_of_Three.exe", pattern=THREE))
    both = indicators(
        row("both hashes", ago(days=2), FileName=TOOL, SendingIP="203.0.113.9", FileMimeType="application/pdf"),
        csv=True,
        feed=Feed.MALWARE_CUSTOMER,
    )
    disguised = indicators(
        row("disguised", ago(days=5), MD5=None, FileName="Plan.docx", FileMimeType="application/x-dosexec"),
        csv=True,
        feed=Feed.MALWARE_CUSTOMER,
    )
    url = indicators(stix("a page", ago(days=3), name="Link", pattern="[url:value = 'http://bad.example/i']"))
    return [
        *came(indicators(stix("expired", ago(days=38), name="Old.doc")), days=36, hours=12),
        *came(long_known, days=24),
        *came(indicators(stix("known", ago(days=6), name="Invoice_of_November.pdf")), days=6),
        *came(disguised, days=5),
        *came(three, days=5),
        *came(withdrawn, days=4),
        *came(indicators(stix("known", ago(days=6), name="Other.pdf")), source=OTHER, days=3),
        *came(indicators(stix("other's", ago(days=3))), source=OTHER, days=3),
        *came(indicators(stix("deleted by hand", ago(days=3), name="Deleted.doc")), days=3),
        *came(url, days=3),
        *came(both, days=2),
        *came([{**record, "revoked": True} for record in withdrawn], days=1),
        *came(indicators(found_late, csv=True, confidence=40), minutes=20),
    ]


def fabrikams() -> list[Arrival]:
    """Return what came to Fabrikam's workspace: two indicators, and nothing for five days."""
    known, draft = stix("known", ago(days=6), name="I.pdf"), stix("withdrawn", ago(days=6), name="Draft.xls")
    return [Arrival(ago(days=5), "Mimecast", record) for record in indicators(known, draft)]


def tables(now: datetime = NOW) -> Tables:
    """Return all tables of both workspaces, as one sees them over both at a time."""
    contoso, fabrikam = Service(CONTOSO, repeater_as_source=True), Service(FABRIKAM)
    indicators_of_both = [*rows_of(uploads(), contoso, until=now), *rows_of(fabrikams(), fabrikam, until=now)]
    found: Tables = {
        "ThreatIntelIndicators": [_as_the_portal_has_it(row) for row in indicators_of_both],
        "EmailAttachmentInfo": events.attachments(),
        "EmailEvents": events.deliveries(),
        "EmailPostDeliveryEvents": [
            rows_like.removal("m-late", BOB.upper(), ago(days=1)),
            {**rows_like.removal("m-late", BOB, ago(hours=1)), "ActionType": "Redelivery"},
            {**rows_like.removal("m-told", CAROL, ago(days=2)), "ActionResult": "Failed"},
            {**rows_like.removal("m-slow", CAROL, ago(hours=3)), "DeliveryLocation": "Inbox/folder"},
            arrived(rows_like.removal("m-live", ALICE, ago(days=41)), ago(hours=1)),
        ],
        "DeviceFileEvents": events.written(),
        "DeviceProcessEvents": events.started(),
        "DeviceNetworkEvents": events.connected(),
        "CommonSecurityLog": [
            rows_like.at_gateway("192.0.2.10", sha256("known").upper(), ago(minutes=30), "blocked"),
            rows_like.at_gateway("192.0.2.11", md5("both hashes"), ago(minutes=30), "allowed"),
            rows_like.at_gateway("192.0.2.12", sha256("withdrawn"), ago(minutes=30), "allowed"),
            rows_like.at_gateway("192.0.2.13", sha256("long known"), ago(days=3), "allowed"),
            rows_like.at_gateway("192.0.2.14", sha256("found late"), ago(days=3), "allowed"),
            rows_like.at_gateway("192.0.2.15", "", ago(minutes=30), "allowed"),
            arrived(rows_like.at_gateway("192.0.2.16", sha256("known"), ago(days=40), "allowed"), ago(minutes=9)),
        ],
        "MimecastTTPAttachment": [
            rows_like.protected("i-1", ALICE.upper(), sha256("found late").upper(), ago(hours=30), "Safe"),
            rows_like.protected("i-7", BOB, sha256("found late"), ago(minutes=5)),
            rows_like.protected("i-2", BOB, sha256("found late"), ago(hours=30), "malicious"),
            rows_like.protected("i-3", CAROL, sha256("known"), ago(hours=3)),
            rows_like.protected("i-4", CAROL, sha256("known"), ago(days=8)),
            rows_like.protected("i-5", CAROL, "", ago(hours=3)),
            arrived(rows_like.protected("i-6", CAROL, sha256("found late"), ago(days=40)), ago(minutes=9)),
        ],
        "MimecastCG": [
            rows_like.received("g-1", BOB.upper(), sha256("found late").upper(), ago(hours=28)),
            rows_like.received("g-2", ALICE, sha256("found late"), ago(hours=28), virus="Trojan.X"),
            rows_like.received("g-3", ALICE, sha256("found late"), ago(hours=28), rejection="Virus"),
            rows_like.received("g-4", ALICE, "", ago(hours=28)),
            arrived(rows_like.received("g-5", ALICE, sha256("found late"), ago(days=40)), ago(minutes=9)),
        ],
        "OfficeActivity": [
            rows_like.in_the_cloud(ALICE, "FileUploaded", "Invoice_of_November.pdf", ago(hours=5)),
            rows_like.in_the_cloud(BOB, "FileDeleted", "Invoice_of_November.pdf", ago(hours=4)),
            rows_like.in_the_cloud(BOB.upper(), "FileAccessed", TOOL.upper(), ago(hours=3)),
            rows_like.in_the_cloud(BOB, "FileAccessed", "Plan.doc", ago(hours=2)),
            rows_like.in_the_cloud(BOB, "FileAccessed", "Old.doc", ago(hours=2)),
            rows_like.in_the_cloud(BOB, "FileAccessed", "tool_of_three.EXE", ago(hours=2)),
            rows_like.in_the_cloud(BOB, "FileAccessed", "rechnung_november.pdf", ago(hours=2)),
            rows_like.in_the_cloud(BOB, "FileAccessed", "Photo.zip", ago(hours=3)),
            arrived(rows_like.in_the_cloud(BOB, "FileUploaded", TOOL, ago(days=40)), ago(hours=3)),
        ],
        "SecurityIncident": _incidents(),
        "SecurityAlert": [
            rows_like.alert("a1", sha256("known").upper(), ago(hours=5), kind="FileHash"),
            rows_like.alert("a2", sha256("withdrawn"), ago(days=2)),
            arrived(rows_like.alert("a5", sha256("known"), ago(days=40)), ago(hours=5)),
            rows_like.alert("a6", sha256("known"), ago(hours=1), kind="file"),
        ],
        "AppMetrics": _metrics(),
    }
    return {name: [_billed({"TenantId": CONTOSO, **each}) for each in rows] for name, rows in found.items()}


def _as_the_portal_has_it(row: Row) -> Row:
    """One was deleted by hand there, and a marking is written in capitals where Microsoft's pages have it so."""
    level = row["AdditionalFields"]["TLPLevel"]
    fields = {"TLPLevel": level.capitalize() if row["TenantId"] == FABRIKAM else level}
    return {**row, "IsDeleted": row["ObservableValue"] == DELETED, "AdditionalFields": fields}


def _incidents() -> list[Row]:
    like, created = rows_like.incident, ago(hours=5)
    closed = {"Status": "Closed", "Classification": "FalsePositive", "ClosedTime": ago(days=1)}
    return [
        like(1, ago(hours=5), created, AlertIds=["a1"]),
        like(1, ago(hours=1), created, AlertIds=["a1"], Status="Active"),
        like(2, ago(days=2), ago(days=2), AlertIds=["a2"]),
        like(2, ago(days=1), ago(days=2), AlertIds=["a2"], **closed),
        like(3, ago(hours=2), ago(hours=2), Title="Of another rule", AlertIds=["a1"]),
        like(4, ago(hours=3), ago(hours=3), TenantId=FABRIKAM, Severity="Medium", Owner={"assignedTo": ""}),
        arrived(like(5, ago(days=40), ago(days=40), AlertIds=["a1"]), ago(hours=3)),
        like(6, ago(hours=1), ago(hours=1), AlertIds=["a5", "a6"]),
    ]


def _metrics() -> list[Row]:
    like = rows_like.metric
    tenant: dict[str, Any] = {"mti__tenant": "contoso"}
    return [
        like("mti.freshness", ago(hours=2), 600, 10, 120, **tenant),
        like("mti.freshness", ago(hours=1), 300, 5, 90, **tenant),
        like("mti.freshness", ago(hours=1), 900, 1, 900, mti__tenant="fabrikam"),
        like("mti.message.lag", ago(hours=1), 30, 3, 20, messaging__destination__name="raw-pages"),
        like("mti.pauses", ago(minutes=10), 1, mti__kind="destination", mti__tenant="contoso", mti__reason="Forbidden"),
        like("mti.pauses", ago(minutes=10), 0, mti__kind="source", mti__tenant="contoso", mti__reason="Unauthorized"),
        like("mti.dead_letters", ago(hours=1), 2, messaging__destination__name="raw-pages", mti__reason="BadHash"),
        like("mti.requests", ago(hours=1), 200, mti__api="sentinel", **tenant),
        like("mti.requests.throttled", ago(hours=1), 5, mti__api="sentinel", **tenant),
        like("mti.requests", ago(hours=1), 40, mti__api="mimecast", **tenant),
        like("mti.requests.throttled", ago(hours=1), 0, mti__api="mimecast", **tenant),
        like("mti.retries", ago(hours=2), 4, messaging__destination__name="indicators", mti__reason="Throttled"),
        like("mti.retries", ago(hours=2), 0, messaging__destination__name="indicators", mti__reason="Unavailable"),
        like("mti.detections", ago(hours=2), 12, mti__outcome="new", **tenant),
        like("mti.detections", ago(hours=1), 8, mti__outcome="new", **tenant),
        like("mti.detections", ago(hours=1), 3, mti__outcome="rejected", **tenant),
        like("mti.detections.rejected", ago(hours=1), 3, mti__reason="BadHash", **tenant),
        like("mti.clock.ahead", ago(hours=1), 90, mti__api="entra"),
        like("mti.clock.ahead", ago(minutes=30), -2, mti__api="sentinel"),
        like("mti.objects", ago(hours=1), 150, mti__outcome="accepted"),
        like("mti.objects", ago(hours=1), 3, mti__outcome="refused"),
        like("http.client.request.duration", ago(hours=1), 3),
    ]


def _billed(row: Row) -> Row:
    return {**row, "_IsBillable": "True", "_BilledSize": 2000.0}
