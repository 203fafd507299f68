"""The words that simulated detections are written with: plausible mail attachments, senders and recipients."""

from random import Random
from typing import NamedTuple

EICAR_SHA256 = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"
EICAR_SHA1 = "3395856ce81f2b7382dee72602f798b642f14140"
EICAR_MD5 = "44d88612fea8a8f36de82e1278abb02f"

KINDS: tuple[tuple[str, str], ...] = (
    ("pdf", "application/pdf"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xlsm", "application/vnd.ms-excel.sheet.macroEnabled.12"),
    ("zip", "application/zip"),
    ("html", "text/html"),
    ("iso", "application/x-iso9660-image"),
    ("js", "application/javascript"),
    ("exe", "application/x-dosexec"),
)

_SUBJECTS = (
    "Business Proposal_Final",
    "Transaction notice",
    "Invoice 20{0:04d}",
    "Purchase Order PO-{0:04d}",
    "Remittance advice, March",
    "Payment|Confirmation {0}",
    'Quote "urgent" {0}',
    "Rechnung Nr. {0} \u2013 Mahnung",
    "Facture n°{0} été",
    "契約書_{0}",
    "Счёт на оплату {0}",
    "Überweisung|Beleg, {0}",
    "Smith & Sons; statement {0}",
    "scan_{0:04d}",
    "O'Brien contract {0}",
)
_FIRST = ("ana", "jörg", "li.wei", "marie", "o.brien", "sofia", "tom", "billing", "hr", "noreply")
_DOMAINS = (
    "acme-logistics.example",
    "fast-invoice.example",
    "mail.parcel.example",
    "bücher.example",
    "crm.example.net",
)
_OWN = ("contoso.example", "fabrikam.example", "northwind.example", "tailspin.example")


class Vocabulary(NamedTuple):
    """Pools to draw from."""

    subjects: tuple[str, ...]
    """Without an extension."""
    senders: tuple[str, ...]
    recipients: tuple[str, ...]
    ips: tuple[str, ...]


def build_vocabulary(rng: Random) -> Vocabulary:
    """Fill the pools; addresses come from the ranges that RFC 5737 and RFC 2606 keep for examples."""
    subjects = tuple(rng.choice(_SUBJECTS).format(rng.randrange(1, 9999)) for _ in range(400))
    senders = tuple(f"{rng.choice(_FIRST)}{rng.randrange(90)}@{rng.choice(_DOMAINS)}" for _ in range(300))
    recipients = tuple(f"{rng.choice(_FIRST)}.{rng.randrange(90)}@{rng.choice(_OWN)}" for _ in range(300))
    nets = ("192.0.2", "198.51.100", "203.0.113")
    ips = tuple(f"{rng.choice(nets)}.{rng.randrange(1, 255)}" for _ in range(290))
    return Vocabulary(("Business Proposal_Final", *subjects), senders, recipients, (*ips, "2001:db8::25:1"))
