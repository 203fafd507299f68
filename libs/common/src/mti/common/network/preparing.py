"""What a process does before it speaks to anybody, so that every library in it goes the same ways."""

from mti.common.network.proxies import check_proxies, spare_ourselves
from mti.common.network.trust import share_authorities


def prepare_network() -> None:
    """Bring the environment of this process into the form that all libraries understand. It may be called again.

    Raises:
        ConfigurationError: a proxy or a file of certificates is named that can't be used; the text names the variable.
    """
    spare_ourselves()
    check_proxies()
    share_authorities()
