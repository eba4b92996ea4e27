"""Attacks with forged, borrowed and misused access tokens of the identity provider."""

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.test import Client
from django.utils import timezone

from accounts.models import Account, User
from accounts.sign_in.providers import keys
from ledger.server.mock_provider.tokens import WRONG_SIGNATURES, SigningKey
from ledger.web.error_text import without_secrets
from tests.api.calls import slug
from tests.attacks.digests import table_digests
from tests.factories import AccountFactory
from tests.identity_provider import There, mock_server, there
from tests.provider_tokens import (
    AUDIENCE,
    accepts_tokens,
    claims_for,
    connect_row,
    get,
    signed,
    token,
)
from tests.security_events import security_events

__all__ = ["mock_server", "there"]
pytestmark = pytest.mark.django_db
HOUR = 3600


@pytest.fixture
def mine() -> Account:
    account: Account = AccountFactory(balance="1000")
    return account


@pytest.fixture
def bank(there: There, mine: Account, monkeypatch: pytest.MonkeyPatch) -> There:
    monkeypatch.setattr(keys, "_kept", {})
    accepts_tokens(there)
    connect_row(there, mine.user)
    assert get(token(there, "read")).status_code == 200
    return there


def refused(text: str) -> Any:
    """Checks that this text signs nobody in. Returns the reason in the security log."""
    with security_events() as events:
        answer = get(text)
    assert (answer.status_code, slug(answer)) == (401, "token-not-accepted"), answer.content
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    (line,) = events.named("credential.used")
    assert (line["outcome"], line["kind"]) == ("refused", "provider_token")
    return line["reason"]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"iss": "https://evil.example"}, "wrong_issuer"),
    "the issuer with a slash": ({"iss": "{iss}/"}, "wrong_issuer"),
    "no issuer": ({"iss": None}, "claim_missing"),
    "another API": ({"aud": "https://other.example"}, "wrong_audience"),
    "the sign-in's client": ({"aud": "ledger-test"}, "wrong_audience"),
    "a longer audience": ({"aud": f"{AUDIENCE}.evil.example"}, "wrong_audience"),
    "no audience": ({"aud": None}, "claim_missing"),
    "an empty list of audiences": ({"aud": []}, "claim_missing"),
    "expired": ({"iat": -HOUR, "exp": -60}, "expired"),
    "no expiry": ({"exp": None}, "claim_missing"),
    "issued long ago": ({"iat": -25 * HOUR, "exp": HOUR}, "expired"),
    "no time of issue": ({"iat": None}, "claim_missing"),
    "not yet valid": ({"nbf": HOUR}, "not_yet_valid"),
    "issued tomorrow": ({"iat": 24 * HOUR, "exp": 25 * HOUR}, "not_yet_valid"),
    "no subject": ({"sub": None}, "claim_missing"),
    "an empty subject": ({"sub": ""}, "wrong_subject"),
    "half a character as subject": ({"sub": "\ud800"}, "wrong_subject"),
    "an unknown subject": ({"sub": "sub-stranger"}, "unknown"),
    "an ID token of Cognito": ({"token_use": "id"}, "no_access_token"),
    "an ID token of Keycloak": ({"typ": "ID"}, "no_access_token"),
    "a refresh token of Keycloak": ({"typ": "Refresh"}, "no_access_token"),
    "bound to a key": ({"cnf": {"jkt": "0ZcOCORZNYy"}}, "bound_elsewhere"),
}
TIMES = ("iat", "exp", "nbf")


@pytest.mark.parametrize("name", WRONG)
def test_a_token_with_wrong_claims_signs_nobody_in(bank: There, name: str) -> None:
    changes, reason = WRONG[name]
    now, issuer = int(time.time()), bank.provider.issuer
    for claim, value in changes.items():
        if claim in TIMES and value is not None:
            changes = {**changes, claim: now + value}
        elif isinstance(value, str):
            changes = {**changes, claim: value.replace("{iss}", issuer)}
    before = table_digests()
    assert refused(token(bank, "read", **changes)) == reason
    assert table_digests() == before


def test_a_clock_may_differ_by_some_seconds(bank: There) -> None:
    now = int(time.time())
    assert get(token(bank, "read", exp=now - 5, nbf=now + 5)).status_code == 200


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("alg none", "wrong_algorithm"),
        ("HS256 with the public key", "wrong_algorithm"),
        ("another's key", "wrong_signature"),
        ("unknown key", "unknown_signer"),
        ("changed afterwards", "wrong_signature"),
    ],
)
def test_a_token_with_a_wrong_signature_signs_nobody_in(
    bank: There, name: str, reason: str
) -> None:
    key = bank.provider.keys[-1]
    assert refused(WRONG_SIGNATURES[name](key, claims_for(bank, "read"))) == reason


def raw(header: Any, claims: Any, signature: str = "c2ln") -> str:
    parts = (value if isinstance(value, str) else json.dumps(value) for value in (header, claims))
    encoded = (base64.urlsafe_b64encode(each.encode()).rstrip(b"=").decode() for each in parts)
    return ".".join([*encoded, signature])


def test_an_algorithm_by_another_spelling_is_another(bank: There) -> None:
    kid = bank.provider.keys[-1].kid
    for alg in ("none", "None", "NONE", "nOnE", "", None, "rs256", "RS512", "HS256", ["RS256"], 1):
        assert refused(raw({"alg": alg, "kid": kid}, claims_for(bank, "read"))) in (
            "wrong_algorithm", "unreadable",
        )  # fmt: skip


@pytest.mark.parametrize(
    "kid",
    [
        "../../../../dev/null", "/dev/null", "file:///etc/passwd", "http://127.0.0.1/key",
        "' OR 1=1 --", "\x00", "\ud800", "", "x" * 5000, None, 7, ["{kid}"], {"kid": "{kid}"},
        "{kid} ", "{KID}",
    ],
)  # fmt: skip
def test_a_key_id_names_a_key_of_the_provider_and_nothing_else(bank: There, kid: Any) -> None:
    known = bank.provider.keys[-1].kid
    text = json.dumps(kid).replace("{kid}", known).replace("{KID}", known.upper())
    header = f'{{"alg": "RS256", "kid": {text}}}'
    assert refused(raw(header, claims_for(bank, "read"))) in ("unknown_signer", "unreadable")


def test_a_token_brings_and_names_no_key_of_its_own(bank: There) -> None:
    evil = SigningKey()
    reads = bank.provider.key_reads
    for header in (
        {"jku": f"{bank.provider.issuer}/evil.json"},
        {"jwk": evil.public_jwk()},
        {"x5u": "http://127.0.0.1/evil.pem"},
        {"x5c": ["MIIB"]},
    ):
        for kid in (evil.kid, bank.provider.keys[-1].kid):
            text = jwt.encode(
                claims_for(bank, "read"), evil.private, "RS256", headers={**header, "kid": kid}
            )
            assert refused(text) in ("unknown_signer", "wrong_signature")
        text = signed(bank, claims_for(bank, "read"), **header)
        assert get(text).status_code == 200  # the header is ignored
    assert bank.provider.key_reads == reads


def test_a_critical_extension_that_is_not_known_is_refused(bank: There) -> None:
    text = signed(bank, claims_for(bank, "read"), crit=["x"], x=1)
    assert refused(text) == "unreadable"


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_keys_of_other_kinds_verify_nothing(bank: There, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key set may contain keys for encryption, keys of other algorithms, or keys with a
    secret.
    """
    good = bank.provider.keys[-1]
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    short_jwk = jwt.algorithms.RSAAlgorithm.to_jwk(short.public_key(), as_dict=True)
    found = [
        good.public_jwk(),
        {**jwt.algorithms.ECAlgorithm.to_jwk(curve, as_dict=True), "kid": "curve"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
        {**good.public_jwk(), "kid": "encryption", "use": "enc"},
        {**good.public_jwk(), "kid": "other", "alg": "RS512"},
        {"kty": "RSA", "kid": "broken"},
        {**short_jwk, "kid": "short"},
        "no key",
    ]
    monkeypatch.setattr(keys, "_kept", {})
    bank.provider.key_set = lambda: {"keys": found}  # type: ignore[method-assign]
    try:
        assert get(token(bank, "read")).status_code == 200
        for kid in ("curve", "secret", "encryption", "other", "broken"):
            text = signed(bank, claims_for(bank, "read"), kid=kid)
            assert refused(text) == "unknown_signer"
        text = jwt.encode(claims_for(bank, "read"), short, "RS256", headers={"kid": "short"})
        assert refused(text) == "unreadable"
    finally:
        del bank.provider.key_set


@pytest.mark.parametrize(
    "header", ["[" * 9000, "{" * 9000, "null", "[]", "1", '"RS256"', '{"alg": "RS256"', "{}"]
)
def test_a_header_that_is_no_header_is_refused(bank: There, header: str) -> None:
    assert refused(raw(header, "{}")) in ("unreadable", "wrong_algorithm")


@pytest.mark.parametrize("typ", ["logout+jwt", "dpop+jwt", "secevent+jwt", "id+jwt", 7])
def test_a_token_of_another_type_is_no_access_token(bank: There, typ: Any) -> None:
    text = signed(bank, claims_for(bank, "read"), typ=typ)
    assert refused(text) in ("no_access_token", "unreadable")


def test_the_id_token_of_a_sign_in_is_no_access_token(bank: There) -> None:
    asked = bank.go(Client())
    code = bank.brought_back(bank.provider.authorize(asked, "sub-ana"))["code"]
    grant = bank.provider._codes[code]
    assert refused(bank.provider._id_token(grant)["id_token"]) == "wrong_audience"


def test_a_token_makes_nobody_and_connects_nobody_by_an_address(bank: There, mine: Account) -> None:
    before = User.objects.count()
    claims = {"sub": "sub-new", "email": mine.user.email, "email_verified": True, "name": "New"}
    assert refused(token(bank, "read", **claims)) == "unknown"
    assert User.objects.count() == before


def test_the_same_subject_of_another_issuer_is_somebody_else(bank: There) -> None:
    """After the bank has changed its provider, old connections give no access."""
    text = token(bank, "read", sub="sub-ana")
    bank.provider.issuer, old = f"{bank.provider.issuer}/new", bank.provider.issuer
    try:
        assert refused(token(bank, "read")) == "wrong_issuer"
    finally:
        bank.provider.issuer = old
    assert get(text).status_code == 200


def test_a_closed_sign_in_is_closed_for_tokens(bank: There, mine: Account) -> None:
    User.objects.filter(pk=mine.user.pk).update(deleted_at=timezone.now())
    assert refused(token(bank, "read")) == "closed"


def test_another_persons_rows_stay_theirs(bank: There) -> None:
    other = AccountFactory(balance="5")
    assert (
        get(token(bank, "read", "staff", "report"), f"/api/v1/accounts/{other.pk}/").status_code
        == 404
    )


def test_policies_know_the_person_of_a_providers_token(
    rows_secured: None, bank: There, mine: Account
) -> None:
    AccountFactory(balance="5")
    rows = get(token(bank, "read")).json()["results"]
    assert [row["id"] for row in rows] == [str(mine.pk)]


def test_a_providers_token_opens_no_page_and_uses_no_session(bank: There, client: Client) -> None:
    stranger = AccountFactory().user
    client.force_login(stranger)
    text = token(bank, "read")
    (row,) = get(text, client=client).json()["results"]
    assert row["id"] != str(stranger.accounts.get().pk)
    assert get(text, "/").status_code == 302
    assert refused_beside(client, f"{text[:-4]}AAAA")


def refused_beside(client: Client, text: str) -> bool:
    """Returns whether a wrong token is refused although the client is signed in."""
    return bool(get(text, client=client).status_code == 401)


def test_a_providers_token_is_cut_out_of_logs(bank: There) -> None:
    text = token(bank, "read")
    header, body, signature = text.split(".")
    assert without_secrets(f"failed with Bearer {text}") == f"failed with Bearer {header}.…"
    assert body not in without_secrets(f"{{'HTTP_AUTHORIZATION': '{text}'}}")
    for before in ("", "x-", "eyJ-", "eyJ.", "a=", "."):
        assert signature not in without_secrets(f"{before}{text}")
