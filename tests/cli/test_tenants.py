"""`mti tenants` as a user runs it: the command's own main, in this process, since a new one each time takes long."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mti.cli.main import main
from tests.common.tenants import destination, tenant
from tests.support.cli import Said

Mti = Callable[..., Said]


def write(path: Path, *tenants: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump({"tenants": list(tenants)}))
    return path


def fabrikam(**changes: Any) -> dict[str, Any]:
    return tenant("fabrikam", destinations=[destination(2)], **changes)


@pytest.fixture
def mti(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mti:
    def run(*arguments: str | Path, env: dict[str, str] | None = None) -> Said:
        with monkeypatch.context() as patch:
            for name, value in {"COLUMNS": "200", **(env or {})}.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["mti", *map(str, arguments)])
            patch.setattr(sys, "stdin", io.StringIO())
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        out, err = capsys.readouterr()
        return Said(int(ended.value.code or 0), out, err)

    return run


@pytest.fixture
def store(tmp_path: Path) -> dict[str, str]:
    return {"MTI_TENANTS_STORE": f"sqlite:{tmp_path / 'tenants.db'}"}


def test_a_file_goes_into_the_store_and_comes_out_as_the_same_bytes(
    mti: Mti, tmp_path: Path, store: dict[str, str]
) -> None:
    file = write(tmp_path / "tenants.yaml", tenant(), fabrikam())
    dry = mti("tenants", "import", file, "--dry-run", "--json", env=store)
    assert (dry.status, dry.document["changed"], dry.document["dry_run"]) == (0, True, True), dry.err
    assert (mti("tenants", "export", env=store)).status == 2

    said = mti("tenants", "import", file, env=store)
    assert (said.status, said.out) == (0, ""), said.err
    assert "added    contoso" in said.err
    again = mti("tenants", "import", file, "--json", env=store)
    assert again.document["changed"] is False

    first = mti("tenants", "export", env=store)
    (tmp_path / "exported.yaml").write_text(first.out)
    other = {"MTI_TENANTS_STORE": f"sqlite:{tmp_path / 'other.db'}"}
    assert (mti("tenants", "import", tmp_path / "exported.yaml", env=other)).status == 0
    assert (mti("tenants", "export", env=other)).out == first.out


def test_all_faults_of_a_file_are_told_with_their_lines_and_nothing_is_written(
    mti: Mti, tmp_path: Path, store: dict[str, str]
) -> None:
    file = write(tmp_path / "tenants.yaml", tenant(formt="csv"), fabrikam(lookbak="1d"))
    said = mti("tenants", "import", file, env=store)
    assert (said.status, said.out) == (2, "")
    for part in ("2 problems", "tenant contoso: formt", "tenant fabrikam: lookbak", "(line "):
        assert part in said.err
    assert "Traceback" not in said.err
    assert (mti("tenants", "export", env=store)).status == 2


def test_a_tenant_of_the_store_is_paused_resumed_and_removed(mti: Mti, tmp_path: Path, store: dict[str, str]) -> None:
    mti("tenants", "import", write(tmp_path / "tenants.yaml", tenant(), fabrikam()), env=store)
    said = mti("tenants", "pause", "contoso", "--why", "audit", "--by", "ann", "--json", env=store)
    (found,) = said.document["tenants"]
    assert {name: found[name] for name in ("tenant", "before", "status", "by", "why", "changed")} == {
        "tenant": "contoso",
        "before": "active",
        "status": "paused",
        "by": "ann",
        "why": "audit",
        "changed": True,
    }
    listed = mti("tenants", "list", "--json", env=store)
    assert [row["paused"] for row in listed.document["sources"]] == [True, False]
    assert "already" in (mti("tenants", "pause", "contoso", env=store)).err
    assert (mti("tenants", "resume", "contoso", env=store)).status == 0
    assert (mti("tenants", "remove", "contoso", "fabrikam", "--yes", env=store)).status == 0
    listed = mti("tenants", "list", "--json", env=store)
    assert listed.document["sources"] == []
    assert {row["status"] for row in listed.document["states"]} == {"removed"}


def test_a_removal_that_nobody_confirms_does_nothing(mti: Mti, tmp_path: Path, store: dict[str, str]) -> None:
    mti("tenants", "import", write(tmp_path / "tenants.yaml", tenant()), env=store)
    said = mti("tenants", "remove", "contoso", env=store)
    assert said.status == 2
    assert "--yes" in said.err
    assert (mti("tenants", "list", "--json", env=store)).document["states"] == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("pause", "contozo"), "did you mean 'contoso'"),
        (("pause", "contoso", "--data", "nowhere"), "no folder of an embedded stack"),
        (("import", "nowhere.yaml"), "does not exist"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_sentence(
    mti: Mti, tmp_path: Path, store: dict[str, str], arguments: tuple[str, ...], expected: str
) -> None:
    mti("tenants", "import", write(tmp_path / "tenants.yaml", tenant()), env=store)
    said = mti("tenants", *arguments, env=store)
    assert (said.status, said.out) == (2, "")
    assert expected in said.err
    assert "Traceback" not in said.err


def test_a_file_and_a_store_at_once_are_one_too_many(mti: Mti, tmp_path: Path, store: dict[str, str]) -> None:
    file = write(tmp_path / "tenants.yaml", tenant())
    both = store | {"MTI_TENANTS_FILE": str(file)}
    said = mti("tenants", "list", env=both)
    assert said.status == 2
    assert "exactly one of them" in said.err
    assert "is set, and MTI_TENANTS_STORE too" in said.err
    assert (mti("tenants", "list", env={})).status == 2


def test_a_file_is_validated_and_listed_as_before(mti: Mti, tmp_path: Path) -> None:
    file = write(tmp_path / "tenants.yaml", tenant(), fabrikam())
    said: Said = mti("tenants", "validate", "--tenants", file, "--json")
    assert said.document == {"valid": True, "tenants": 2, "sources": 2, "workspaces": 2}
    said = mti("tenants", "list", "--tenants", file)
    assert "contoso/malware_customer" in said.out


def test_a_tenant_that_a_variable_describes_is_paused_and_listed(mti: Mti, tmp_path: Path) -> None:
    env = {
        "MTI_TENANTS_TEXT": yaml.safe_dump({"tenants": [tenant(), fabrikam()]}),
        "MTI_TENANTS_STATES": f"sqlite:{tmp_path / 'states.db'}",
    }
    said = mti("tenants", "pause", "fabrikam", env=env)
    assert said.status == 0, said.err
    listed = mti("tenants", "list", "--json", env=env)
    assert [(each["tenant"], each["status"]) for each in listed.document["states"]] == [("fabrikam", "paused")]
    assert mti("tenants", "pause", "nobody", env=env).status == 2
