"""What a policy does not let be sent: test files, and what the operator allows. Pure."""

from collections.abc import Sequence
from typing import Final

from mti.common.comparable import comparable
from mti.common.registry import IndicatorPolicy, TestFilePolicy
from mti.normalizer.observables import HASH_KEYS, Observable

TEST_FILE: Final = "TestFile"
ALLOW_LISTED: Final = "AllowListed"

TEST_FILES: Final = frozenset(
    {
        # eicar.com and eicar.com.txt, the same 68 bytes (https://www.eicar.org/download-anti-malware-testfile/)
        "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f",
        "3395856ce81f2b7382dee72602f798b642f14140",
        "44d88612fea8a8f36de82e1278abb02f",
        # the same with a line feed, as an editor leaves it
        "131f95c51cc819465fa1797f6ccacf9d494aaaff46fa3eac73ae63ffbdfd8267",
        "cf8bd9dfddff007f75adf4c2be48005cea317c62",
        "69630e4574ec6798239b091cda43dca0",
        # eicar_com.zip
        "2546dcffc5ad854d4ddc64fbf056871cd5a00f2471cb7a5bfd4ac23b6e9eedad",
        "d27265074c9eac2e2122ed69294dbc4d7cce9141",
        "6ce6f415d8475545be5ba114f208b0ff",
        # eicarcom2.zip
        "e1105070ba828007508566e28a2b8d4c65d192e9eaf3b7868382b7cae747b397",
        "bec1b52d350d721c7e22a6d4bb0a92909893a3ae",
        "e4968ef99266df7c9a1f0637d2389dab",
        # the empty file, which is on every machine
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "d41d8cd98f00b204e9800998ecf8427e",
    }
)
"""SHA-256, SHA-1 and MD5 of files that are no threat wherever they are seen."""


def reason_of(observable: Observable, policy: IndicatorPolicy) -> str | None:
    """Return why a policy does not let an observable be sent, by itself; `None` when it does."""
    if policy.test_files is TestFilePolicy.DROP and observable.value in TEST_FILES:
        return TEST_FILE
    if policy.allow_list and compared(observable) in policy.allow_list:
        return ALLOW_LISTED
    return None


def reason_of_file(observable: Observable, siblings: Sequence[str], policy: IndicatorPolicy) -> str | None:
    """Return why a policy does not let what is known of an observable be sent, the other hashes of its file
    considered; `None` when it does.

    Args:
        observable: the observable.
        siblings: the file's other hashes; see `Facts.siblings`.
        policy: the policy.
    """
    values = (observable, *(Observable(observable.key, value) for value in siblings))
    return next((reason for value in values if (reason := reason_of(value, policy)) is not None), None)


def compared(observable: Observable) -> str:
    """Return the value of an observable as allow-lists write it."""
    return observable.value if observable.key in HASH_KEYS else comparable(observable.value)
