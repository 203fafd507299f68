"""The patterns that are understood: comparisons of supported observables with `=`, and nothing else.

::

    pattern    = bracket *("OR" bracket)
    bracket    = "[" comparison *(("AND" / "OR") comparison) "]"
    comparison = path "=" "'" value "'"

`AND` binds tighter than `OR`, as in STIX
(https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html#_e8slinrhxcc9). Sentinel looks for one observable an
indicator, so each comparison becomes an observable of its own. Under `AND` this widens what is looked for, which is
right for the hashes of one file and wrong for anything else: other mixtures are refused.
"""

import re

from mti.normalizer.observables import (
    ALGORITHMS,
    HASH_KEYS,
    MD5,
    SHA1,
    SHA256,
    Observable,
    Rejected,
    hash_observable,
    masked,
    value_observable,
)

_COMPARISON = re.compile(
    r"\s*(?:file:hashes\.(?:'(?P<quoted>[\w-]+)'|(?P<bare>[\w-]+))"
    r"|(?P<kind>url|domain-name|ipv4-addr|ipv6-addr|email-addr):value)"
    r"\s*=\s*'(?P<value>(?:[^'\\]|\\['\\])*)'\s*",
    re.ASCII,
)
_USUAL = re.compile(r"\[file:hashes\.(?:'([A-Z0-9-]{3,7})'|([A-Z0-9]{3,6})) = '([0-9A-Fa-f]{32,64})'\]")
"""One hash, as nearly every pattern is written."""
_JOINT = re.compile(r"(AND|OR)(?=\s)")
_OPEN = re.compile(r"\s*\[")
_CLOSE = re.compile(r"\]\s*")
_NEXT = re.compile(r"OR(?=[\s\[])")
_ESCAPE = re.compile(r"\\(['\\])")
_BY_NAME = {"SHA-256": SHA256, "SHA256": SHA256, "SHA-1": SHA1, "SHA1": SHA1, "MD5": MD5, "MD-5": MD5}


def observables_of(pattern: str) -> tuple[Observable, ...]:
    """Return the observables of a pattern, each once, in its order.

    Raises:
        Rejected: `UnsupportedPattern` or `BadHash`.
    """
    usual = _USUAL.fullmatch(pattern)
    if usual is not None:
        algorithm, value = _BY_NAME.get(usual[1] or usual[2]), usual[3]
        if algorithm is not None and len(value) == algorithm.digits:
            return (Observable(algorithm.key, value.lower()),)
    observables: list[Observable] = []
    position = 0
    while True:
        position = _read_bracket(pattern, position, observables)
        if position == len(pattern):
            return tuple(dict.fromkeys(observables))
        position = _expect(_NEXT, pattern, position)


def _read_bracket(pattern: str, position: int, observables: list[Observable]) -> int:
    """Read a bracket, add its observables to `observables` and return where it ends."""
    position = _expect(_OPEN, pattern, position)
    conjunction: list[Observable] = []
    while True:
        comparison = _COMPARISON.match(pattern, position)
        if comparison is None:
            raise _unsupported(pattern, position)
        conjunction.append(_observable(comparison))
        position = comparison.end()
        joint = _JOINT.match(pattern, position)
        if joint is None or joint[1] == "OR":
            _check_conjunction(pattern, conjunction)
            observables += conjunction
            conjunction = []
        if joint is None:
            return _expect(_CLOSE, pattern, position)
        position = joint.end()


def _observable(comparison: re.Match[str]) -> Observable:
    value = comparison["value"]
    if "\\" in value:
        value = _ESCAPE.sub(r"\1", value)
    if comparison["kind"]:
        return value_observable(comparison["kind"], value)
    name = comparison["quoted"] or comparison["bare"]
    algorithm = ALGORITHMS.get(name.replace("-", "").upper())
    if algorithm is None:
        raise Rejected(
            "UnsupportedPattern", f"it compares a hash of kind {masked(name)}, which Sentinel has no key for"
        )
    return hash_observable(algorithm, value)


def _check_conjunction(pattern: str, conjunction: list[Observable]) -> None:
    if len(conjunction) == 1:
        return
    keys = [observable.key for observable in conjunction]
    if not HASH_KEYS.issuperset(keys) or len(set(keys)) != len(keys):
        raise Rejected("UnsupportedPattern", f"it joins by AND what are not the hashes of one file: {masked(pattern)}")


def _expect(token: re.Pattern[str], pattern: str, position: int) -> int:
    match = token.match(pattern, position)
    if match is None:
        raise _unsupported(pattern, position)
    return match.end()


def _unsupported(pattern: str, position: int) -> Rejected:
    return Rejected("UnsupportedPattern", f"its pattern {masked(pattern)} is not understood from character {position}")
