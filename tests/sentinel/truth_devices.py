"""What the rules and hunts on devices, gateways and Mimecast's own logs have to say."""

from collections.abc import Iterator
from datetime import timedelta

from tests.normalizer.world import NOW
from tests.sentinel.tables import Row
from tests.sentinel.truth import LENGTHS, Fact, View, grouped, hashes, matches
from tests.sentinel.truth_mail import HOUR, crossed, mails


def written(view: View) -> list[Row]:
    return [row for row in view.rows("DeviceFileEvents") if row["ActionType"] != "FileDeleted"]


def ran(view: View) -> list[Row]:
    return [row for row in view.rows("DeviceProcessEvents") if row["ActionType"] == "ProcessCreated"]


def known_file_on_endpoint(view: View) -> list[Row]:
    new = [(row, fact) for row, fact in matches(view, written(view)) if view.is_new(row["Came"], fact.arrived)]
    return [
        {
            **_what(view, group[0][1]),
            "DeviceName": group[0][0]["DeviceName"],
            "Events": len(group),
            "FirstWritten": min(row["At"] for row, _ in group),
            "UserUpn": group[0][0]["InitiatingProcessAccountUpn"].lower(),
            "AlertSeverity": _severity(group[0][1]),
        }
        for group in grouped(new, lambda row, fact: (fact.workspace, fact.id, row["DeviceId"]))
    ]


def known_file_executed(view: View) -> list[Row]:
    new = [(row, fact) for row, fact in matches(view, ran(view)) if view.is_new(row["Came"], fact.arrived)]
    return [
        {
            **_what(view, group[0][1]),
            "DeviceName": group[0][0]["DeviceName"],
            "Runs": len(group),
            "FirstRun": min(row["At"] for row, _ in group),
            "UserUpn": group[0][0]["AccountUpn"].lower(),
            "AlertSeverity": "High" if group[0][1].record["confidence"] >= 50 else "Medium",
        }
        for group in grouped(new, lambda row, fact: (fact.workspace, fact.id, row["DeviceId"]))
    ]


def known_file_at_gateway(view: View) -> list[Row]:
    pairs = matches(view, view.rows("CommonSecurityLog"), lambda row: hashes(row, "FileHash"))
    new = [(row, fact) for row, fact in pairs if view.is_new(row["Came"], fact.arrived)]
    found = []
    for group in grouped(new, lambda row, fact: (fact.workspace, fact.id, row["SourceIP"])):
        newest, fact = max(group, key=lambda pair: pair[0]["At"])
        stopped = newest["DeviceAction"] == "blocked"
        open_severity = "High" if fact.record["confidence"] >= 75 else "Medium"
        found.append(
            {
                **_what(view, fact),
                "SourceIP": newest["SourceIP"],
                "Events": len(group),
                "Stopped": stopped,
                "AlertSeverity": "Low" if stopped else open_severity,
            }
        )
    return found


def mimecast_rows(view: View) -> Iterator[Row]:
    """Yield what Mimecast's logs say of attachments: each with its hash, and whether it passed."""
    for row in view.rows("MimecastTTPAttachment"):
        said = {"Hash": row["File Hash"], "To": row["Recipient Address"], "Said": row["Result"]}
        yield {**row, "Log": "Attachment Protect", **{name: value.lower() for name, value in said.items()}}
    for row in view.rows("MimecastCG"):
        refused = row["Virus Found"] or row["Rejection Type"]
        said = {"Hash": row["Sha256"], "To": row["Recipients"], "Said": "refused" if refused else "safe"}
        yield {**row, "Log": "Secure Email Gateway", **{name: value.lower() for name, value in said.items()}}


def passed_by_mimecast(view: View) -> list[Row]:
    new = [
        (row, fact)
        for row in mimecast_rows(view)
        for fact in view.known()
        if row["Hash"] == fact.value
        and row["Said"] == "safe"
        and fact.arrived > row["At"]
        and view.is_new(fact.arrived)
    ]
    found = []
    for group in grouped(new, lambda _, fact: (fact.workspace, fact.id)):
        newest, fact = max(group, key=lambda pair: pair[0]["At"])
        found.append(
            {
                "Hash": fact.value,
                "Mails": len({row["Message ID"] for row, _ in group}),
                "Recipients": sorted({row["To"] for row, _ in group}),
                "SeenAt": newest["At"],
                "MessageId": newest["Message ID"],
                "Log": newest["Log"],
                "HoursUntilKnown": crossed(newest["At"], fact.arrived, HOUR),
                "AlertSeverity": _severity(fact),
            }
        )
    return found


def source_is_silent(view: View) -> list[Row]:
    """Something was uploaded twenty minutes ago: nothing is silent. Silence has a test of its own."""
    assert any(fact.newest > NOW - timedelta(hours=24) for fact in view.indicators())
    return []


def saved_by_others(view: View) -> list[Row]:
    received = {(mail["TenantId"], mail["SHA256"].lower(), mail["To"]) for mail in mails(view)}
    alone = [
        (row, fact)
        for row, fact in matches(view, written(view))
        if not any(
            (row["TenantId"], each, row["InitiatingProcessAccountUpn"].lower()) in received for each in hashes(row)
        )
    ]
    return [
        {
            "Hash": group[0][1].value,
            "UserUpn": group[0][0]["InitiatingProcessAccountUpn"].lower(),
            "First": min(row["At"] for row, _ in group),
            "Devices": len({row["DeviceId"] for row, _ in group}),
        }
        for group in grouped(alone, lambda row, fact: (fact.value, row["InitiatingProcessAccountUpn"].lower()))
    ]


def _what(view: View, fact: Fact) -> Row:
    return {
        "Workspace": view.place(fact.workspace),
        "Hash": fact.value,
        "HashType": LENGTHS[len(fact.value)],
        "Confidence": fact.record["confidence"],
        "Feed": fact.told["feed"],
    }


def _severity(fact: Fact) -> str:
    confidence = fact.record["confidence"]
    return "High" if confidence >= 75 else "Medium" if confidence >= 50 else "Low"
