"""Where a deployment on Azure keeps its documents, from the environment."""

from pathlib import Path

from mti.common.errors import ConfigurationError
from mti.common.settings import Settings

_SERVICE = "{service}"


class DeploymentSettings(Settings):
    """Where the three services keep their documents, and which tenants there are."""

    stores: str | None = None
    """For all three, with `{service}` in the place of the service's name:
    `cosmos:https://ACCOUNT.documents.azure.com/{service}`."""
    fetcher_store: str | None = None
    """In the form of `MTI_STORE`; it goes before `MTI_STORES`."""
    normalizer_store: str | None = None
    """The same for the normalizer."""
    publisher_store: str | None = None
    """The same for the publisher."""
    tenants_file: Path | None = None
    """The tenants file, where no option names one."""
    tenants_store: str | None = None
    """The store that describes the tenants, where no option names one."""
    tenants_text: str | None = None
    """The tenants file's text itself, where a deployment describes them in a variable."""
    allow_loopback: bool = False
    """Accept endpoints on this machine, by plain http too: for development and tests."""

    def names_store_of(self, service: str) -> bool:
        """Say whether a service's store is named."""
        return getattr(self, f"{service}_store") is not None or self.stores is not None

    def store_of(self, service: str) -> str:
        """Return the address of a service's store.

        Raises:
            ConfigurationError: it is not set.
        """
        own: str | None = getattr(self, f"{service}_store")
        if own is not None:
            return own
        if self.stores is None:
            raise ConfigurationError(
                f"MTI_{service.upper()}_STORE: is not set; set it to the MTI_STORE of the {service}, or MTI_STORES to "
                "one address with {service} in it; or name an embedded stack's folder with --data"
            )
        if _SERVICE not in self.stores:
            raise ConfigurationError(
                "MTI_STORES: has no {service} in it, and each service has a store of its own; write "
                "cosmos:https://ACCOUNT.documents.azure.com/{service}"
            )
        return self.stores.replace(_SERVICE, service)
