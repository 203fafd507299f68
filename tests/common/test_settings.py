import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mti.common.errors import ConfigurationError
from mti.common.settings import (
    BusSettings,
    LogLevel,
    RunSettings,
    Settings,
    StoreSettings,
    TenantsSettings,
)
from mti.common.store_targets import CosmosTarget, SqliteTarget

pytestmark = pytest.mark.pure

CONNECTION = "Endpoint=sb://localhost:5672;SharedAccessKeyName=Root;SharedAccessKey=hunter2=="


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("MTI_")]:
        monkeypatch.delenv(name)


def refusal(monkeypatch: pytest.MonkeyPatch, settings: type[Settings], **variables: str) -> str:
    with monkeypatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        with pytest.raises(ConfigurationError) as refused:
            settings.from_environment()
    assert refused.value.__cause__ is None
    assert "hunter2" not in str(refused.value)
    return str(refused.value)


def test_the_bus_is_found_by_a_connection_string(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTI_SERVICEBUS_CONNECTION_STRING", CONNECTION)
    settings = BusSettings.from_environment()
    assert settings.servicebus_connection_string is not None
    assert settings.servicebus_connection_string.get_secret_value() == CONNECTION
    assert "hunter2" not in repr(settings)
    assert (settings.fetch_jobs_queue, settings.raw_pages_topic, settings.raw_pages_subscription) == (
        "fetch-jobs",
        "raw-pages",
        "normalizer",
    )
    assert (settings.indicators_topic, settings.indicators_subscription) == ("indicators", "publisher")


@pytest.mark.parametrize("written", ["contoso-bus", "Contoso-Bus.servicebus.windows.net"])
def test_the_bus_is_found_by_its_namespace(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("MTI_SERVICEBUS_NAMESPACE", written)
    monkeypatch.setenv("MTI_RAW_PAGES_TOPIC", "pages")
    settings = BusSettings.from_environment()
    assert settings.servicebus_namespace == "contoso-bus.servicebus.windows.net"
    assert settings.raw_pages_topic == "pages"


def test_exactly_one_way_to_the_bus_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = "MTI_SERVICEBUS_NAMESPACE and MTI_SERVICEBUS_CONNECTION_STRING: exactly one is needed; set the namespace"
    assert expected in refusal(monkeypatch, BusSettings)
    both = {"MTI_SERVICEBUS_CONNECTION_STRING": CONNECTION, "MTI_SERVICEBUS_NAMESPACE": "contoso-bus"}
    assert expected in refusal(monkeypatch, BusSettings, **both)


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("MTI_SERVICEBUS_CONNECTION_STRING", "hunter2", "is not a Service Bus connection string; write Endpoint=sb://"),
        ("MTI_SERVICEBUS_CONNECTION_STRING", f"{CONNECTION};EntityPath=x", "is for one entity alone; copy the"),
        (
            "MTI_SERVICEBUS_CONNECTION_STRING",
            CONNECTION.replace("localhost:5672", "x.westeurope.cloudapp.azure.com"),
            "names a host that is no Service Bus namespace, and would be sent signatures; write Endpoint=sb://NAME",
        ),
        (
            "MTI_SERVICEBUS_CONNECTION_STRING",
            f"{CONNECTION.replace('localhost:5672', 'x.westeurope.cloudapp.azure.com')};UseDevelopmentEmulator=true",
            "names a host that is no Service Bus namespace",
        ),
        ("MTI_SERVICEBUS_NAMESPACE", "x.y.servicebus.windows.net", "is not a Service Bus namespace; write NAME"),
        ("MTI_SERVICEBUS_NAMESPACE", "bus.servicebus.windows.net.evil.org", "is not a Service Bus namespace; write"),
        ("MTI_SERVICEBUS_NAMESPACE", "sb://contoso-bus/", "is not a Service Bus namespace; write NAME"),
        ("MTI_FETCH_JOBS_QUEUE", "a b", "is not a name of a queue, topic or subscription; write letters"),
    ],
)
def test_a_malformed_bus_setting_is_named_with_its_cure(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, problem: str
) -> None:
    assert f"{variable}: {problem}" in refusal(monkeypatch, BusSettings, **{variable: value})


@pytest.mark.parametrize(
    "host",
    [
        "contoso-bus.servicebus.windows.net",
        "Contoso-Bus.servicebus.chinacloudapi.cn",
        "127.0.0.1:5672",
        "bus:5672;UseDevelopmentEmulator=true",
        "host.docker.internal;UseDevelopmentEmulator=true",
        "172.17.0.2:5672;UseDevelopmentEmulator=true",
    ],
)
def test_a_connection_string_is_for_a_namespace_this_machine_or_an_emulator(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    name, _, more = host.partition(";")
    text = f"Endpoint=sb://{name};SharedAccessKeyName=Root;SharedAccessKey=hunter2==;{more}"
    monkeypatch.setenv("MTI_SERVICEBUS_CONNECTION_STRING", f"{text}\n")
    found = BusSettings.from_environment().servicebus_connection_string
    assert found is not None
    assert found.get_secret_value() == text


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("sqlite:/data/mti.db", SqliteTarget(Path("/data/mti.db"))),
        ("sqlite:mti.db", SqliteTarget(Path("mti.db"))),
        ("cosmos:https://mti.documents.azure.com/ti", CosmosTarget("https://mti.documents.azure.com", "ti")),
        ("cosmos:https://mti.documents.azure.com:443/ti/", CosmosTarget("https://mti.documents.azure.com:443", "ti")),
    ],
)
def test_a_store_is_a_file_or_a_database(
    monkeypatch: pytest.MonkeyPatch, written: str, target: SqliteTarget | CosmosTarget
) -> None:
    monkeypatch.setenv("MTI_STORE", written)
    assert StoreSettings.from_environment().target == target


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("", "is not set; set it to sqlite:/path/file.db or cosmos:"),
        ("mysql:hunter2", "is not a store; write sqlite:/path/file.db or cosmos:"),
        ("sqlite:", "is not a store; write sqlite:"),
        ("cosmos:https://mti.documents.azure.com", "names no database; write cosmos:"),
        ("cosmos:https://evil.org/ti", "the host 'evil.org' is not on the list of known hosts; write https://"),
        ("cosmos:https://k:hunter2@mti.documents.azure.com/ti", "has a user before the host; remove it"),
        ("cosmos:http://127.0.0.1:8081/ti", "127.0.0.1 is this machine, which is refused"),
    ],
)
def test_a_malformed_store_is_refused_with_the_cure(
    monkeypatch: pytest.MonkeyPatch, written: str, problem: str
) -> None:
    assert f"MTI_STORE: {problem}" in refusal(monkeypatch, StoreSettings, MTI_STORE=written)


def test_a_cosmos_emulator_on_this_machine_is_accepted_when_it_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTI_STORE", "cosmos:http://127.0.0.1:8081/ti")
    monkeypatch.setenv("MTI_ALLOW_LOOPBACK", "true")
    assert StoreSettings.from_environment().target == CosmosTarget("http://127.0.0.1:8081", "ti")


@pytest.mark.parametrize("written", ["False", "false", "FALSE", "0", "no", "off", "", " false "])
def test_a_switch_that_says_false_is_false(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("MTI_TENANTS_FILE", "tenants.yaml")
    monkeypatch.setenv("MTI_ALLOW_LOOPBACK", written)
    monkeypatch.setenv("MTI_UNTIL_IDLE", written)
    assert TenantsSettings.from_environment().allow_loopback is False
    assert RunSettings.from_environment().until_idle is False


@pytest.mark.parametrize("written", ["True", "true", "1", "yes", "on"])
def test_a_switch_that_says_true_is_true(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("MTI_UNTIL_IDLE", written)
    assert RunSettings.from_environment().until_idle is True


def test_every_malformed_variable_of_a_run_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told = refusal(
        monkeypatch, RunSettings, MTI_UNTIL_IDLE="maybe", MTI_LOG_LEVEL="loud", MTI_RUN_STARTED="2026-11-24T10:15:30"
    )
    assert told.splitlines() == [
        "MTI_RUN_STARTED: has no time zone; end it with Z for UTC, as in 2026-11-24T10:15:30Z",
        "MTI_UNTIL_IDLE: is neither true nor false; write true or false",
        "MTI_LOG_LEVEL: is not known; write 'DEBUG', 'INFO', 'WARNING' or 'ERROR'",
    ]
    assert "MTI_RUN_STARTED: is not a time" in refusal(monkeypatch, RunSettings, MTI_RUN_STARTED="yesterday")


def test_a_run_knows_when_it_began_and_what_to_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTI_RUN_STARTED", "2026-11-24T10:15:30Z")
    monkeypatch.setenv("MTI_LOG_LEVEL", "debug")
    settings = RunSettings.from_environment()
    assert settings.run_started == datetime(2026, 11, 24, 10, 15, 30, tzinfo=UTC)
    assert settings.log_level is LogLevel.DEBUG


def test_the_tenants_file_and_the_vault_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "MTI_TENANTS_FILE: is not set; set it to the path" in refusal(monkeypatch, TenantsSettings)
    variables = {"MTI_TENANTS_FILE": "tenants.yaml", "MTI_KEYVAULT_URL": "https://evil.org"}
    assert "MTI_KEYVAULT_URL: the host 'evil.org' is not on" in refusal(monkeypatch, TenantsSettings, **variables)
    monkeypatch.setenv("MTI_TENANTS_FILE", "/etc/mti/tenants.yaml")
    monkeypatch.setenv("MTI_KEYVAULT_URL", "https://contoso.vault.azure.net/")
    settings = TenantsSettings.from_environment()
    assert settings.tenants_file == Path("/etc/mti/tenants.yaml")
    assert settings.keyvault_url == "https://contoso.vault.azure.net/"


def test_what_a_command_line_gives_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTI_TENANTS_FILE", "other.yaml")
    settings = TenantsSettings.from_environment(tenants_file=Path("mine.yaml"), allow_loopback=True)
    assert (settings.tenants_file, settings.allow_loopback) == (Path("mine.yaml"), True)
    monkeypatch.setenv("MTI_KEYVAULT_URL", "https://evil.org")
    with pytest.raises(ConfigurationError, match="MTI_KEYVAULT_URL: the host"):
        TenantsSettings.from_environment(tenants_file=Path("mine.yaml"))


def test_the_tenants_are_in_a_file_or_in_a_store_and_their_states_beside_a_file_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, file = {"MTI_TENANTS_STORE": "sqlite:/var/lib/tenants.db"}, {"MTI_TENANTS_FILE": "/etc/mti/tenants.yaml"}
    assert "exactly one of them" in refusal(monkeypatch, TenantsSettings, **store, **file)
    states = {"MTI_TENANTS_STATES": "sqlite:/var/lib/states.db"}
    assert "MTI_TENANTS_STATES: is for a tenants file" in refusal(monkeypatch, TenantsSettings, **store, **states)
    for variable in ("STORE", "STATES"):
        broken = {f"MTI_TENANTS_{variable}": "postgres:x"}
        given = broken if variable == "STORE" else file | broken
        assert f"MTI_TENANTS_{variable}: is not a store" in refusal(monkeypatch, TenantsSettings, **given)


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (
            {"MTI_TENANTS_STORE": "sqlite:/var/lib/tenants.db"},
            "is not set, MTI_TENANTS_STORE and MTI_TENANTS_TEXT are",
        ),
        ({"MTI_TENANTS_FILE": "/etc/mti/tenants.yaml"}, "is set, and MTI_TENANTS_TEXT too;"),
    ],
)
def test_the_text_of_the_tenants_stands_for_the_file(
    monkeypatch: pytest.MonkeyPatch, others: dict[str, str], said: str
) -> None:
    text = {"MTI_TENANTS_TEXT": "tenants: []"}
    assert said in refusal(monkeypatch, TenantsSettings, **text, **others)
    monkeypatch.setenv("MTI_TENANTS_TEXT", "tenants: []")
    monkeypatch.setenv("MTI_TENANTS_STATES", "sqlite:/var/lib/states.db")
    settings = TenantsSettings.from_environment()
    assert (settings.tenants_text, settings.tenants_file, settings.tenants_folder) == ("tenants: []", None, Path())


def test_a_store_of_tenants_is_taken_apart_as_every_store_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTI_TENANTS_STORE", "cosmos:https://contoso.documents.azure.com/mti")
    settings = TenantsSettings.from_environment()
    assert settings.tenants_store_target == CosmosTarget("https://contoso.documents.azure.com", "mti")
    assert settings.tenants_states_target is None
    assert settings.tenants_folder == Path()
