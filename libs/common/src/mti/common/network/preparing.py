"""What a process does before it speaks to anybody, so that every library in it goes the same ways."""

import sys
from importlib.util import find_spec

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
    _mark_as_absent("sniffio")


def _mark_as_absent(name: str) -> None:
    """Note that a module is not installed, so that nobody searches for it.

    httpcore imports `sniffio` for each lock that it makes, several a request, and uses asyncio where there is none.
    Python searches all its folders anew each time, which takes 0.1 ms.
    """
    if name not in sys.modules and find_spec(name) is None:
        sys.modules[name] = None  # type: ignore[assignment]  # which importing takes for absent, as it says
