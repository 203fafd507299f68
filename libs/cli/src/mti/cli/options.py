"""The options that commands share, each with one meaning everywhere."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None, typer.Option("--data", help="The folder of an embedded stack; else the Azure settings are used.")
]
TenantsFile = Annotated[
    Path | None, typer.Option("--tenants", help="The tenants file; with --data, by default that of the last run.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
All = Annotated[
    bool, typer.Option("--all", help="Show long tables whole: on a terminal, what is unwell is shown, and sums.")
]
