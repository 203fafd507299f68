from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mti.common.registry.endpoints import (
    AUTHORITY_HOSTS,
    COSMOS_HOSTS,
    MIMECAST_HOSTS,
    SENTINEL_HOSTS,
    SERVICEBUS_HOSTS,
    VAULT_HOSTS,
    check_region,
    checked_url,
    cloud_of,
    default_mimecast_url,
    is_known,
    is_loopback,
)

pytestmark = pytest.mark.pure

HOSTS = (*MIMECAST_HOSTS, *SENTINEL_HOSTS, *AUTHORITY_HOSTS)


@pytest.mark.parametrize(
    "address",
    [
        "https://api.services.mimecast.com",
        "https://eu-api.mimecast.com:8443",
        "https://uspcom-api.mimecast-pscom-us.com",
        "https://api.ti.sentinel.azure.com",
        "https://api.ti.sentinel.azure.us",
        "https://login.microsoftonline.us",
        "https://login.partner.microsoftonline.cn",
        "https://login.chinacloudapi.cn/some/path",
    ],
)
def test_the_vendors_own_hosts_are_accepted(address: str) -> None:
    assert checked_url(address, hosts=HOSTS, allow_loopback=False) == address


def test_an_address_is_brought_into_its_plain_form() -> None:
    assert checked_url("HTTPS://API.Mimecast.COM/", hosts=HOSTS, allow_loopback=False) == "https://api.mimecast.com"


@pytest.mark.parametrize(
    "address",
    [
        "https://evil-mimecast.com",
        "https://mimecast.com.evil.org",
        "https://api.mimecast.com@evil.org",
        "https://user:pw@api.mimecast.com",
        "https://@api.mimecast.com",
        "https://api.mimecast.com.",
        "https://api.mimecast.com./x",
        "https://.mimecast.com",
        "https://mimecast.com",
        "https://api..mimecast.com",
        "https://-api.mimecast.com",
        "https://api.mimec\u0430st.com",
        "https://xn--mimecst-2fg.mimecast.com",
        "https://api\u3002mimecast.com",
        "https://api.mimecast.com\\@evil.org",
        "https://evil.org\\.mimecast.com",
        "https://evil.org#.mimecast.com",
        "https://evil.org/.mimecast.com",
        "https://evil.org?x=.mimecast.com",
        "https://api.mimecast.com?",
        "https://api.mimecast.com#",
        "https://api.mimecast.com/../x",
        "https://api.mimecast.com//x",
        "https://api.mimecast.com/%2e%2e/x",
        "https://api.mimecast.com:",
        "https://api.mimecast.com:0",
        "https://api.mimecast.com:99999",
        "https://api.mimecast.com:abc",
        "https://api.mime\ncast.com",
        "https://api.mimecast.com\t",
        " https://api.mimecast.com",
        "https:/api.mimecast.com",
        "https:api.mimecast.com",
        "//api.mimecast.com",
        "api.mimecast.com",
        "ftp://api.mimecast.com",
        "http://api.mimecast.com",
        "https://[::1",
        "https://",
        "",
    ],
)
@pytest.mark.parametrize("loopback", [True, False])
def test_look_alikes_are_refused_with_a_cure(address: str, loopback: bool) -> None:
    with pytest.raises(ValueError, match="; ") as refused:
        checked_url(address, hosts=HOSTS, allow_loopback=loopback)
    assert "pw" not in str(refused.value)


LOOPBACK = [
    "http://127.0.0.1:8080",
    "http://localhost:1",
    "http://[::1]:99/sim",
    "https://127.1.2.3",
    "http://127.0.0.1",
]


@pytest.mark.parametrize("address", LOOPBACK)
def test_loopback_is_accepted_by_any_scheme_when_it_is_meant(address: str) -> None:
    assert checked_url(address, hosts=HOSTS, allow_loopback=True) == address


@pytest.mark.parametrize("address", LOOPBACK)
def test_loopback_is_refused_when_it_is_not_meant(address: str) -> None:
    with pytest.raises(ValueError, match="is this machine, which is refused; give --allow-loopback if it is meant"):
        checked_url(address, hosts=HOSTS, allow_loopback=False)


@pytest.mark.parametrize(
    "address",
    [
        "http://0.0.0.0",
        "http://127.1",
        "http://2130706433",
        "http://0x7f.0.0.1",
        "http://[::ffff:127.0.0.1]",
        "http://[::1%25eth0]",
        "http://localhost.",
        "http://localhost.evil.org",
        "http://127.0.0.1.evil.org",
        "http://10.0.0.1",
        "http://169.254.169.254",
    ],
)
def test_only_true_loopback_may_be_plain_http(address: str) -> None:
    with pytest.raises(ValueError, match="; "):
        checked_url(address, hosts=HOSTS, allow_loopback=True)


@given(st.text(max_size=40), st.text(max_size=10))
def test_whatever_is_accepted_is_on_a_known_host(before: str, after: str) -> None:
    for text in (f"https://{before}mimecast.com{after}", f"https://{before}", before):
        try:
            accepted = checked_url(text, hosts=HOSTS, allow_loopback=False)
        except ValueError:
            continue
        split = urlsplit(accepted)
        assert split.scheme == "https"
        assert is_known(split.hostname or "", HOSTS)
        assert not split.username
        assert not split.query
        assert not split.fragment


def test_a_host_is_loopback_by_its_number_not_by_its_name() -> None:
    assert is_loopback("127.0.0.1")
    assert not is_loopback("loopback.example")


def test_the_base_follows_from_the_api_and_the_region() -> None:
    assert default_mimecast_url("2.0", "eu") == "https://api.services.mimecast.com"
    assert default_mimecast_url("2.0", "uk") == "https://uk-api.services.mimecast.com"
    assert default_mimecast_url("1.0", "eu") == "https://eu-api.mimecast.com"
    assert default_mimecast_url("1.0", "uspcom") == "https://uspcom-api.mimecast-pscom-us.com"
    assert default_mimecast_url("1.0", "moon") is None


def test_a_sovereign_endpoint_brings_its_clouds_authority_and_scope() -> None:
    assert cloud_of("https://api.ti.sentinel.azure.us").authority == "https://login.microsoftonline.us"
    assert cloud_of("https://api.ti.sentinel.azure.cn").token_scope == "https://management.chinacloudapi.cn/.default"
    assert cloud_of("https://api.ti.sentinel.azure.com").token_scope == "https://management.azure.com/.default"
    assert cloud_of("http://127.0.0.1:1").token_scope == "https://management.azure.com/.default"


@pytest.mark.parametrize(
    ("host", "hosts"),
    [
        ("x.westeurope.cloudapp.azure.com", SENTINEL_HOSTS),
        ("api.ti.sentinel.azure.com.westeurope.cloudapp.azure.com", SENTINEL_HOSTS),
        ("x.api.ti.sentinel.azure.com", SENTINEL_HOSTS),
        ("sentinel.azure.com", SENTINEL_HOSTS),
        ("management.azure.com", SENTINEL_HOSTS),
        ("x.chinanorth2.cloudapp.chinacloudapi.cn", AUTHORITY_HOSTS),
        ("login.chinacloudapi.cn.chinanorth2.cloudapp.chinacloudapi.cn", AUTHORITY_HOSTS),
        ("x.usgovvirginia.cloudapp.usgovcloudapi.net", SENTINEL_HOSTS),
        ("x.login.microsoftonline.com", AUTHORITY_HOSTS),
        ("device.microsoftonline.com", AUTHORITY_HOSTS),
        ("x.y.vault.azure.net", VAULT_HOSTS),
        ("vault.azure.net", VAULT_HOSTS),
        ("x.privatelink.documents.azure.com", COSMOS_HOSTS),
        ("x.y.servicebus.windows.net", SERVICEBUS_HOSTS),
        ("x.cloudapp.mimecast.com", MIMECAST_HOSTS),
        ("pages.mimecast.com", MIMECAST_HOSTS),
        ("x-api.y.mimecast.com", MIMECAST_HOSTS),
        ("-api.mimecast.com", MIMECAST_HOSTS),
        ("eu-api.mimecast-pscom-us.com", MIMECAST_HOSTS),
    ],
)
def test_a_name_that_somebody_else_may_have_in_the_vendors_domain_is_refused(host: str, hosts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="is not on the list of known hosts; write https:// and "):
        checked_url(f"https://{host}", hosts=hosts, allow_loopback=True)


@pytest.mark.parametrize(
    ("base", "region"),
    [
        ("https://api.services.mimecast.com", "za"),
        ("https://api.mimecast.com", "de"),
        ("https://us-api.services.mimecast.com", "us"),
        ("https://us-api.services.mimecast.com", "usb"),
        ("https://sg-api.mimecast.com", "sg"),
        ("https://jer-api.mimecast.com", "je"),
        ("https://uspcom-api.mimecast-pscom-us.com", "uspcom"),
        ("http://127.0.0.1:8080", "eu"),
    ],
)
def test_a_base_of_the_accounts_own_region_or_of_all_is_accepted(base: str, region: str) -> None:
    check_region(base, region)


@pytest.mark.parametrize(
    ("base", "region", "named"),
    [
        ("https://us-api.mimecast.com", "eu", "us"),
        ("https://usb-api.mimecast.com", "us", "usb"),
        ("https://uk-api.services.mimecast.com", "us", "uk"),
        ("https://uspcom-api.mimecast-pscom-us.com", "us", "uspcom"),
    ],
)
def test_another_regions_base_is_refused_and_named(base: str, region: str, named: str) -> None:
    with pytest.raises(ValueError, match=f"is of region '{named}', and the account is said to be in '{region}'; write"):
        check_region(base, region)
