"""The incidents that the analytic rules would have made of the sample's waves, with their alerts."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

from mti.console.preview.worlds.model import Row, Tables
from mti.console.preview.worlds.sample.customers import ANALYSTS, Customer
from mti.console.preview.worlds.sample.events import Wave

_VERDICTS = (("TruePositive", 70), ("BenignPositive", 12), ("FalsePositive", 10), ("Undetermined", 8))


def incident_tables(customer: Customer, waves: Sequence[Wave], now: datetime) -> Tables:
    """Return `SecurityIncident` and `SecurityAlert` of one customer: an incident has a row for each of its states."""
    rng = Random(f"incidents of {customer.domain}")  # noqa: S311  a sample, no secret
    tables: Tables = {"SecurityIncident": [], "SecurityAlert": []}
    worth = [wave for wave in waves if wave.in_mailbox or wave.devices]
    for number, wave in enumerate(sorted(worth, key=lambda wave: wave.began), start=201):
        created = max(wave.began, wave.file.known) + timedelta(minutes=8 + 50 * rng.random())
        if created >= now:
            continue
        alert = f"{customer.domain}-alert-{number}"
        tables["SecurityAlert"].append(_alert(alert, wave, created))
        tables["SecurityIncident"] += _states(customer, number, alert, wave, created, now, rng)
    workspace = {"TenantId": customer.workspace.id}
    return {name: [{**row, **workspace} for row in rows] for name, rows in tables.items()}


def _states(
    customer: Customer, number: int, alert: str, wave: Wave, created: datetime, now: datetime, rng: Random
) -> list[Row]:
    base = {
        "TimeGenerated": created,
        "IncidentNumber": number,
        "Title": _title(wave),
        "Status": "New",
        "Severity": "High" if wave.ran else "Medium" if wave.devices or wave.in_mailbox > 1 else "Low",
        "CreatedTime": created,
        "Owner": {"assignedTo": ""},
        "IncidentUrl": f"https://security.example/incidents/{customer.domain.partition('.')[0]}/{number}",
        "AlertIds": [alert],
    }
    rows = [base]
    taken = created + timedelta(minutes=4 + 60 * rng.random())
    if taken < now and rng.random() < 0.9:
        owner = {"assignedTo": ANALYSTS[number % (len(ANALYSTS) - 1)]}
        rows.append({**base, "TimeGenerated": taken, "Status": "Active", "Owner": owner})
        closed = taken + timedelta(minutes=15 + 1_500 * rng.random() ** 2)
        if closed < now and rng.random() < 0.82:
            verdict = rng.choices([name for name, _ in _VERDICTS], [weight for _, weight in _VERDICTS])[0]
            rows.append(
                {
                    **rows[-1],
                    "TimeGenerated": closed,
                    "Status": "Closed",
                    "Classification": verdict,
                    "ClosedTime": closed,
                }
            )
    return rows


def _title(wave: Wave) -> str:
    if wave.ran:
        return f"Mimecast intelligence: {wave.file.name} ran on {wave.ran[0]}"
    if wave.devices:
        return f"Mimecast intelligence: {wave.file.name} on {wave.devices[0]}"
    return f"Mimecast intelligence: {wave.file.name} in mail to {wave.recipients[0]}"


def _alert(id: str, wave: Wave, at: datetime) -> Row:
    entities = [
        {"$id": "1", "Type": "filehash", "Algorithm": "SHA256", "Value": wave.file.sha256},
        {"$id": "2", "Type": "file", "Name": wave.file.name},
    ]
    named = [{"Type": "mailbox", "MailboxPrimaryAddress": each} for each in sorted(set(wave.recipients))]
    named += [{"Type": "host", "HostName": each} for each in sorted(set(wave.devices))]
    entities += [{"$id": str(number), **entity} for number, entity in enumerate(named, start=3)]
    return {"TimeGenerated": at, "SystemAlertId": id, "AlertName": _title(wave), "Entities": json.dumps(entities)}
