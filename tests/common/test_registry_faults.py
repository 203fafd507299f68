from pathlib import Path
from typing import Any

import pytest

from mti.common.errors import ConfigurationError
from mti.common.registry import InvalidTenantsFile, load_registry, registry_from
from tests.common.tenants import AZURE_TENANT, WORKSPACE, destination, mimecast, mimecast_v1, problems, tenant

pytestmark = pytest.mark.pure

REFERENCE = (
    "is not a reference to a secret; keep the secret elsewhere and write env:NAME, file:PATH, keyvault:NAME"
    " or @Microsoft.KeyVault(SecretUri=...)"
)


def read(tmp_path: Path, text: str) -> str:
    file = tmp_path / "tenants.yaml"
    file.write_text(text)
    with pytest.raises(InvalidTenantsFile) as invalid:
        load_registry(file, allow_loopback=False)
    return str(invalid.value)


def test_all_faults_of_a_file_are_told_at_once_each_with_its_tenant_field_and_cure() -> None:
    with pytest.raises(ConfigurationError) as invalid:
        registry_from(
            {
                "defaults": {"pol_interval": "5m"},
                "tenants": [
                    tenant(mimecast=mimecast(client_secret="hunter2"), format="xml"),
                    tenant("fabrikam", mimecast=mimecast_v1(app_key=12), destinations=[]),
                    tenant(),
                ],
            },
            allow_loopback=False,
        )
    assert str(invalid.value).splitlines() == [
        "the tenants file: 6 problems",
        "  defaults.pol_interval: is not a known field; did you mean 'poll_interval'?",
        "  tenant contoso: id: is the id of the tenant at position 1 too; give each its own",
        f"  tenant contoso: mimecast.client_secret: {REFERENCE}",
        "  tenant contoso: format: 'xml' is not known; write 'stix' or 'csv'",
        f"  tenant fabrikam: mimecast.app_key: {REFERENCE}",
        "  tenant fabrikam: destinations: is empty; name at least one Sentinel workspace",
    ]


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (tenant("Contoso"), "id: is not a tenant id; write lower-case letters, digits and dashes, 63 at most"),
        (tenant("c" * 64), "id: is not a tenant id; write lower-case"),
        (tenant("default"), "id: 'default' is the name of the policy without overrides; write another id"),
        (tenant(feeds=[]), "feeds: is empty; name malware_customer, malware_grid or both"),
        (tenant(feeds=["grid"]), "feeds[0]: 'grid' is not known; write 'malware_customer' or 'malware_grid'"),
        (tenant(feeds=["malware_grid"] * 2), "feeds: names a feed twice; name each once"),
        (tenant(feeds="malware_grid"), "feeds: is not a list; write [a, b], or one entry a line after a dash"),
        (tenant(mimecast=mimecast(api="3.0")), 'mimecast.api: is not known; write "1.0" or "2.0"'),
        (tenant(mimecast={"region": "eu"}), 'mimecast.api: is missing; write "1.0" or "2.0"'),
        (tenant(mimecast="eu"), "mimecast: is not a group of fields; indent its fields below it"),
        (
            tenant(mimecast={"api": 2.0, "region": "eu", "client_id": "env:A"}),
            "mimecast.client_secret: is missing; write a reference to it, such as env:NAME or keyvault:NAME",
        ),
        (
            tenant(mimecast=mimecast(app_key="env:A")),
            "mimecast.app_key: is not used with api 2.0; remove it, or set api to 1.0",
        ),
        (
            tenant(mimecast=mimecast_v1(client_id="env:A")),
            "mimecast.client_id: is not used with api 1.0; remove it, or set api to 2.0",
        ),
        (
            tenant(mimecast=mimecast_v1(email="env:A")),
            "mimecast: email and password renew a binding together; write password too, or neither",
        ),
        (
            tenant(mimecast=mimecast_v1(region="moon")),
            "mimecast.base_url: no address is documented for API 1.0 in region 'moon'; write the one that",
        ),
        (
            tenant(mimecast=mimecast(base_url="https://login.microsoftonline.com")),
            "mimecast.base_url: the host 'login.microsoftonline.com' is not on the list of known hosts; write https://",
        ),
        (
            tenant(mimecast=mimecast(base_url="https://us-api.services.mimecast.com")),
            "mimecast.base_url: is of region 'us', and the account is said to be in 'eu'; write region: us, or the",
        ),
        (
            tenant(destinations=[destination(endpoint="https://x.westeurope.cloudapp.azure.com")]),
            "destinations[0].endpoint: the host 'x.westeurope.cloudapp.azure.com' is not on the list of known hosts",
        ),
        (
            tenant(destinations=[destination(authority="https://x.chinanorth2.cloudapp.chinacloudapi.cn")]),
            "destinations[0].authority: the host 'x.chinanorth2.cloudapp.chinacloudapi.cn' is not on the list of",
        ),
        (
            tenant(destinations=[destination(endpoint="http://127.0.0.1:1")]),
            "destinations[0].endpoint: 127.0.0.1 is this machine, which is refused; give --allow-loopback",
        ),
        (
            tenant(destinations=[destination(workspace_id="my-workspace")]),
            "destinations[0].workspace_id: is not a GUID; copy the workspace id from",
        ),
        (
            tenant(destinations=[destination(auth="password")]),
            "destinations[0].auth: is not known; write client_secret, certificate, managed_identity, workload_identity",
        ),
        (
            tenant(destinations=[destination(auth="client_secret", client_id="env:A", client_secret="env:B")]),
            "destinations[0].azure_tenant_id: is missing; copy the tenant id from Microsoft Entra ID's overview",
        ),
        (
            tenant(destinations=[destination(auth="certificate", client_id="env:A", azure_tenant_id=AZURE_TENANT)]),
            "destinations[0].certificate: is missing; write a reference to it",
        ),
        (
            tenant(destinations=[destination(auth="workload_identity", azure_tenant_id=AZURE_TENANT)]),
            "destinations[0].client_id: is missing; write a reference to it",
        ),
        (
            tenant(destinations=[destination(client_secret="env:A")]),
            "destinations[0].client_secret: is not used with auth managed_identity; remove it, or set auth to",
        ),
        (
            tenant(destinations=[destination(source_system="Microsoft Sentinel")]),
            "destinations[0].source_system: 'Microsoft Sentinel' is refused by the upload API; write another name",
        ),
        (
            tenant(destinations=[destination(requests_per_minute=0)]),
            "destinations[0].requests_per_minute: is not a whole number from 1; write how many",
        ),
        (tenant(destinations=[destination()] * 2), f"destinations: workspace {WORKSPACE.format(1)} is listed twice"),
        (tenant(indicator={"confidence": 101}), "indicator.confidence: is not a whole number from 0 to 100"),
        (tenant(indicator={"confidence": True}), "indicator.confidence: is not a whole number from 0 to 100"),
        (tenant(indicator={"refresh_after": 0}), "indicator.refresh_after: is not a part of the validity"),
        (tenant(indicator={"refresh_after": float("nan")}), "indicator.refresh_after: is not a part of the validity"),
        (tenant(indicator={"validity": "0d"}), "indicator.validity: must be longer than nothing"),
        (tenant(indicator={"tlp": "purple"}), "'purple' is not known; write 'white', 'green', 'amber' or 'red'"),
        (tenant(indicator={"allow_list": "a"}), "indicator.allow_list: is not a list; write [a, b]"),
        (tenant(indicator={"allow_list": [12]}), "indicator.allow_list: entry 1 is not text; put it in quotes"),
        (tenant(indicator={"allow_list": ["a", " "]}), "indicator.allow_list: entry 2 is empty"),
        (tenant(indicator={"allow_list": ["ab" * 31]}), "entry 1 has 62 hex digits and no hash has that many"),
        (tenant(poll_interval=300), "poll_interval: is not a duration; write a whole number with its unit"),
        (tenant(share_grid="False"), "share_grid: is neither true nor false; write one of them, without quotes"),
        (tenant(formt="csv"), "formt: is not a known field; did you mean 'format'?"),
    ],
)
def test_a_fault_names_the_place_what_is_wrong_and_the_cure(entry: dict[str, Any], problem: str) -> None:
    found = problems(entry)
    assert len(found) == 1, found
    assert problem in found[0]


def test_a_secret_written_where_its_reference_belongs_is_never_shown() -> None:
    secret = "hunter2-s3cr3t"
    entries = [
        tenant("a", mimecast=mimecast(client_id=secret, client_secret=f"env:{secret}")),
        tenant("b", mimecast=mimecast_v1(app_id=secret, secret_key=f"{secret}==", password=secret, email=secret)),
        tenant("c", mimecast=mimecast(base_url=f"https://user:{secret}@api.mimecast.com")),
        tenant("d", destinations=[destination(auth="client_secret", client_id=secret, client_secret=secret)]),
        tenant("e", destinations=[destination(auth="certificate", client_id=[secret], certificate={"pem": secret})]),
        tenant("f", destinations=[destination(password=secret)]),
    ]
    found = problems(*entries)
    assert len(found) >= 10
    assert secret not in "\n".join(found)


def test_two_tenants_that_describe_one_workspace_differently_are_both_named() -> None:
    found = problems(tenant("a"), tenant("b", destinations=[destination(source_system="Other", requests_per_minute=5)]))
    assert "".join(found) == (
        f"tenant b: destinations[0]: workspace {WORKSPACE.format(1)} is a's too, with another source_system,"
        " requests_per_minute; give a workspace the same settings wherever it is named"
    )


def test_two_policies_for_one_source_and_workspace_are_refused_and_both_tenants_named() -> None:
    grid = {"feeds": ["malware_grid"]}
    found = problems(tenant("a", **grid), tenant("b", **grid, indicator={"confidence": 10, "tlp": "red"}))
    assert "".join(found) == (
        f"tenant b: indicator: grid:eu reaches workspace {WORKSPACE.format(1)} for a too, under another confidence,"
        " tlp; give both tenants the same policy, or one of them share_grid: false"
    )
    assert problems(tenant("a", **grid), tenant("b", **grid, share_grid=False, indicator={"confidence": 10})) == ()


def test_no_tenants_at_all_is_a_fault_with_a_cure(tmp_path: Path) -> None:
    assert "tenants: is empty; list at least one tenant" in read(tmp_path, "tenants: []")
    assert "is empty; list at least one tenant" in read(tmp_path, "")
    assert "tenants: is missing; list at least one tenant" in read(tmp_path, "defaults: {}")
    assert "tenatns: is not a known field; did you mean 'tenants'?" in read(tmp_path, "tenatns: []")


def test_a_tenant_without_a_usable_id_is_named_by_its_position() -> None:
    found = problems(7, tenant() | {"id": None}, {"id": "ok"})
    assert found[0] == "tenants[0]: is not a group of fields; indent its fields below it"
    assert found[1] == "tenants[1]: id: is not text; put it in quotes"
    assert "tenant ok: mimecast: is missing; describe the tenant's Mimecast account" in found


def test_a_fault_tells_the_line_that_it_is_on(tmp_path: Path) -> None:
    text = "tenants:\n  - id: contoso\n    feeds: [malware_customer]\n    format: xml\n"
    assert "tenant contoso: format: 'xml' is not known; write 'stix' or 'csv' (line 4)" in read(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "is not YAML; check the indentation, the quotes and the colons there (line 1)"),
        ("a:\n\tb: c", "a line is indented with a tab; indent with spaces (line 2)"),
        (
            "secret: @Microsoft.KeyVault(SecretUri=hunter2)",
            "a value that begins with @ stands without quotes; write '@Microsoft.KeyVault(...)' in quotes (line 1)",
        ),
        ("secret: *hunter2", "is not YAML; check"),
        ("secret: !hunter2 x", "is not YAML; check"),
        ("secret: !!python/object:os.system hunter2", "is not YAML; check"),
        ("a: 1\na: hunter2", "the key 'a' is written twice in one group; remove one (line 2)"),
        ("a: 1\n---\nb: hunter2", "is not YAML; check"),
    ],
)
def test_broken_yaml_is_told_by_its_line_and_nothing_of_it_is_shown(tmp_path: Path, text: str, problem: str) -> None:
    told = read(tmp_path, text)
    assert problem in told
    assert "hunter2" not in told


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path, problem in (
        (tmp_path / "none.yaml", "does not exist; give the path of the tenants file"),
        (tmp_path, "can't be read (Is a directory); give a file that this process may read"),
    ):
        with pytest.raises(InvalidTenantsFile, match="1 problem") as invalid:
            load_registry(path, allow_loopback=False)
        assert str(path) in str(invalid.value)
        assert problem in invalid.value.problems[0]
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"a: \xe9")
    with pytest.raises(InvalidTenantsFile, match="is not UTF-8 text; save it as UTF-8"):
        load_registry(latin, allow_loopback=False)
