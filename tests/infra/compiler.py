"""Microsoft's Bicep compiler, where there is one.

It is found by `BICEP`, on the PATH, or in a folder of tools beside the clone (`../*/tools/bicep`). Nothing downloads
it: https://github.com/Azure/bicep/releases has it as one file.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
DIRECTORY = "77777777-7777-7777-7777-777777777777"
FORMER = {
    *("appName", "objectId", "appInsightsLocation", "mimecastEmail", "mimecastPassword", "mimecastAppId"),
    *("mimecastAppKey", "mimecastAccessKey", "mimecastSecretKey", "mimecastBaseURL", "activeDirectoryAppId"),
    *("activeDirectoryAppSecret", "workspaceId", "workspaceKey", "AppInsightsWorkspaceResourceID"),
}
"""The parameters of the connector that this one takes the place of
(https://learn.microsoft.com/azure/sentinel/data-connectors/mimecast-intelligence-for-microsoft-microsoft-sentinel)."""
IMAGE = f"registry.example/mti@sha256:{'0' * 64}"


def found() -> str | None:
    beside = sorted(str(path) for path in ROOT.parent.glob("*/tools/bicep") if os.access(path, os.X_OK))
    return os.environ.get("BICEP") or shutil.which("bicep") or next(iter(beside), None)


needs_compiler = pytest.mark.skipif(
    found() is None,
    reason="not run: no Bicep compiler; put `bicep` on the PATH or name it in BICEP",
)


class Compiler:
    """The compiler, at work on a copy of the templates: it writes beside what it reads."""

    def __init__(self, folder: Path) -> None:
        self.infra = folder / "infra"
        self._cache = folder / "unpacked"
        shutil.copytree(INFRA, self.infra, ignore=shutil.ignore_patterns("__pycache__"))

    def run(self, *arguments: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run the compiler."""
        compiler = found()
        assert compiler is not None
        environment = dict(os.environ) | {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "IMAGE": IMAGE}
        if not os.access(Path.home(), os.W_OK):  # where it unpacks itself once
            environment["DOTNET_BUNDLE_EXTRACT_BASE_DIR"] = str(self._cache)
        return subprocess.run(
            [compiler, *map(str, arguments)],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
            cwd=folder or self.infra / "bicep",
        )

    def snapshot(self, parameters: Path) -> dict[str, Any]:
        """Return what a deployment with these parameters would create: `predictedResources`, `outputs`."""
        where = ["--subscription-id", SUBSCRIPTION, "--tenant-id", DIRECTORY, "--resource-group", "mti"]
        done = self.run("snapshot", parameters, *where, "--location", "westeurope", "--mode", "overwrite")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(parameters.with_suffix(".snapshot.json").read_text())
        assert found["diagnostics"] == []
        return found

    def written(self, name: str, text: str, template: str = "main") -> Path:
        """Write a parameter file of a test's own beside the others."""
        path = self.infra / "bicep" / "parameters" / f"{name}.bicepparam"
        path.write_text(f"using '../{template}.bicep'\n{text}\n")
        return path
