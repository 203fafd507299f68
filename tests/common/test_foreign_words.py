"""What a server repeats of a secret is not kept, whatever its form."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mti.common.errors import Pause, Poison, Retry
from mti.common.foreign_words import without_secrets, words_of_others
from mti.common.logs import PASSING, Redaction, redaction
from mti.common.secret_forms import forms_of

pytestmark = pytest.mark.pure

SECRETS = ["aB3~x/Y+z=8Q_.1", 'quote"and\\slash/é', "<tag>&amp;'x'~9", "s pace  and\ttab"]
JWT = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL20ifQ.c2lnbmF0dXJlLW9mLXRoaXM"

FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda secret: secret,
    "with a line break": lambda secret: f"{secret}\n",
    "percent-encoded": lambda secret: quote(secret, safe=""),
    "percent-encoded in lower case": lambda secret: (
        quote(secret, safe="").lower() if secret.islower() else quote(secret)
    ),
    "a form": lambda secret: urlencode({"client_secret": secret}),
    "quoted twice": lambda secret: quote(quote(secret, safe=""), safe=""),
    "JSON": lambda secret: json.dumps({"said": secret}),
    "JSON beyond ASCII": lambda secret: json.dumps(secret, ensure_ascii=False),
    "JSON with its slashes escaped": lambda secret: json.dumps(secret).replace("/", "\\/"),
    "JSON in JSON": lambda secret: json.dumps(json.dumps({"a": secret})),
    "HTML": html.escape,
    "HTML with numbers": lambda secret: html.escape(secret).replace("&#x27;", "&#39;"),
    "repr": repr,
    "bytes": lambda secret: repr(secret.encode()) if secret.isascii() else secret,
    "Base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "Basic": lambda secret: "Basic " + base64.b64encode(f"me:{secret}".encode()).decode(),
    "Basic, another user": lambda secret: base64.b64encode(f"user:{secret}".encode()).decode(),
    "Basic, a third": lambda secret: base64.b64encode(f"users:{secret}:more".encode()).decode(),
    "Basic of RFC 6749": lambda secret: base64.b64encode(f"id:{quote_plus(secret)}".encode()).decode(),
    "Base64 for addresses": lambda secret: base64.urlsafe_b64encode(f"a{secret}b".encode()).decode(),
    "Base64 in a query": lambda secret: quote(base64.b64encode(f"ab{secret}".encode()).decode(), safe=""),
}


def leaks(text: str, secret: str) -> list[str]:
    """Return pieces of a form of the secret that are left: half of it would be a leak too."""
    pieces = {form[start : start + 10] for form in forms_of(secret) for start in range(len(form) - 9)}
    return sorted(piece for piece in pieces if piece in text)


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_found_in_every_form(secret: str, form: str) -> None:
    known = Redaction()
    known.add(secret)
    masked = known.apply(f"they said: {FORMS[form](secret)} (end)")
    assert leaks(masked, secret) == []
    assert masked.startswith("they said: ")
    assert masked.endswith("(end)")


@given(
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=10, max_size=60), st.binary(max_size=9)
)
def test_a_secret_is_found_in_base64_wherever_it_begins(secret: str, before: bytes) -> None:
    known = Redaction()
    known.add(secret)
    masked = known.apply(base64.b64encode(before + secret.encode() + b"!").decode())
    for place in range(len(masked)):
        for length in (4, 8, 12):
            piece = masked[place : place + length]
            if len(piece) == length and "*" not in piece:
                assert secret.strip()[2:-2].encode() not in base64.b64decode(piece + "==", altchars=b"-_")


@pytest.mark.parametrize(
    "said",
    [
        JWT,
        f"Illegal header value b'Bearer {JWT}\\n'",
        f"authorization: bearer {'x9' * 12}",
        f"Basic-Cloud {base64.b64encode(b'me@example.org:password-1').decode()}",
        f"MC {'accesskey1' * 2}:{'c2lnbmF0dXJl' * 2}=",
        "https://x.example/y?sv=2024&sig=abcdefgh%2Fijk%3D&se=1",
        "SharedAccessSignature sr=sb%3A%2F%2Fx&sig=abcdefgh%2Fijk%3D&se=17&skn=Root",
        "Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey=abcdefghijk=",
        '{"access_token": "abcdefghijk", "token_type": "x"}',
        "grant_type=client_credentials&client_secret=abcdefghijk",
    ],
)
def test_what_has_the_shape_of_a_credential_is_masked_though_nobody_knows_it(said: str) -> None:
    masked = without_secrets(said)
    assert "***" in masked
    for piece in ("eyJ0", "eyJhd", "c2lnbmF0", "abcdefgh", "x9x9", "bWVAZXhhbXBs", "accesskey1"):
        assert piece not in masked


def test_innocent_words_stay() -> None:
    said = 'The role "basic reader" has no access; the code is "err_no_access": sign in with a Bearer token again'
    assert words_of_others(said) == said


def test_a_secret_is_masked_before_the_text_is_cut() -> None:
    secret = "a-secret-that-stands-where-the-cut-is"
    redaction.add(secret)
    for limit in range(5, 60):
        assert "a-secret" not in words_of_others(f"they said: {secret} and more", limit)


def test_a_token_is_forgotten_when_many_others_came() -> None:
    known = Redaction()
    known.add_passing("the-first-token\n")
    assert known.apply("b'the-first-token'") == "b'***'"
    for number in range(PASSING):
        known.add_passing(f"another-token-{number:06}")
    assert known.apply("another-token-000001 the-first-token") == "*** the-first-token"


@pytest.mark.parametrize("kind", [Pause, Poison, Retry])
def test_no_error_says_a_secret_that_is_known(kind: type[Pause | Poison | Retry]) -> None:
    redaction.add("a-secret-in-an-error")
    error = kind("Reason", "they said a-secret-in-an-error")
    assert (error.description, str(error)) == ("they said ***", "Reason: they said ***")
