"""What the rules and hunts on mail have to say."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from tests.normalizer.world import NOW
from tests.sentinel.tables import Row
from tests.sentinel.truth import Fact, View, grouped, hashes

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
WHEREABOUTS = {"Blocked": "Blocked", "Junked": "Junk folder", "Delivered": "Mailbox"}


def crossed(earlier: datetime, later: datetime, unit: timedelta) -> int:
    """Return how many full hours, or minutes, of the clock were begun in between, as `datetime_diff` counts them."""
    begin = datetime(2020, 1, 1, tzinfo=NOW.tzinfo)
    return (later - begin) // unit - (earlier - begin) // unit


def mails(view: View) -> Iterator[Row]:
    """Yield each attachment with a hash, and what became of its message for that recipient."""
    for row in view.rows("EmailAttachmentInfo"):
        if not row["SHA256"]:
            continue
        to = row["RecipientEmailAddress"].lower()
        fate = delivery(view, row["NetworkMessageId"], to)
        removed = removal(view, row["NetworkMessageId"], to)
        place = WHEREABOUTS.get(fate.get("DeliveryAction", ""), "Unknown")
        yield {**row, "To": to, "Fate": fate, "Removed": removed, "Place": "Removed later" if removed else place}


def delivery(view: View, message: str, to: str) -> Row:
    """Return the newest word on a message."""
    rows = [
        row
        for row in view.rows("EmailEvents")
        if row["NetworkMessageId"] == message and row["RecipientEmailAddress"].lower() == to
    ]
    return max(rows, key=lambda row: row["At"], default={})


def removal(view: View, message: str, to: str) -> Row:
    """Return the first time that a message was taken out of a mailbox for good."""
    rows = [
        row
        for row in view.rows("EmailPostDeliveryEvents")
        if row["NetworkMessageId"] == message
        and row["RecipientEmailAddress"].lower() == to
        and row["ActionResult"] == "Success"
        and not row["DeliveryLocation"].startswith("Inbox")
    ]
    return min(rows, key=lambda row: row["At"], default={})


def mail_matches(view: View) -> list[tuple[Row, Fact]]:
    """Return mail with a known file, with its indicator."""
    known = {(fact.workspace, fact.value): fact for fact in view.known()}
    keyed = ((mail, (mail["TenantId"], mail["SHA256"].lower())) for mail in mails(view))
    return [(mail, known[key]) for mail, key in keyed if key in known]


def in_mailbox(mail: Row) -> bool:
    return mail["Place"] in {"Mailbox", "Junk folder", "Unknown"}


def known_file_in_mail(view: View) -> list[Row]:
    found = [(mail, fact) for mail, fact in mail_matches(view) if view.is_new(mail["Came"], fact.arrived)]
    return [_told(view, group) for group in grouped(found, lambda _, fact: (fact.workspace, fact.id))]


def _told(view: View, group: list[tuple[Row, Fact]]) -> Row:
    newest, fact = max(group, key=lambda pair: pair[0]["At"])
    there = sum(in_mailbox(mail) for mail, _ in group)
    return {
        "Workspace": view.place(fact.workspace),
        "Hash": fact.value,
        "Confidence": fact.record["confidence"],
        "Feed": fact.told["feed"],
        "TLP": "amber",
        "Mails": len({mail["NetworkMessageId"] for mail, _ in group}),
        "RecipientCount": len({mail["To"] for mail, _ in group}),
        "Recipients": sorted({mail["To"] for mail, _ in group}),
        "InMailboxes": there,
        "FirstMail": min(mail["At"] for mail, _ in group),
        "NetworkMessageId": newest["NetworkMessageId"],
        "RecipientEmailAddress": newest["To"],
        "FileName": newest["FileName"],
        "Whereabouts": newest["Place"],
        "KnownBefore": fact.arrived <= newest["At"],
        "AlertSeverity": "Low" if not there else "High" if fact.record["confidence"] >= 75 else "Medium",
    }


def recipient_wrote_it_to_disk(view: View) -> list[Row]:
    written = [row for row in view.rows("DeviceFileEvents") if row["ActionType"] != "FileDeleted"]
    pairs = [
        ((mail, file), fact)
        for mail, fact in mail_matches(view)
        for file in written
        if fact.value in hashes(file)
        and file["TenantId"] == mail["TenantId"]
        and file["InitiatingProcessAccountUpn"].lower() == mail["To"]
        and mail["At"] <= file["At"] <= mail["At"] + timedelta(days=3)
        and view.is_new(mail["Came"], file["Came"], fact.arrived)
    ]
    groups = grouped(pairs, lambda pair, fact: (fact.workspace, pair[0]["To"], pair[1]["DeviceId"], fact.id))
    return [_saved(group) for group in groups]


def _saved(group: list[tuple[Any, Fact]]) -> Row:
    (mail, file), fact = min(group, key=lambda each: each[0][1]["At"])
    return {
        "RecipientEmailAddress": mail["To"],
        "DeviceName": file["DeviceName"],
        "Hash": fact.value,
        "FileTime": file["At"],
        "MailTime": mail["At"],
        "MinutesAfterMail": crossed(mail["At"], file["At"], MINUTE),
        "AlertSeverity": "High" if fact.record["confidence"] >= 50 else "Medium",
    }


def from_bad_addresses(view: View) -> list[tuple[Row, tuple[str, int, datetime]]]:
    """Return inbound mail from addresses that sent malicious files: how many files, and since when that is known."""
    facts = [fact for fact in view.indicators() if fact.state == "Active" and "sending_ip" in fact.told]
    found = []
    for row in newest_deliveries(view):
        of_it = [fact for fact in facts if fact.told["sending_ip"] == row["SenderIPv4"]]
        if of_it and row["EmailDirection"] == "Inbound":
            files = len({fact.file for fact in of_it})
            found.append((row, (row["SenderIPv4"], files, min(fact.arrived for fact in of_it))))
    return found


def newest_deliveries(view: View) -> list[Row]:
    rows = {(row["NetworkMessageId"], row["RecipientEmailAddress"].lower()) for row in view.rows("EmailEvents")}
    return [delivery(view, *key) for key in rows]


def sender_address(view: View) -> list[Row]:
    new = [(row, by) for row, by in from_bad_addresses(view) if view.is_new(row["Came"], by[2])]
    return [
        {
            "SenderIPv4": group[0][1][0],
            "FilesFromIt": group[0][1][1],
            "Mails": len({row["NetworkMessageId"] for row, _ in group}),
            "Recipients": sorted({row["RecipientEmailAddress"] for row, _ in group}),
            "NetworkMessageId": max((row for row, _ in group), key=lambda row: row["At"])["NetworkMessageId"],
            "AlertSeverity": "Low",
        }
        for group in grouped(new, lambda _, by: by)
    ]


def address_of_the_detection(view: View) -> list[Row]:
    return [
        {
            "SenderIPv4": group[0][1][0],
            "Files": group[0][1][1],
            "Mails": len({row["NetworkMessageId"] for row, _ in group}),
            "Recipients": len({row["RecipientEmailAddress"] for row, _ in group}),
            "Last": max(row["At"] for row, _ in group),
        }
        for group in grouped(from_bad_addresses(view), lambda _, by: by)
    ]


def matches_of_withdrawn(view: View) -> list[Row]:
    gone = {(fact.workspace, fact.value): fact for fact in view.indicators() if fact.state == "Withdrawn"}
    keyed = ((mail, (mail["TenantId"], mail["SHA256"].lower())) for mail in mails(view))
    return [
        {
            "WithdrawnAt": gone[key].newest,
            "MailTime": mail["At"],
            "RecipientEmailAddress": mail["To"],
            "FileName": mail["FileName"],
            "Hash": gone[key].value,
            "NetworkMessageId": mail["NetworkMessageId"],
        }
        for mail, key in keyed
        if key in gone
    ]


def other_mail_of_the_senders(view: View) -> list[Row]:
    bad = mail_matches(view)
    senders = {mail["SenderFromAddress"] for mail, _ in bad}
    with_it = {mail["NetworkMessageId"] for mail, _ in bad}
    return [
        {"SentAt": row["At"], "Sender": row["SenderFromAddress"], "NetworkMessageId": row["NetworkMessageId"]}
        for row in newest_deliveries(view)
        if row["SenderFromAddress"] in senders and row["NetworkMessageId"] not in with_it
    ]


def removed_late_or_never(view: View) -> list[Row]:
    return [
        {
            "MailTime": mail["At"],
            "RecipientEmailAddress": mail["To"],
            "Hash": fact.value,
            "StillThere": not mail["Removed"],
            "RemovedBy": mail["Removed"].get("ActionType"),
            "HoursInMailbox": crossed(mail["At"], mail["Removed"].get("At", NOW), HOUR),
            "NetworkMessageId": mail["NetworkMessageId"],
        }
        for mail, fact in mail_matches(view)
        if mail["Fate"].get("DeliveryAction") in {"Delivered", "Junked"}
    ]


def thirty_days_in_retrospect(view: View) -> list[Row]:
    return [
        {
            "MailTime": mail["At"],
            "RecipientEmailAddress": mail["To"],
            "Whereabouts": mail["Place"],
            "Hash": fact.value,
            "Confidence": fact.record["confidence"],
            "KnownBefore": fact.arrived <= mail["At"],
            "HoursBeforeIndicator": crossed(mail["At"], fact.arrived, HOUR),
            "NetworkMessageId": mail["NetworkMessageId"],
        }
        for mail, fact in mail_matches(view)
    ]


def same_name_other_hash(view: View) -> list[Row]:
    known = [fact for fact in view.known() if len(fact.value) == 64]
    bad = {(fact.workspace, fact.value) for fact in view.known()}
    found = [
        (mail, mail["FileName"].lower())
        for mail in mails(view)
        for fact in known
        if fact.workspace == mail["TenantId"]
        and fact.told.get("file_name", "").lower() == mail["FileName"].lower()
        and len(mail["FileName"]) > 8
        and (mail["TenantId"], mail["SHA256"].lower()) not in bad
    ]
    return [
        {
            "File": group[0][1],
            "Hash": group[0][0]["SHA256"].lower(),
            "Mails": len({mail["NetworkMessageId"] for mail, _ in group}),
            "Recipients": len({mail["To"] for mail, _ in group}),
            "Last": max(mail["At"] for mail, _ in group),
        }
        for group in grouped(found, lambda mail, name: (name, mail["SHA256"].lower()))
    ]


def known_file_in_the_cloud(view: View) -> list[Row]:
    named = grouped(
        ((mail, fact) for mail, fact in mail_matches(view) if len(mail["FileName"]) > 8),
        lambda mail, fact: (fact.workspace, mail["FileName"].lower(), fact.value),
    )
    return [
        {
            "At": row["At"],
            "User": row["UserId"].lower(),
            "Operation": row["Operation"],
            "File": row["SourceFileName"].lower(),
            "Hash": group[0][1].value,
            "Mails": len({mail["NetworkMessageId"] for mail, _ in group}),
        }
        for group in named
        for row in view.rows("OfficeActivity")
        if row["SourceFileName"].lower() == group[0][0]["FileName"].lower()
        and row["TenantId"] == group[0][1].workspace
        and row["Operation"] != "FileDeleted"
    ]
