"""Wrong responses of an identity provider, and wrong requests to it: a plain page appears, and
nobody is signed in.
"""

from dataclasses import replace

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth import get_user
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from accounts.sign_in.providers import discovery
from ledger.server.mock_provider.provider import FAULTS
from ledger.server.mock_provider.tokens import WRONG_CLAIMS, WRONG_SIGNATURES
from tests.attacks.digests import table_digests
from tests.identity_provider import (
    ANA,
    BACK,
    GO,
    NINA,
    There,
    connect,
    connected,
    is_signed_in,
    mock_server,
    person_here,
    there,
)
from tests.pages import text_of
from tests.security_events import security_events

__all__ = ["mock_server", "there"]
pytestmark = pytest.mark.django_db
# The reason for the refusal in the security log, for the token with each fault.
REASONS = {
    "wrong audience": "wrong_audience",
    "two audiences": "wrong_audience",
    "another party": "wrong_audience",
    "wrong issuer": "wrong_issuer",
    "wrong nonce": "wrong_nonce",
    "missing nonce": "claim_missing",
    "expired": "expired",
    "no expiry": "claim_missing",
    "not yet valid": "not_yet_valid",
    "issued tomorrow": "not_yet_valid",
    "no subject": "wrong_subject",
    "access token": "no_token",
    "alg none": "wrong_algorithm",
    "HS256 with the public key": "wrong_algorithm",
    "another's key": "wrong_signature",
    "unknown key": "unknown_signer",
    "changed afterwards": "wrong_signature",
    "no ID token": "no_token",
    "userinfo of another": "wrong_subject",
    "another issuer answers": "wrong_issuer",
}
HARMLESS_ALONE = {"claims in userinfo", "codes work twice", "no PKCE", "no sign-in time"}


@pytest.fixture(autouse=True)
def no_rate_limits_left_over() -> None:
    cache.clear()


def test_every_wrong_token_has_its_reason() -> None:
    assert {*REASONS} == {*WRONG_CLAIMS, *WRONG_SIGNATURES, *FAULTS} - HARMLESS_ALONE


@pytest.mark.parametrize("fault", REASONS)
def test_a_wrong_answer_signs_nobody_in_and_creates_nothing(
    fault: str, client: Client, there: There
) -> None:
    before = table_digests()
    with security_events() as events:
        response = there.sign_in(client, NINA, fault)

    assert response.status_code == 401
    assert "You are not signed in" in text_of(response)
    assert NINA.email not in response.content.decode()
    assert [line["reason"] for line in events.named("provider.refused")] == [REASONS[fault]]
    assert not is_signed_in(client)
    assert table_digests() == before


@pytest.mark.parametrize("fault", ["wrong nonce", "expired", "another's key"])
def test_a_wrong_answer_does_not_sign_in_who_is_connected_either(
    fault: str, client: Client, there: There
) -> None:
    there.sign_in(client, NINA)
    visitor = Client()
    assert there.sign_in(visitor, NINA, fault).status_code == 401
    assert not is_signed_in(visitor)


def test_a_replayed_answer_is_refused(client: Client, there: There) -> None:
    """Both values work only once: the site's state, and the provider's code."""
    asked = there.go(client)
    answer = there.answer(asked, NINA, "codes work twice")
    assert client.get(BACK, answer).status_code == 302
    assert Client().get(BACK, answer).status_code == 401
    client.post("/account/logout/")
    assert client.get(BACK, answer).status_code == 401
    assert not is_signed_in(client)


def test_a_used_code_is_refused_in_a_new_sign_in(client: Client, there: There) -> None:
    answer = there.answer(there.go(client), NINA)
    client.get(BACK, answer)
    visitor = Client()
    asked = there.go(visitor)
    stolen = {"code": answer["code"], "state": asked["state"]}
    assert visitor.get(BACK, stolen).status_code == 401
    assert not is_signed_in(visitor)


@pytest.mark.parametrize("fault", ["", "no PKCE"])
def test_a_code_of_another_session_is_refused(fault: str, client: Client, there: There) -> None:
    """The provider checks PKCE. If it does not, this site checks the nonce."""
    stolen = there.answer(there.go(Client()), NINA, fault)["code"]
    asked = there.go(client)
    assert client.get(BACK, {"code": stolen, "state": asked["state"]}).status_code == 401
    assert not is_signed_in(client)


@pytest.mark.parametrize("state", [None, "", "made-up"])
def test_nobody_is_signed_in_as_the_attacker(
    state: str | None, client: Client, there: There
) -> None:
    """Tests a link with the attacker's code, which a victim opens, and a link with the attacker's
    state.
    """
    answer = there.answer(there.go(Client()), NINA)
    if state is not None:
        answer["state"] = state
    victim = person_here(ANA)
    client.force_login(victim)
    assert client.get(BACK, answer).status_code == 401
    assert get_user(client) == victim
    assert connected(victim) == 0
    assert not User.objects.filter(email=NINA.email).exists()


def test_a_sign_in_begins_only_with_a_token_of_ours(there: There) -> None:
    assert Client(enforce_csrf_checks=True).post(GO).status_code == 403
    assert Client().get(GO).status_code == 200  # the page requires a button press


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"],
)
def test_no_sign_in_leads_elsewhere(elsewhere: str, client: Client, there: There) -> None:
    response = there.sign_in(client, NINA, next=elsewhere)
    assert response["Location"] == "/"


def test_a_sign_in_leads_to_the_page_that_was_asked_for(client: Client, there: There) -> None:
    assert there.sign_in(client, NINA, next="/accounts/")["Location"] == "/accounts/"


def test_an_address_changes_nothing_of_the_request(client: Client, there: There) -> None:
    """allauth reads these parameters from the address, so a link could send the code to another
    site.
    """
    replaced = "redirect_uri=https://evil.example/&nonce=known&state=known&code_challenge=known"
    asked = there.go(client, auth_params=replaced, scope="admin,offline_access")
    assert asked["redirect_uri"] == f"http://testserver{BACK}"
    assert "known" not in asked.values()
    assert {*asked["scope"].split()} == {"openid", "email", "profile"}
    assert asked["code_challenge_method"] == "S256"


def test_what_goes_to_the_provider_has_no_secret(client: Client, there: There) -> None:
    response = client.post(GO)
    assert there.provider.client_secret not in response["Location"]
    first, second = there.go(client), there.go(client)
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 16
        assert first[name] != second[name]


def test_connecting_cannot_be_forced_on_somebody(client: Client, there: There) -> None:
    """Tests the attacker's sign-in at the provider, in the session of a victim who has just
    confirmed their password. The addresses differ.
    """
    victim = person_here(ANA)
    response = connect(there, client, victim, NINA)
    assert response.status_code == 403
    assert connected(victim) == 0


def test_nobody_connects_in_a_session_that_proves_nothing(client: Client, there: There) -> None:
    """Tests a person who signed in only by a mailed link. Another person may have found the session
    open.
    """
    victim = person_here(ANA)
    victim.set_unusable_password()
    victim.save()
    client.force_login(victim)
    with security_events() as events:
        response = client.post(f"{GO}?process=connect")
    assert response.status_code == 403
    assert [(each["outcome"], each["reason"]) for each in events.named("provider.refused")] == [
        ("refused", "no_password")
    ]


def test_an_address_that_moved_at_the_provider_brings_nobody_in(
    client: Client, there: There
) -> None:
    """Nina takes over Ana's old address at the provider. Ana's user on this site stays Ana's."""
    ana = person_here(ANA)
    connect(there, client, ana, ANA)
    there.know(replace(NINA, email=ANA.email))
    visitor = Client()
    assert there.sign_in(visitor, NINA).status_code == 403
    assert not is_signed_in(visitor)
    assert SocialAccount.objects.count() == 1


def test_the_session_is_a_new_one_after_signing_in(client: Client, there: There) -> None:
    answer = there.answer(there.go(client), NINA)
    before = client.session.session_key
    client.get(BACK, answer)
    assert client.session.session_key != before


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "a" * 256},
        {"sub": "nul\x00"},
        {"sub": "\ud800"},
        {"email": "nul\x00@example.com"},
        {"email": ["nina@example.com"]},
        {"email": "a" * 300 + "@example.com"},
        {"name": {"first": "Nina"}},
        {"name": "\u202eanin"},
        {"name": "N\u0456na"},  # a Cyrillic letter among Latin letters
        {"email_verified": "yes"},
        {"email_verified": ["true"]},
        {"amr": {"mfa": 1}, "acr": ["mfa"], "groups": {"a": 1}, "name": "x" * 5000},
    ],
)
def test_claims_of_an_odd_shape_are_a_plain_refusal(
    claims: dict[str, object], client: Client, there: There
) -> None:
    there.know(replace(NINA, more=claims))
    response = there.sign_in(client, NINA)
    is_in = User.objects.filter(email=NINA.email).exists()
    assert response.status_code in ({302} if is_in else {401, 403})
    assert all(user.name == "anin" for user in User.objects.all())


def test_a_provider_that_is_down_is_a_plain_page(client: Client, there: There) -> None:
    there.configure(issuer="http://127.0.0.1:9")  # the discard port, on which no program responds
    response = client.post(GO)
    assert response.status_code == 401
    assert "You are not signed in" in text_of(response)


def test_a_dead_provider_does_not_keep_visitors_waiting(
    client: Client, there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    there.configure(issuer="http://127.0.0.1:9/again")
    client.post(GO)
    monkeypatch.setattr(discovery, "_read", lambda _issuer: pytest.fail("asked again"))
    assert client.post(GO).status_code == 401


def test_many_ways_to_the_provider_from_one_address_are_limited(
    client: Client, there: There
) -> None:
    answers = [client.post(GO) for _ in range(40)]
    assert {answer.status_code for answer in answers} == {302, 429}
    assert "Wait a few minutes" in text_of(answers[-1])


def test_a_document_of_another_issuer_is_refused(client: Client, there: There) -> None:
    there.configure(issuer=there.provider.issuer.replace("127.0.0.1", "localhost"))
    response = client.post(GO)
    assert response.status_code == 401
