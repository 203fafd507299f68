"""What happened around known files: mail, devices, gateways, Mimecast's own logs."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final

from mti.console.preview.worlds.model import Row, Tables
from mti.console.preview.worlds.sample.customers import SENDERS, Customer
from mti.console.preview.worlds.sample.files import KnownFile

DAYS: Final = 13
"""Events go back so many days."""
_KNOWN: Final = (("Blocked", 52), ("Replaced", 14), ("Junked", 18), ("Delivered", 16))
_UNKNOWN: Final = (("Delivered", 66), ("Junked", 22), ("Blocked", 12))
_REMOVALS: Final = ("Malware ZAP", "Malware ZAP", "Manual Remediation")
_PLACES: Final = {
    "Delivered": "Inbox/folder",
    "Junked": "Junk folder",
    "Blocked": "Quarantine",
    "Replaced": "Inbox/folder",
}


@dataclass(slots=True)
class Wave:
    """One file that came to several people of a customer, and what became of it."""

    file: KnownFile
    began: datetime
    recipients: list[str] = field(default_factory=list)
    in_mailbox: int = 0
    devices: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)


class Events:
    """The events of one customer.

    Args:
        customer: whose.
        files: those that its indicators name.
        now: the time of looking.
    """

    def __init__(self, customer: Customer, files: Sequence[KnownFile], now: datetime) -> None:
        self.tables: Tables = {}
        self.waves: list[Wave] = []
        self._customer = customer
        self._now = now
        self._rng = Random(f"events of {customer.domain}")  # noqa: S311  a sample, no secret
        self._number = 0
        # A file that several customers know is met by several: the order is that of the hashes.
        recent = [file for file in files if file.known > now - timedelta(days=DAYS - 3)]
        for number, file in enumerate((recent or list(files))[: customer.waves]):
            self._wave(file, number)
        for file in recent[-3:]:
            self._downloaded(file)
        for file in files[:: max(1, len(files) // 7)]:
            self._at_gateway(file)

    def _wave(self, file: KnownFile, number: int) -> None:
        rng = self._rng
        before = number % 3 != 0
        shift = (
            timedelta(minutes=30 + 4_000 * rng.random() ** 2)
            if before
            else -timedelta(minutes=25 + 1_300 * rng.random() ** 2)
        )
        began = max(min(file.known + shift, self._now - timedelta(minutes=35)), self._now - timedelta(days=DAYS))
        wave = Wave(file, began)
        sender, relay = SENDERS[(number * 2 + len(self._customer.people)) % len(SENDERS)]
        people = rng.sample(self._customer.people, k=1 + int(5 * rng.random() ** 1.6))
        for person in people:
            at = began + timedelta(seconds=int(240 * rng.random()))
            self._mail(wave, person, sender, relay, at, known=file.known <= began)
        self.waves.append(wave)

    def _mail(self, wave: Wave, person: str, sender: str, relay: str, at: datetime, *, known: bool) -> None:
        message, address = self._id("message"), self._customer.address(person)
        action = _drawn(_KNOWN if known else _UNKNOWN, self._rng)
        common = {
            "TimeGenerated": at,
            "NetworkMessageId": message,
            "RecipientEmailAddress": address,
            "SenderFromAddress": sender,
        }
        file = wave.file
        subject = file.name.rpartition(".")[0].replace("_", " ") or file.name
        self._add(
            "EmailEvents",
            {**common, "SenderFromDomain": sender.rpartition("@")[2], "SenderIPv4": relay, "Subject": subject,
             "DeliveryAction": action, "DeliveryLocation": _PLACES[action], "EmailDirection": "Inbound",
             "InternetMessageId": f"<{message}@{sender.rpartition('@')[2]}>", "AttachmentCount": 1},
        )  # fmt: skip
        self._add(
            "EmailAttachmentInfo",
            {**common, "SHA256": file.sha256, "FileName": file.name, "FileType": file.name.rpartition(".")[2]},
        )
        self._add(
            "MimecastTTPAttachment",
            {"Time Generated": at - timedelta(seconds=40), "File Hash": file.sha256, "File Name": file.name,
             "Message ID": message, "Recipient Address": address, "Sender Address": sender, "Subject": subject,
             "Result": "safe" if not known and action != "Blocked" else "malicious"},
        )  # fmt: skip
        wave.recipients.append(address)
        if action in {"Delivered", "Junked"}:
            self._delivered(wave, person, common, known=known)

    def _delivered(self, wave: Wave, person: str, common: Row, *, known: bool) -> None:
        rng, at = self._rng, common["TimeGenerated"]
        removed = max(at, wave.file.known) + timedelta(minutes=6 + 90 * rng.random())
        taken = rng.random() < (0.45 if known else 0.7) and removed < self._now
        if taken:
            self._add(
                "EmailPostDeliveryEvents",
                {**{name: common[name] for name in ("NetworkMessageId", "RecipientEmailAddress")},
                 "TimeGenerated": removed, "ActionType": rng.choice(_REMOVALS),
                 "ActionResult": "Success", "DeliveryLocation": "Quarantine"},
            )  # fmt: skip
        else:
            wave.in_mailbox += 1
        saved = at + timedelta(minutes=2 + 55 * rng.random())
        if saved < self._now and rng.random() < 0.34 and (not taken or saved < removed):
            self._saved(wave, person, saved, "outlook.exe")

    def _saved(self, wave: Wave, person: str, at: datetime, program: str) -> None:
        device = f"{self._customer.domain.partition('.')[0][:3]}-lt-{self._customer.people.index(person) + 101}"
        file, address = wave.file, self._customer.address(person)
        common = {
            "DeviceId": device,
            "DeviceName": device,
            "SHA256": file.sha256,
            "FolderPath": rf"C:\Users\{person}\Downloads",
        }
        self._add(
            "DeviceFileEvents",
            {**common, "TimeGenerated": at, "ReportId": self._next(), "ActionType": "FileCreated",
             "FileName": file.name, "InitiatingProcessFileName": program, "InitiatingProcessAccountUpn": address,
             "InitiatingProcessAccountName": person, "InitiatingProcessAccountDomain": self._customer.domain},
        )  # fmt: skip
        wave.devices.append(device)
        started = at + timedelta(minutes=1 + 12 * self._rng.random())
        if self._rng.random() < 0.4 and started < self._now:
            self._add(
                "DeviceProcessEvents",
                {**common, "TimeGenerated": started, "ReportId": self._next(), "ActionType": "ProcessCreated",
                 "FileName": file.name, "ProcessId": 2_000 + self._next(), "ProcessCommandLine": f'"{file.name}"',
                 "InitiatingProcessFileName": "explorer.exe", "AccountUpn": address, "AccountName": person,
                 "AccountDomain": self._customer.domain},
            )  # fmt: skip
            wave.ran.append(device)

    def _downloaded(self, file: KnownFile) -> None:
        person = self._rng.choice(self._customer.people)
        at = max(file.known + timedelta(hours=5), self._now - timedelta(days=DAYS))
        self._saved(Wave(file, at), person, min(at, self._now - timedelta(minutes=90)), "msedge.exe")

    def _at_gateway(self, file: KnownFile) -> None:
        at = max(file.known + timedelta(hours=3), self._now - timedelta(days=DAYS, hours=-1))
        action = self._rng.choice(("blocked", "blocked", "allowed"))
        self._add(
            "CommonSecurityLog",
            {"TimeGenerated": min(at, self._now - timedelta(minutes=50)), "DeviceVendor": "Gateway vendor",
             "DeviceProduct": "Web proxy", "DeviceAction": action, "FileName": file.name, "FileHash": file.sha256,
             "SourceIP": f"192.0.2.{10 + self._rng.randrange(60)}", "DestinationIP": "203.0.113.80",
             "SourceUserName": self._rng.choice(self._customer.people), "RequestURL": f"http://files.example/{file.name}"},
        )  # fmt: skip

    def _add(self, table: str, row: Row) -> None:
        self.tables.setdefault(table, []).append({**row, "TenantId": self._customer.workspace.id})

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _id(self, kind: str) -> str:
        text = f"{self._customer.domain}/{kind}/{self._next()}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def _drawn(weights: Sequence[tuple[str, int]], rng: Random) -> str:
    return rng.choices([name for name, _ in weights], [weight for _, weight in weights])[0]
