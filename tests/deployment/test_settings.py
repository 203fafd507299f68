import pytest

from mti.common.errors import ConfigurationError
from mti.deployment.settings import DeploymentSettings

ACCOUNT = "cosmos:https://account.documents.azure.com"


def test_one_address_names_the_stores_of_all_three_services() -> None:
    settings = DeploymentSettings(stores=f"{ACCOUNT}/{{service}}", publisher_store=f"{ACCOUNT}/elsewhere")
    assert settings.store_of("fetcher") == f"{ACCOUNT}/fetcher"
    assert settings.store_of("normalizer") == f"{ACCOUNT}/normalizer"
    assert settings.store_of("publisher") == f"{ACCOUNT}/elsewhere"


def test_one_store_for_all_is_refused_since_each_service_has_its_own() -> None:
    with pytest.raises(ConfigurationError, match=r"MTI_STORES: has no \{service\}"):
        DeploymentSettings(stores=f"{ACCOUNT}/mti").store_of("fetcher")


def test_a_store_that_is_not_set_is_named_with_every_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MTI_STORES", "MTI_NORMALIZER_STORE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match=r"MTI_NORMALIZER_STORE: is not set.*MTI_STORES.*--data"):
        DeploymentSettings().store_of("normalizer")
