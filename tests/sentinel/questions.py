"""Every query of every artefact, as it is asked of the tables of `tests/sentinel/world.py`."""

import json
import re

from infra.sentinel import solution
from infra.sentinel.content import hunts, rules
from infra.sentinel.playbooks import known_query
from infra.sentinel.workbooks import books
from tests.normalizer.world import sha256
from tests.sentinel.running import filled


def questions() -> dict[str, str]:
    """Return the queries that are deployed, by the name of what they belong to."""
    found = {f"rule/{name}": rule.compiled for name, rule in rules().items()}
    found |= {f"hunt/{name}": hunt.compiled for name, hunt in hunts().items()}
    for name, book in books().items():
        for tab in book.pages:
            for tile in tab.tiles:
                found[f"{name}/{tile.title}"] = filled(tile.compiled, **CHOSEN)
    page = solution.connector()
    found["parser"] = solution.parser()["FunctionQuery"]
    found["connector/last"] = page["dataTypes"][0]["lastDataReceivedQuery"]
    found["connector/connected"] = page["connectivityCriterias"][0]["value"][0]
    found["connector/graph"] = page["graphQueries"][0]["baseQuery"]
    files = ("known", "long known", "both hashes", "withdrawn", "deleted by hand", "expired", "other's")
    found["playbooks/known"] = of_playbooks(*files)
    found |= {f"sample/{sample['description']}": sample["query"] for sample in page["sampleQueries"]}
    return found


def of_playbooks(*files: str) -> str:
    """Return the playbooks' query for the hashes of files, with its expressions worked out."""
    query = re.sub(r"@\{string\(.*?\)\}\)", f"{json.dumps([sha256(file) for file in files])})", known_query())
    return query.replace("@{parameters('SourceSystem')}", "Mimecast")


def shown() -> dict[str, str]:
    """Return the queries whose answers `expected.yaml` holds: those that no truth is worked out for."""
    [page] = [page for page in books()["investigation"].pages if page.label == "One file"]
    worked_out = {f"investigation/{tile.title}" for tile in page.tiles}
    return {
        name: query
        for name, query in questions().items()
        if not name.startswith(("rule/", "hunt/")) and name not in worked_out
    }


HASH = sha256("known")
"""The file that the pages for one file are opened for."""
CHOSEN = {
    "Hash": HASH.upper(),
    "Value": HASH.upper(),
    "Person": "Alice@Contoso.example",
    "Device": "PC-1",
    "Customer": "contoso-workspace",
    "Tenant": "contoso",
    "Price": "4.30",
    "Names": "'contoso-workspace','Contoso','northwind-workspace','Northwind'",
}
"""What a reader chose or typed."""
