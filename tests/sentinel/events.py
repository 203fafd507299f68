"""What happened to mail and on devices: what a rule must find, and beside each what it must not."""

from tests.normalizer.world import md5, sha256
from tests.sentinel import tables as rows_like
from tests.sentinel.names import ALICE, BOB, CAROL, DAN, DELETED, FABRIKAM, MD5, SHA1, TOOL, ago
from tests.sentinel.tables import Row, arrived


def attachments() -> list[Row]:
    like, known = rows_like.attachment, sha256("known")
    return [
        like("m-live", ALICE, known.upper(), ago(minutes=20), name="Invoice_of_November.pdf"),
        like("m-live", BOB.upper(), known.upper(), ago(minutes=21), name="Invoice_of_November.pdf"),
        like("m-told", CAROL, known, ago(days=3), name="Rechnung_November.PDF"),
        arrived(like("m-slow", CAROL, sha256("both hashes"), ago(hours=5), name=TOOL), ago(minutes=10)),
        like("m-late", BOB, sha256("found late"), ago(days=3), name="Photo.zip"),
        like("m-repeated", ALICE, sha256("long known"), ago(minutes=30), name="Plan.doc"),
        like("m-expired", ALICE, sha256("expired"), ago(minutes=31)),
        like("m-withdrawn", ALICE, sha256("withdrawn"), ago(minutes=32), name="Draft.xls"),
        like("m-deleted", ALICE, DELETED, ago(minutes=33), name="Deleted.doc"),
        like("m-other", ALICE, sha256("other's"), ago(minutes=34)),
        like("m-harmless", ALICE, sha256("harmless"), ago(minutes=35)),
        like("m-no-hash", ALICE, "", ago(minutes=36)),
        like("m-short-name", BOB, sha256("changed too"), ago(hours=9), name="Plan.doc"),
        like("m-like-deleted", BOB, sha256("changed as well"), ago(hours=9), name="Deleted.doc"),
        like("m-renamed", BOB, sha256("changed"), ago(hours=9), name="invoice_of_november.PDF"),
        arrived(like("m-old", ALICE, known, ago(days=40), name="Invoice_of_November.pdf"), ago(minutes=5)),
        like("f-live", DAN, known, ago(minutes=25), TenantId=FABRIKAM, name="Invoice_of_November.pdf"),
        like("f-draft", DAN, sha256("withdrawn"), ago(minutes=24), TenantId=FABRIKAM, name="Draft.xls"),
        like("f-renamed", DAN, sha256("changed here"), ago(hours=3), TenantId=FABRIKAM, name=TOOL),
        like("f-named", DAN, sha256("found late"), ago(hours=4), TenantId=FABRIKAM, name="Draft.xls"),
        like("f-unknown", DAN, sha256("both hashes"), ago(minutes=26), TenantId=FABRIKAM),
    ]


def deliveries() -> list[Row]:
    like = rows_like.delivery
    return [
        like("m-live", ALICE.upper(), ago(minutes=20)),
        like("m-live", BOB, ago(minutes=21), action="Blocked"),
        like("m-told", CAROL, ago(days=3)),
        like("m-told", CAROL, ago(days=3, minutes=1), action="Junked"),
        arrived(like("m-slow", CAROL, ago(hours=5), action="Junked"), ago(minutes=10)),
        like("m-late", BOB, ago(days=3)),
        like("m-expired", ALICE, ago(minutes=31)),
        like("m-other-of-sender", CAROL, ago(hours=2), SenderIPv4="203.0.113.9"),
        like("m-hint", CAROL, ago(minutes=12), SenderIPv4="203.0.113.9", SenderFromAddress="new@bad.example"),
        like("m-withdrawn-address", CAROL, ago(minutes=15), SenderIPv4="203.0.113.77",
             SenderFromAddress="old@bad.example"),
        like("m-address-found-late", CAROL, ago(hours=2), SenderIPv4="203.0.113.50",
             SenderFromAddress="late@bad.example"),
        like("m-out", "x@bad.example", ago(minutes=13), SenderIPv4="203.0.113.9", EmailDirection="Outbound",
             SenderFromAddress=ALICE),
        like("m-no-address", CAROL, ago(minutes=14), SenderIPv4="", SenderFromAddress="none@bad.example"),
        arrived(like("m-old", ALICE, ago(days=40), SenderIPv4="203.0.113.9"), ago(minutes=5)),
        like("f-live", DAN, ago(minutes=25), TenantId=FABRIKAM),
    ]  # fmt: skip


def written() -> list[Row]:
    like, known = rows_like.written, sha256("known")
    both = {"SHA256": sha256("both hashes"), "MD5": md5("both hashes")}
    return [
        like("pc-1", ALICE.upper(), ago(minutes=18), 11, SHA256=known.upper()),
        like("pc-2", BOB, ago(minutes=40), 12, **both),
        like("pc-3", BOB, ago(days=2, hours=20), 13, SHA256=sha256("found late")),
        arrived(like("pc-4", CAROL, ago(hours=6), 14, MD5=md5("both hashes").upper()), ago(minutes=10)),
        like("pc-5", CAROL, ago(minutes=30), 15, SHA256=sha256("withdrawn")),
        like("pc-6", CAROL, ago(minutes=30), 16, SHA256=sha256("expired")),
        like("pc-7", CAROL, ago(minutes=30), 17, SHA256=sha256("harmless")),
        like("pc-8", CAROL, ago(minutes=30), 18, SHA256=DELETED),
        like("pc-9", CAROL, ago(days=2), 19, SHA256=known),
        {**like("pc-10", CAROL, ago(minutes=29), 20, SHA256=known), "ActionType": "FileDeleted"},
        like("pc-11", ALICE, ago(days=5), 31, SHA256=known),
        like("pc-12", CAROL, ago(minutes=28), 32, SHA256=sha256("long known")),
        arrived(like("pc-13", CAROL, ago(days=40), 33, SHA256=known), ago(minutes=9)),
        like("pc-14", BOB, ago(minutes=19), 34, SHA256=known),
        like("pc-15", CAROL, ago(hours=4), 51, SHA256=sha256("both hashes")),
        arrived(like("pc-16", CAROL, ago(days=2), 52, SHA256=known), ago(minutes=9)),
        like("pc-17", BOB, ago(minutes=27), 53, SHA1=SHA1.upper()),
        like("f-pc-2", BOB, ago(minutes=18), 54, TenantId=FABRIKAM, SHA256=known),
        like("f-pc-1", DAN, ago(minutes=22), 35, TenantId=FABRIKAM, **both),
    ]


def started() -> list[Row]:
    like, known = rows_like.started, sha256("known")
    both = {"SHA256": sha256("both hashes"), "MD5": md5("both hashes")}
    child = {"InitiatingProcessSHA256": sha256("both hashes").upper(), "InitiatingProcessMD5": md5("both hashes")}
    return [
        like("pc-1", ALICE, ago(minutes=15), 21, **both),
        like("pc-2", BOB, ago(minutes=15), 22, SHA256=sha256("harmless")),
        like("pc-1", ALICE, ago(minutes=14), 23, SHA256=sha256("shell"), **child),
        like("pc-3", BOB, ago(days=2), 24, SHA256=known.upper()),
        like("pc-5", CAROL, ago(minutes=16), 25, SHA256=sha256("withdrawn")),
        {**like("pc-6", CAROL, ago(minutes=17), 26, **both), "ActionType": "OpenProcess"},
        {**like("pc-6", CAROL, ago(minutes=17), 27, SHA256=sha256("shell"), **child), "ActionType": "OpenProcess"},
        arrived(like("pc-7", CAROL, ago(days=40), 28, **both), ago(minutes=8)),
        arrived(like("pc-7", CAROL, ago(days=40), 29, SHA256=sha256("shell"), **child), ago(minutes=8)),
        like("pc-8", CAROL, ago(days=1), 30, SHA256=sha256("found late")),
        like("pc-17", BOB.upper(), ago(minutes=26), 55, SHA1=SHA1.upper()),
        like("pc-18", BOB, ago(minutes=25), 56, MD5=MD5.upper()),
        like("pc-19", BOB, ago(minutes=24), 57, SHA256=sha256("three").upper()),
        like("pc-17", BOB.upper(), ago(minutes=23), 58, SHA256=sha256("shell"), InitiatingProcessSHA1=SHA1.upper()),
        like("pc-18", BOB, ago(minutes=22), 59, SHA256=sha256("shell"), InitiatingProcessMD5=MD5.upper()),
        like("pc-19", BOB, ago(minutes=21), 60, InitiatingProcessSHA256=sha256("three").upper()),
        {**like("pc-6", CAROL, ago(minutes=17), 62, InitiatingProcessSHA1=SHA1), "ActionType": "OpenProcess"},
        arrived(like("pc-7", CAROL, ago(days=40), 63, InitiatingProcessSHA1=SHA1), ago(minutes=8)),
        like("pc-20", BOB, ago(minutes=20), 61, InitiatingProcessSHA256=sha256("harmless")),
        like("f-pc-1", DAN, ago(minutes=11), 36, TenantId=FABRIKAM, **both),
    ]


def connected() -> list[Row]:
    like = rows_like.connected
    by = {"InitiatingProcessSHA256": sha256("both hashes").upper(), "InitiatingProcessMD5": md5("both hashes")}
    return [
        like("pc-1", ALICE, ago(minutes=13), 41, "198.51.100.99", **by),
        {**like("pc-1", ALICE, ago(minutes=12), 42, "198.51.100.98", **by), "ActionType": "ListeningConnectionCreated"},
        like("pc-2", BOB, ago(minutes=11), 43, "198.51.100.97", InitiatingProcessSHA256=sha256("harmless")),
        arrived(like("pc-1", ALICE, ago(days=40), 44, "198.51.100.96", **by), ago(minutes=8)),
        like("pc-17", BOB.upper(), ago(minutes=22), 45, "198.51.100.95", InitiatingProcessSHA1=SHA1.upper()),
        {
            **like("pc-6", CAROL, ago(minutes=17), 48, "198.51.100.92", InitiatingProcessSHA1=SHA1),
            "ActionType": "ListeningConnectionCreated",
        },
        arrived(like("pc-7", CAROL, ago(days=40), 49, "198.51.100.91", InitiatingProcessSHA1=SHA1), ago(minutes=8)),
        like("pc-18", BOB, ago(minutes=21), 46, "198.51.100.94", InitiatingProcessMD5=MD5.upper()),
        like("pc-19", BOB, ago(minutes=20), 47, "198.51.100.93", InitiatingProcessSHA256=sha256("three").upper()),
    ]
