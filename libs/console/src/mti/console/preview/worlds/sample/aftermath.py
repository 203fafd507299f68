"""What went with the sample's mail and runs: started programs, connections, copies in the cloud, other mail."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Final

from mti.console.preview.worlds.model import Row, Tables
from mti.console.preview.worlds.sample.customers import Customer

_CHILDREN: Final = (
    ("powershell.exe", "powershell.exe -NoProfile -WindowStyle Hidden -File {name}.ps1"),
    ("cmd.exe", "cmd.exe /c whoami /all"),
    ("schtasks.exe", "schtasks.exe /create /sc onlogon /tn Updater /tr {name}"),
    ("rundll32.exe", "rundll32.exe {name}.dll,Start"),
)
"""Programs that a file starts, and their command lines."""
_REMOTES: Final = (
    ("203.0.113.50", "cdn.fast-invoice.example", 443, "ConnectionSuccess"),
    ("198.51.100.203", "update.parcel.example", 443, "ConnectionSuccess"),
    ("192.0.2.199", "", 8080, "ConnectionFailed"),
)
_HARMLESS: Final = ("Your order has shipped", "Newsletter", "Updated terms", "Invoice reminder", "Meeting moved")
_CLOUD: Final = ("FileSyncUploadedFull", "FileAccessed", "FileDownloaded")
_LONG_ENOUGH: Final = 8
"""Characters of a name beyond which the page of a file looks for it in the cloud."""


def aftermath(customer: Customer, tables: Tables, now: datetime) -> Tables:
    """Return rows that follow from a customer's events; none is later than the time of looking.

    Args:
        customer: whose.
        tables: its mail and the runs of known files, as `Events` has them.
        now: the time of looking.
    """
    rng = Random(f"aftermath of {customer.domain}")  # noqa: S311  a sample, no secret
    mails, files, runs = (
        tables.get(name, []) for name in ("EmailEvents", "EmailAttachmentInfo", "DeviceProcessEvents")
    )
    found: Tables = {
        "DeviceProcessEvents": [row for run in runs for row in _children(run, rng)],
        "DeviceNetworkEvents": [row for run in runs for row in _connections(run, rng)],
        "EmailEvents": list(_other_mail(mails, rng)),
        "MimecastCG": list(_at_mimecast(mails, files)),
        "OfficeActivity": list(_in_the_cloud(files, {run["SHA256"] for run in runs}, customer, rng)),
    }
    workspace = {"TenantId": customer.workspace.id}
    return {name: [{**row, **workspace} for row in rows if _time(row) < now] for name, rows in found.items()}


def _children(run: Row, rng: Random) -> Iterator[Row]:
    """Yield the programs that a run started within a minute; Defender names the file that started them by its hash."""
    at = run["TimeGenerated"]
    for number, (program, command) in enumerate(rng.sample(_CHILDREN, k=1 + rng.randrange(3)), start=1):
        at += timedelta(seconds=2 + 15 * rng.random())
        yield {
            **_on(run, at, number),
            "ActionType": "ProcessCreated",
            "FileName": program,
            "FolderPath": rf"C:\Windows\System32\{program}",
            "ProcessId": run["ProcessId"] + number,
            "ProcessCommandLine": command.format(name=run["FileName"].partition(".")[0]),
            "AccountUpn": run["AccountUpn"],
            "AccountName": run["AccountName"],
            "AccountDomain": run["AccountDomain"],
        }


def _connections(run: Row, rng: Random) -> Iterator[Row]:
    at = run["TimeGenerated"]
    for number, (address, name, port, outcome) in enumerate(rng.sample(_REMOTES, k=1 + rng.randrange(3)), start=11):
        at += timedelta(seconds=5 + 50 * rng.random())
        yield {
            **_on(run, at, number),
            "ActionType": outcome,
            "RemoteIP": address,
            "RemotePort": port,
            "RemoteUrl": name,
            "Protocol": "Tcp",
            "InitiatingProcessAccountUpn": run["AccountUpn"],
        }


def _on(run: Row, at: datetime, number: int) -> Row:
    """Return what an event that a run caused has of it."""
    return {
        "TimeGenerated": at,
        "DeviceId": run["DeviceId"],
        "DeviceName": run["DeviceName"],
        "ReportId": 100_000 + 100 * run["ReportId"] + number,
        "InitiatingProcessFileName": run["FileName"],
        "InitiatingProcessSHA256": run["SHA256"],
    }


def _other_mail(mails: list[Row], rng: Random) -> Iterator[Row]:
    """Yield mail without a known file: one of each sender for each who got a known file of it, and some more."""
    met: set[tuple[str, str]] = set()
    for mail in mails:
        pair = (mail["SenderFromAddress"], mail["RecipientEmailAddress"])
        if pair in met and rng.random() > 0.25:
            continue
        met.add(pair)
        message = hashlib.sha256(f"beside {mail['NetworkMessageId']}".encode()).hexdigest()[:32]
        yield {
            **mail,
            "TimeGenerated": mail["TimeGenerated"] - timedelta(hours=1 + 40 * rng.random()),
            "NetworkMessageId": message,
            "InternetMessageId": f"<{message}@{mail['SenderFromDomain']}>",
            "Subject": rng.choice(_HARMLESS),
            "DeliveryAction": "Delivered",
            "DeliveryLocation": "Inbox/folder",
            "AttachmentCount": 0,
        }


def _at_mimecast(mails: list[Row], files: list[Row]) -> Iterator[Row]:
    """Yield what Mimecast's gateway logged of every third attachment."""
    by_message = {mail["NetworkMessageId"]: mail for mail in mails}
    for file in files[::3]:
        mail = by_message[file["NetworkMessageId"]]
        refused = mail["DeliveryAction"] == "Blocked"
        yield {
            "Time Generated": file["TimeGenerated"] - timedelta(seconds=55),
            "Sha256": file["SHA256"],
            "File Name": file["FileName"],
            "Message ID": file["NetworkMessageId"],
            "Recipients": file["RecipientEmailAddress"],
            "Sender Envelope": file["SenderFromAddress"],
            "Subject": mail["Subject"],
            "Virus Found": "Malware.Generic" if refused else "",
            "Rejection Type": "Virus Signature Detection" if refused else "",
        }


def _in_the_cloud(files: list[Row], ran: set[str], customer: Customer, rng: Random) -> Iterator[Row]:
    """Yield what OneDrive and SharePoint logged: of each file that ran, and of some others."""
    met: set[str] = set()
    for file in files:
        name, digest = file["FileName"], file["SHA256"]
        if digest in met or len(name) <= _LONG_ENOUGH or not (digest in ran or rng.random() < 0.2):
            continue
        met.add(digest)
        at, who = file["TimeGenerated"], file["RecipientEmailAddress"]
        yield _cloud(customer, who, "FileUploaded", name, at + timedelta(minutes=3 + 20 * rng.random()))
        for number in range(rng.randrange(3)):
            other = customer.address(rng.choice(customer.people))
            yield _cloud(customer, other, _CLOUD[number], name, at + timedelta(hours=1 + number + 9 * rng.random()))


def _cloud(customer: Customer, who: str, operation: str, name: str, at: datetime) -> Row:
    site = f"https://{customer.domain.partition('.')[0]}-my.sharepoint.example/personal"
    return {
        "TimeGenerated": at,
        "UserId": who,
        "Operation": operation,
        "OfficeWorkload": "OneDrive",
        "OfficeObjectId": f"{site}/{who.partition('@')[0]}/Documents/{name}",
        "SourceFileName": name,
        "ClientIP": "192.0.2.20",
    }


def _time(row: Row) -> datetime:
    at: datetime = row["TimeGenerated"] if "TimeGenerated" in row else row["Time Generated"]
    return at
