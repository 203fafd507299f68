"""What the page for one file has to say, tile by tile."""

from collections.abc import Callable

from tests.normalizer.world import NOW
from tests.sentinel.names import CONTOSO, FABRIKAM
from tests.sentinel.tables import Row
from tests.sentinel.truth import ORIGIN, Fact, View, hashes, spans, state_of, told_at
from tests.sentinel.truth_devices import mimecast_rows, ran, written
from tests.sentinel.truth_mail import mails
from tests.sentinel.world import fabrikams, uploads

PARENT = ("InitiatingProcessSHA256", "InitiatingProcessSHA1", "InitiatingProcessMD5")


def same_file(view: View, chosen: str) -> set[str]:
    """Return the hash and those that Mimecast told with it."""
    told = [fact.told.get("other_hashes", ()) for fact in view.indicators() if fact.value == chosen]
    return {chosen, *(other for each in told for other in each)}


def what_is_it(view: View, chosen: str) -> list[Row]:
    file = same_file(view, chosen)
    return [
        {
            "State": fact.state,
            "Hash": fact.value,
            "Confidence": fact.record["confidence"],
            "TLP": "amber",
            "Feed": fact.told["feed"],
            "Region": fact.told["region"],
            "FileName": fact.told.get("file_name"),
            "Extension": fact.told.get("file_extension"),
            "Bytes": fact.told.get("file_size"),
            "MimeType": fact.told.get("mime_type"),
            "SentFrom": fact.told.get("sending_ip"),
            "SeenAtLeast": fact.told["times_seen"],
        }
        for fact in view.indicators()
        if fact.value in file
    ]


def what_did_mimecast_know(view: View, chosen: str) -> list[Row]:
    """A row for every upload in sight, and one for each time that the workspace repeated it."""
    found = []
    for fact in _of(view, chosen):
        for at, record, repeated in _rows_of(view, fact):
            state = state_of(record, fact.value).lower()
            how = "repeated by Sentinel" if repeated else "uploaded"
            found.append({"TimeGenerated": at, "How": how, "State": state, "About": record["description"]})
    return found


def what_happened(view: View, chosen: str) -> list[Row]:
    file = same_file(view, chosen)
    happened: list[Row] = []
    for mail in mails(view):
        if mail["SHA256"].lower() in file:
            happened.append({"At": mail["At"], "What": "mail", "Who": mail["To"]})
            if mail["Removed"]:
                happened.append({"At": mail["Removed"]["At"], "What": "mail removed", "Who": mail["To"]})
    happened += [
        {"At": row["At"], "What": "written to disk", "Who": row["DeviceName"]} for row in _with(written(view), file)
    ]
    happened += [{"At": row["At"], "What": "ran", "Who": row["DeviceName"]} for row in _with(ran(view), file)]
    happened += [{"At": row["At"], "What": "connected", "Who": row["DeviceName"]} for row in _connected(view, file)]
    happened += [
        {"At": row["At"], "What": f"gateway: {row['DeviceAction']}", "Who": row["SourceIP"]}
        for row in view.rows("CommonSecurityLog")
        if row["FileHash"].lower() in file
    ]
    happened += [
        {"At": row["At"], "What": f"Mimecast: {row['Said']}", "Who": row["To"]}
        for row in mimecast_rows(view)
        if row["Hash"] in file
    ]
    for fact in _of(view, chosen):
        for at, record, repeated in _rows_of(view, fact):
            if not repeated:
                what = "indicator withdrawn" if record.get("revoked") else "indicator uploaded"
                happened.append({"At": at, "What": what, "Who": fact.workspace})
    for row in _incidents(view, file):
        happened.append({"At": row["CreatedTime"], "What": "incident", "Who": row["Owner"]["assignedTo"]})
        if row["Status"] == "Closed":
            happened.append({"At": row["ClosedTime"], "What": "incident closed", "Who": row["Owner"]["assignedTo"]})
    return happened


def who_received_it(view: View, chosen: str) -> list[Row]:
    return [
        {
            "MailTime": mail["At"],
            "Recipient": mail["To"],
            "DeliveryAction": mail["Fate"].get("DeliveryAction"),
            "DeliveryLocation": mail["Fate"].get("DeliveryLocation"),
            "RemovedAt": mail["Removed"].get("At"),
            "RemovedBy": mail["Removed"].get("ActionType"),
            "NetworkMessageId": mail["NetworkMessageId"],
        }
        for mail in mails(view)
        if mail["SHA256"].lower() in same_file(view, chosen)
    ]


def which_devices(view: View, chosen: str) -> list[Row]:
    file = same_file(view, chosen)
    stored = [
        {
            "At": row["At"],
            "DeviceName": row["DeviceName"],
            "UserUpn": row["InitiatingProcessAccountUpn"].lower(),
            "What": f"written by {row['InitiatingProcessFileName']}",
        }
        for row in _with(written(view), file)
    ]
    started = [
        {
            "At": row["At"],
            "DeviceName": row["DeviceName"],
            "UserUpn": row["AccountUpn"].lower(),
            "What": f"ran: {row['ProcessCommandLine']}",
        }
        for row in _with(ran(view), file)
    ]
    return [*stored, *started]


def what_did_it_start(view: View, chosen: str) -> list[Row]:
    file = same_file(view, chosen)
    return [
        {
            "StartTime": row["At"],
            "DeviceName": row["DeviceName"],
            "UserUpn": row["AccountUpn"].lower(),
            "ProgramName": row["FileName"],
        }
        for row in ran(view)
        if file & set(hashes(row, *PARENT))
    ]


def where_did_it_connect(view: View, chosen: str) -> list[Row]:
    return [
        {
            "ConnectTime": row["At"],
            "DeviceName": row["DeviceName"],
            "UserUpn": row["InitiatingProcessAccountUpn"].lower(),
            "RemoteIP": row["RemoteIP"],
        }
        for row in _connected(view, same_file(view, chosen))
    ]


def which_incidents(view: View, chosen: str) -> list[Row]:
    return [
        {"IncidentNumber": row["IncidentNumber"], "Status": row["Status"], "AssignedTo": row["Owner"]["assignedTo"]}
        for row in _incidents(view, same_file(view, chosen))
    ]


def is_it_in_the_cloud(view: View, chosen: str) -> list[Row]:
    file = same_file(view, chosen)
    names = {mail["FileName"].lower() for mail in mails(view) if mail["SHA256"].lower() in file}
    names |= {fact.told.get("file_name", "").lower() for fact in _of(view, chosen)}
    return [
        {"At": row["At"], "UserUpn": row["UserId"].lower(), "Operation": row["Operation"]}
        for row in view.rows("OfficeActivity")
        if row["SourceFileName"].lower() in names
        and len(row["SourceFileName"]) > 8
        and row["Operation"] != "FileDeleted"
    ]


TILES: dict[str, Callable[[View, str], list[Row]]] = {
    "What is this file?": what_is_it,
    "What did Mimecast know, and when?": what_did_mimecast_know,
    "What happened, in order?": what_happened,
    "Who received it, and where is it now?": who_received_it,
    "Which devices have it, and did it run?": which_devices,
    "What did it start?": what_did_it_start,
    "Where did it connect to?": where_did_it_connect,
    "Which incidents are about it?": which_incidents,
    "Is a file of this name in SharePoint, OneDrive or Teams?": is_it_in_the_cloud,
}


def _of(view: View, chosen: str) -> list[Fact]:
    file = same_file(view, chosen)
    return [fact for fact in view.indicators() if fact.value in file]


def _rows_of(view: View, fact: Fact) -> list[tuple[object, Row, bool]]:
    """Return when each row of an indicator came, what it held, and whether it was a repetition."""
    arrivals = uploads() if fact.workspace == CONTOSO else fabrikams() if fact.workspace == FABRIKAM else []
    mine = [each for each in arrivals if each.source_system == ORIGIN and each.record["id"] == fact.id]
    return [
        (at, arrival.record, at != arrival.at)
        for arrival, end in spans(mine)
        for at in told_at(arrival, end)
        if at > NOW - view.look_back
    ]


def _with(rows: list[Row], file: set[str]) -> list[Row]:
    return [row for row in rows if file & set(hashes(row))]


def _connected(view: View, file: set[str]) -> list[Row]:
    rows = view.rows("DeviceNetworkEvents")
    return [row for row in rows if row["ActionType"] == "ConnectionSuccess" and file & set(hashes(row, *PARENT))]


def _incidents(view: View, file: set[str]) -> list[Row]:
    """Return the newest word on each incident of ours whose alerts name a hash of the file as a hash."""
    named = {
        row["SystemAlertId"]
        for row in view.rows("SecurityAlert")
        for each in file
        if f'"type":"filehash","algorithm":"sha256","value":"{each}"' in row["Entities"].lower()
    }
    newest: dict[tuple[str, int], Row] = {}
    for row in sorted(view.rows("SecurityIncident"), key=lambda each: each["At"]):
        newest[row["TenantId"], row["IncidentNumber"]] = row
    ours = [row for row in newest.values() if row["Title"].startswith("Mimecast intelligence")]
    return [row for row in ours if named & set(row["AlertIds"])]
