"""Two customers' workspaces with known matches. The clock stands still; everything is told relative to `NOW`.

The indicators are those that the normalizer makes of detections; what Sentinel makes of them is the simulator's part.
"""

from datetime import datetime, timedelta
from typing import Any

from mti.common.registry import Feed, IndicatorPolicy
from mti.normalizer.admission import admit
from mti.normalizer.decisions import decide, identified
from mti.normalizer.grouping import group
from mti.normalizer.indicators.building import build
from mti.normalizer.parsing import parse
from mti.simulators.sentinel.rows import Arrival, Service, rows_of
from tests.normalizer.world import NOW, chunk, md5, row, sha256, stix
from tests.sentinel import tables as rows_like
from tests.sentinel.tables import Row, Tables, arrived

CONTOSO, FABRIKAM = "contoso-workspace", "fabrikam-workspace"
ALICE, BOB, CAROL = (f"{name}@contoso.example" for name in ("alice", "bob", "carol"))
DAN = "dan@fabrikam.example"
OTHER = "OtherFeed"
TOOL = "Setup_of_the_tool.exe"


def ago(**span: float) -> datetime:
    """Return a time before now."""
    return NOW - timedelta(**span)


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

    long_known = indicators(stix("long known", ago(days=24), name="Statement.doc"), confidence=60)
    withdrawn = indicators(stix("withdrawn", ago(days=4), name="Draft.xls"))
    both = indicators(
        row("both hashes", ago(days=2), FileName="Setup_of_the_tool.exe", SendingIP="203.0.113.9"), csv=True,
        feed=Feed.MALWARE_CUSTOMER,
    )  # fmt: skip
    return [
        *came(indicators(stix("expired", ago(days=45), name="Old.doc")), days=45),
        *came(long_known, days=24),
        *came(indicators(stix("known", ago(days=6), name="Invoice_of_November.pdf")), days=6),
        *came(withdrawn, days=4),
        *came(indicators(stix("known", ago(days=6), name="Other.pdf")), source=OTHER, days=3),
        *came(indicators(stix("other's", ago(days=3))), source=OTHER, days=3),
        *came(both, days=2),
        *came([{**record, "revoked": True} for record in withdrawn], days=1),
        *came(indicators(stix("found late", ago(days=2), name="Photo.zip"), confidence=40), minutes=20),
    ]


def fabrikams() -> list[Arrival]:
    """Return what came to Fabrikam's workspace: one indicator, and nothing for five days."""
    return [Arrival(ago(days=5), "Mimecast", record) for record in indicators(stix("known", ago(days=6), name="I.pdf"))]


def tables(now: datetime = NOW) -> Tables:
    """Return all tables of both workspaces, as one sees them over both at a time."""
    contoso, fabrikam = Service(CONTOSO, repeater_as_source=True), Service(FABRIKAM)
    found: Tables = {
        "ThreatIntelIndicators": [
            *rows_of(uploads(), contoso, until=now),
            *rows_of(fabrikams(), fabrikam, until=now),
        ],
        "EmailAttachmentInfo": _attachments(),
        "EmailEvents": _deliveries(),
        "EmailPostDeliveryEvents": [rows_like.removal("m-late", BOB, ago(days=1))],
        "DeviceFileEvents": _written(),
        "DeviceProcessEvents": [
            rows_like.started("pc-1", ALICE, ago(minutes=15), 21, SHA256=sha256("both hashes"), MD5=md5("both hashes")),
            rows_like.started("pc-2", BOB, ago(minutes=15), 22, SHA256=sha256("harmless")),
        ],
        "CommonSecurityLog": [
            rows_like.at_gateway("192.0.2.10", sha256("known").upper(), ago(minutes=30), "blocked"),
            rows_like.at_gateway("192.0.2.11", md5("both hashes"), ago(minutes=30), "allowed"),
            rows_like.at_gateway("192.0.2.12", sha256("withdrawn"), ago(minutes=30), "allowed"),
        ],
        "MimecastTTPAttachment": [
            rows_like.protected("i-1", ALICE, sha256("found late").upper(), ago(hours=30)),
            rows_like.protected("i-2", BOB, sha256("found late"), ago(hours=30), "malicious"),
            rows_like.protected("i-3", CAROL, sha256("known"), ago(hours=3)),
        ],
        "MimecastCG": [],
        "OfficeActivity": [
            {"TimeGenerated": ago(hours=5), "UserId": ALICE, "Operation": "FileUploaded", "OfficeWorkload": "OneDrive",
             "OfficeObjectId": "https://contoso.example/invoice", "SourceFileName": "Invoice_of_November.pdf"},
        ],
        "SecurityIncident": _incidents(),
        "SecurityAlert": [
            rows_like.alert("a1", sha256("known").upper(), ago(hours=5)),
            rows_like.alert("a2", sha256("withdrawn"), ago(days=2)),
        ],
        "AppMetrics": _metrics(),
    }  # fmt: skip
    return {name: [_billed({"TenantId": CONTOSO, **each}) for each in rows] for name, rows in found.items()}


def _attachments() -> list[Row]:
    like, known = rows_like.attachment, sha256("known")
    return [
        like("m-live", ALICE, known.upper(), ago(minutes=20), name="Invoice_of_November.pdf"),
        like("m-live", BOB, known.upper(), ago(minutes=20), name="Invoice_of_November.pdf"),
        like("m-told", CAROL, known, ago(days=3), name="Invoice_of_November.pdf"),
        arrived(
            like("m-slow", CAROL, sha256("both hashes"), ago(hours=5), name="Setup_of_the_tool.exe"), ago(minutes=10)
        ),
        like("m-late", BOB, sha256("found late"), ago(days=3), name="Photo.zip"),
        like("m-repeated", ALICE, sha256("long known"), ago(minutes=30), name="Statement.doc"),
        like("m-expired", ALICE, sha256("expired"), ago(minutes=30)),
        like("m-withdrawn", ALICE, sha256("withdrawn"), ago(minutes=30), name="Draft.xls"),
        like("m-other", ALICE, sha256("other's"), ago(minutes=30)),
        like("m-harmless", ALICE, sha256("harmless"), ago(minutes=30)),
        like("m-renamed", BOB, sha256("changed"), ago(hours=9), name="invoice_of_november.PDF"),
        like("f-live", DAN, known, ago(minutes=25), TenantId=FABRIKAM, name="Invoice_of_November.pdf"),
        like("f-unknown", DAN, sha256("both hashes"), ago(minutes=25), TenantId=FABRIKAM),
    ]


def _deliveries() -> list[Row]:
    like = rows_like.delivery
    return [
        like("m-live", ALICE, ago(minutes=20)),
        like("m-live", BOB, ago(minutes=20), action="Blocked"),
        like("m-told", CAROL, ago(days=3)),
        arrived(like("m-slow", CAROL, ago(hours=5), action="Junked"), ago(minutes=10)),
        like("m-late", BOB, ago(days=3)),
        like("m-expired", ALICE, ago(minutes=30)),
        like("m-other-of-sender", CAROL, ago(hours=2), SenderIPv4="203.0.113.9"),
        like("m-hint", CAROL, ago(minutes=12), SenderIPv4="203.0.113.9", SenderFromAddress="new@bad.example"),
        like("f-live", DAN, ago(minutes=25), TenantId=FABRIKAM),
    ]


def _written() -> list[Row]:
    like = rows_like.written
    both = {"SHA256": sha256("both hashes"), "MD5": md5("both hashes")}
    return [
        like("pc-1", ALICE, ago(minutes=18), 11, SHA256=sha256("known").upper()),
        like("pc-2", BOB, ago(minutes=40), 12, **both),
        like("pc-3", BOB, ago(days=2, hours=20), 13, SHA256=sha256("found late")),
        arrived(like("pc-4", CAROL, ago(hours=6), 14, MD5=md5("both hashes").upper()), ago(minutes=10)),
        like("pc-5", CAROL, ago(minutes=30), 15, SHA256=sha256("withdrawn")),
        like("pc-6", CAROL, ago(minutes=30), 16, SHA256=sha256("expired")),
        like("pc-7", CAROL, ago(minutes=30), 17, SHA256=sha256("harmless")),
    ]


def _incidents() -> list[Row]:
    like, created = rows_like.incident, ago(hours=5)
    closed = {"Status": "Closed", "Classification": "FalsePositive", "ClosedTime": ago(days=1)}
    return [
        like(1, ago(hours=5), created, AlertIds=["a1"]),
        like(1, ago(hours=1), created, AlertIds=["a1"], Status="Active"),
        like(2, ago(days=2), ago(days=2), AlertIds=["a2"]),
        like(2, ago(days=1), ago(days=2), AlertIds=["a2"], **closed),
        like(3, ago(hours=2), ago(hours=2), Title="Of another rule"),
        like(4, ago(hours=3), ago(hours=3), TenantId=FABRIKAM, Severity="Medium", Owner={"assignedTo": ""}),
    ]


def _metrics() -> list[Row]:
    like, tenant = rows_like.metric, {"mti__tenant": "contoso"}
    return [
        like("mti.freshness", ago(hours=2), 600, 10, 120, **tenant),
        like("mti.freshness", ago(hours=1), 300, 5, 90, **tenant),
        like("mti.freshness", ago(hours=1), 900, 1, 900, mti__tenant="fabrikam"),
        like("mti.message.lag", ago(hours=1), 30, 3, 20, messaging__destination__name="raw-pages"),
        like("mti.pauses", ago(minutes=10), 1, mti__kind="destination", mti__tenant="contoso", mti__reason="Forbidden"),
        like("mti.pauses", ago(minutes=10), 0, mti__kind="source", mti__tenant="contoso", mti__reason="Unauthorized"),
        like("mti.dead_letters", ago(hours=1), 2, messaging__destination__name="raw-pages", mti__reason="BadHash"),
        like("mti.requests", ago(hours=1), 200, mti__api="sentinel"),
        like("mti.requests.throttled", ago(hours=1), 5, mti__api="sentinel"),
        like("mti.objects", ago(hours=1), 150, mti__outcome="accepted"),
        like("mti.objects", ago(hours=1), 3, mti__outcome="refused"),
        like("http.client.request.duration", ago(hours=1), 3),
    ]


def _billed(row: Row) -> Row:
    return {**row, "_IsBillable": "True", "_BilledSize": 2000.0}
