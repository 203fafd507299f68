"""Whose workspaces the sample shows, and the words that it is written with."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from mti.console.preview.worlds.model import Workspace


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer: a workspace and the people in it."""

    workspace: Workspace
    domain: str
    people: tuple[str, ...]
    """The parts of their addresses before the @."""
    waves: int
    """How often known files came by mail in the two weeks."""
    silent: timedelta = timedelta()
    """For how long nothing could be uploaded to the workspace."""

    def address(self, person: str) -> str:
        """Return a person's address."""
        return f"{person}@{self.domain}"


_PEOPLE: Final = (
    "adele.vance", "alex.wilber", "diego.siciliani", "grady.archie", "henrietta.mueller", "isaiah.langer",
    "johanna.lorenz", "joni.sherman", "lee.gu", "lidia.holloway", "lynne.robbins", "megan.bowen",
    "miriam.graham", "nestor.wilke", "patti.fernandez", "pradeep.gupta",
)  # fmt: skip
ANALYSTS: Final = ("Ana Ruiz", "Ben Okafor", "Chloe Martin", "")
SENDERS: Final = (
    ("billing@acme-logistics.example", "198.51.100.23"),
    ("noreply@fast-invoice.example", "198.51.100.77"),
    ("dispatch@mail.parcel.example", "203.0.113.9"),
    ("hr@crm.example.net", "203.0.113.140"),
    ("accounts@supplier-portal.example", "192.0.2.61"),
)
NAMES: Final = (
    "Invoice_{0}.pdf", "Remittance_advice_{0}.xlsm", "Purchase_order_PO-{0}.docx", "Payment_confirmation_{0}.html",
    "Scan_{0}.zip", "Delivery_note_{0}.iso", "Statement_{0}.pdf", "Voicemail_{0}.html", "Setup_{0}.exe",
    "Contract_draft_{0}.docx", "Update_{0}.js", "Quote_{0}.pdf",
)  # fmt: skip
"""A file's name, with a number in it; a few ends are more frequent, as in mail."""


def customers() -> tuple[Customer, ...]:
    """Return the sample's customers, the busiest first."""
    return (
        customer(Workspace("c0a80101-0000-4000-8000-00000000c001", "Contoso"), "contoso.example", 34),
        customer(Workspace("c0a80101-0000-4000-8000-00000000c002", "Fabrikam"), "fabrikam.example", 19),
        customer(
            Workspace("c0a80101-0000-4000-8000-00000000c003", "Northwind Traders"),
            "northwind.example",
            9,
            timedelta(hours=31),
        ),
    )


def customer(workspace: Workspace, domain: str, waves: int, silent: timedelta = timedelta()) -> Customer:
    """Return a customer with its people."""
    return Customer(workspace, domain, _PEOPLE[: max(6, min(len(_PEOPLE), waves))], waves, silent)
