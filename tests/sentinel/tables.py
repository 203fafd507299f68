"""The tables that the content reads: their columns, and rows of them."""

from datetime import datetime, timedelta
from typing import Any

from mti.console.preview.schemas import ARRIVED, DEFENDER, schemas

__all__ = [
    "ARRIVED",
    "DEFENDER",
    "Row",
    "Tables",
    "alert",
    "arrived",
    "at_gateway",
    "attachment",
    "delivery",
    "incident",
    "metric",
    "protected",
    "removal",
    "schemas",
    "seen_at",
    "started",
    "written",
]

Row = dict[str, Any]
Tables = dict[str, list[Row]]


def attachment(
    message: str, recipient: str, sha256: str, at: datetime, *, name: str = "Invoice.pdf", **rest: Any
) -> Row:
    return {
        "TimeGenerated": at,
        "NetworkMessageId": message,
        "RecipientEmailAddress": recipient,
        "SenderFromAddress": "billing@bad.example",
        "SHA256": sha256,
        "FileName": name,
        "FileType": "pdf",
        **rest,
    }


def delivery(message: str, recipient: str, at: datetime, *, action: str = "Delivered", **rest: Any) -> Row:
    return {
        "TimeGenerated": at,
        "NetworkMessageId": message,
        "RecipientEmailAddress": recipient,
        "SenderFromAddress": "billing@bad.example",
        "SenderFromDomain": "bad.example",
        "SenderIPv4": "198.51.100.7",
        "Subject": f"About {message}",
        "DeliveryAction": action,
        "DeliveryLocation": {"Delivered": "Inbox/folder", "Junked": "Junk folder"}.get(action, "Quarantine"),
        "EmailDirection": "Inbound",
        **rest,
    }


def removal(message: str, recipient: str, at: datetime) -> Row:
    return {
        "TimeGenerated": at,
        "NetworkMessageId": message,
        "RecipientEmailAddress": recipient,
        "ActionType": "Malware ZAP",
        "ActionResult": "Success",
        "DeliveryLocation": "Quarantine",
    }


def written(device: str, user: str, at: datetime, report: int, *, name: str = "Invoice.pdf", **hashes: Any) -> Row:
    return {
        "TimeGenerated": at,
        "DeviceId": device,
        "DeviceName": device,
        "ReportId": report,
        "ActionType": "FileCreated",
        "FileName": name,
        "FolderPath": rf"C:\Users\{user}",
        "InitiatingProcessFileName": "outlook.exe",
        "InitiatingProcessAccountUpn": user,
        "InitiatingProcessAccountName": user.partition("@")[0],
        "InitiatingProcessAccountDomain": "contoso",
        **hashes,
    }


def connected(device: str, user: str, at: datetime, report: int, to: str, **hashes: Any) -> Row:
    return {
        "TimeGenerated": at,
        "DeviceId": device,
        "DeviceName": device,
        "ReportId": report,
        "ActionType": "ConnectionSuccess",
        "InitiatingProcessAccountUpn": user,
        "RemoteIP": to,
        "RemotePort": 443,
        "RemoteUrl": "bad.example",
        **hashes,
    }


def started(device: str, user: str, at: datetime, report: int, **hashes: Any) -> Row:
    return {
        "TimeGenerated": at,
        "DeviceId": device,
        "DeviceName": device,
        "ReportId": report,
        "ActionType": "ProcessCreated",
        "FileName": "setup.exe",
        "ProcessId": 4321,
        "ProcessCommandLine": "setup.exe /q",
        "InitiatingProcessFileName": "explorer.exe",
        "AccountUpn": user,
        "AccountName": user.partition("@")[0],
        "AccountDomain": "contoso",
        **hashes,
    }


def at_gateway(source: str, sha: str, at: datetime, action: str) -> Row:
    return {
        "TimeGenerated": at,
        "DeviceVendor": "Vendor",
        "DeviceProduct": "Proxy",
        "DeviceAction": action,
        "FileName": "Invoice.pdf",
        "FileHash": sha,
        "SourceIP": source,
        "DestinationIP": "203.0.113.80",
        "SourceUserName": "alice",
        "RequestURL": "http://bad.example/i",
    }


def protected(message: str, recipient: str, sha: str, at: datetime, result: str = "safe") -> Row:
    return {
        "Time Generated": at,
        "File Hash": sha,
        "File Name": "Invoice.pdf",
        "Message ID": message,
        "Recipient Address": recipient,
        "Sender Address": "billing@bad.example",
        "Subject": f"About {message}",
        "Result": result,
    }


def received(message: str, recipient: str, sha: str, at: datetime, *, virus: str = "", rejection: str = "") -> Row:
    return {
        "Time Generated": at,
        "Sha256": sha,
        "File Name": "Invoice.pdf",
        "Message ID": message,
        "Recipients": recipient,
        "Sender Envelope": "billing@bad.example",
        "Subject": f"About {message}",
        "Virus Found": virus,
        "Rejection Type": rejection,
    }


def in_the_cloud(user: str, operation: str, name: str, at: datetime) -> Row:
    return {
        "TimeGenerated": at,
        "UserId": user,
        "Operation": operation,
        "OfficeWorkload": "OneDrive",
        "OfficeObjectId": f"https://contoso.example/{name}",
        "SourceFileName": name,
    }


def incident(number: int, at: datetime, created: datetime, **rest: Any) -> Row:
    return {
        "TimeGenerated": at,
        "IncidentNumber": number,
        "Title": f"Mimecast intelligence: incident {number}",
        "Status": "New",
        "Severity": "High",
        "CreatedTime": created,
        "Owner": {"assignedTo": "Ann"},
        "IncidentUrl": f"https://portal.example/{number}",
        "AlertIds": [],
        **rest,
    }


def alert(id: str, sha: str, at: datetime, *, kind: str = "filehash") -> Row:
    mailbox = '{"Type":"mailbox","MailboxPrimaryAddress":"alice@contoso.example"}'
    entities = f'[{{"$id":"1","Type":"{kind}","Algorithm":"SHA256","Value":"{sha}"}},{mailbox}]'
    return {"TimeGenerated": at, "SystemAlertId": id, "AlertName": "known file", "Entities": entities}


def metric(name: str, at: datetime, total: float, count: int = 1, worst: float | None = None, **labels: str) -> Row:
    return {
        "TimeGenerated": at,
        "Name": name,
        "Sum": total,
        "ItemCount": count,
        "Max": total if worst is None else worst,
        "Properties": {key.replace("__", "."): value for key, value in labels.items()},
    }


def arrived(row: Row, at: datetime) -> Row:
    """Return a row that came later than its own time."""
    return {**row, ARRIVED: at}


def seen_at(tables: Tables, now: datetime) -> Tables:
    """Return what is there at a time; a row without a time of arrival came two minutes after its own."""
    return {name: [row for row in map(_dated, rows) if row[ARRIVED] <= now] for name, rows in tables.items()}


def _dated(row: Row) -> Row:
    at = row.get("TimeGenerated", row.get("Time Generated"))
    assert at is not None
    return {ARRIVED: at + timedelta(minutes=2), **row}
