"""Nobody can bypass a second factor: by guessing, by replay, with another person's passkey, or with
an unfinished sign-in.
"""

import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.conf import LazySettings
from django.core.cache import cache
from django.test import Client

from accounts.models import SignIn, User
from accounts.security.second_factor_rule import WANTED
from accounts.sign_in import recovery_codes
from accounts.sign_in.encryption import encrypt
from accounts.sign_in.factors import Kind
from accounts.sign_in.recovery_codes import old_digest_of
from tests.attacks.answers import METHODS, ask
from tests.attacks.bank import AttackedBank
from tests.attacks.digests import table_digests
from tests.attacks.people import signed_in
from tests.attacks.walk import addresses
from tests.factories import PASSWORD, UserFactory
from tests.pages import text_of
from tests.passkeys import SoftPasskey, add_passkey
from tests.security_events import security_events
from tests.sign_in import (
    add_app,
    add_recovery_codes,
    after_the_password,
    code_of,
    freeze_codes,
    is_signed_in,
    prove,
)

pytestmark = pytest.mark.django_db
SECOND, STEP_UP = "/account/2fa/authenticate/", "/account/2fa/reauthenticate/"
ASKED_OFTEN, OTHERS = ("GET", "POST"), ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE")
BY_PASSKEY = "/account/2fa/webauthn/login/"
STEP_UP_BY_PASSKEY = "/account/2fa/webauthn/reauthenticate/"
# The pages for a person who knows only the password: the pages for strangers, and the next step.
FOR_STRANGERS = (
    "account_",
    "api:docs",
    "api:nothing_here",
    "api:openapi",
    "api:problems",
    "mfa_authenticate",
    "nothing_here",
    "readyz_verbose",  # the short response
    "security:sign_in_by_passkey",
    "socialaccount_",
    "theme",
    "transactions:alert_mails_end",  # with a signed link
    "transactions:privacy",
    "transactions:statement_check",
)


@pytest.fixture(autouse=True)
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    freeze_codes(monkeypatch)
    cache.clear()


@pytest.fixture
def ana() -> User:
    ana: User = UserFactory(email="ana@example.com", password=PASSWORD)
    add_app(ana)
    return ana


def challenge(client: Client, url: str) -> str:
    """Returns the challenge in the page."""
    response: Any = client.get(url, headers={"accept": "application/json"})
    text = response.content.decode()
    found = re.search(r'"challenge": ?"([\w-]+)"', text)
    assert found, text
    return found[1]


# ---- Guessing ----


@pytest.mark.parametrize("kind", ["code of the app", "recovery code"])
def test_guessing_a_code_ends_after_a_few_tries_in_any_session(ana: User, kind: str) -> None:
    codes = add_recovery_codes(ana)
    is_of_app = kind == "code of the app"
    clients = [after_the_password(ana) for _ in range(2)]
    for guess in range(10):
        clients[guess % 2].post(SECOND, {"code": f"{guess:06}" if is_of_app else f"{guess:025}"})
    clients[0].post(SECOND, {"code": code_of() if is_of_app else codes[0]})
    assert not is_signed_in(clients[0])


def test_guessing_goes_on_at_no_other_door(ana: User) -> None:
    client = Client()
    client.force_login(ana)
    for guess in range(10):
        client.post(STEP_UP, {"code": f"{guess:06}"})
    client.post(STEP_UP, {"code": code_of(), "next": "/"})
    assert client.get("/account/2fa/recovery-codes/").status_code == 302


def test_a_stranger_cannot_use_up_the_tries_of_another(ana: User) -> None:
    for guess in range(10):
        Client().post(SECOND, {"code": f"{guess:06}"})
    client = after_the_password(ana)
    client.post(SECOND, {"code": code_of()})
    assert is_signed_in(client)


def guess_from_everywhere(ana: User, code: str) -> None:
    """Guesses from many addresses, as a person who knows the password."""
    for n in range(25):
        thief = after_the_password(ana, Client(REMOTE_ADDR=f"203.0.113.{n}"))
        thief.post(SECOND, {"code": code})
        assert not is_signed_in(thief)


def test_who_knows_the_password_uses_up_no_recovery_code_of_the_owner(ana: User) -> None:
    codes = add_recovery_codes(ana)
    guess_from_everywhere(ana, "ABCDE" * 5)
    owner = after_the_password(ana, Client(REMOTE_ADDR="198.51.100.7"))
    owner.post(SECOND, {"code": codes[0]})
    assert is_signed_in(owner)


@pytest.mark.parametrize("guesses", [0, 1])
def test_old_recovery_codes_are_not_guessed_from_many_addresses(
    ana: User, guesses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery_codes, "OLD_ITERATIONS", 1000)  # each took a tenth of a second
    salt = "5a" * 16
    old = {"codes": [], "old_salt": salt, "old_codes": [encrypt(old_digest_of("24681357", salt))]}
    Authenticator.objects.create(user=ana, type=Kind.RECOVERY_CODES, data=old)
    for _ in range(guesses):
        guess_from_everywhere(ana, "13572468")
    client = after_the_password(ana, Client(REMOTE_ADDR="198.51.100.7"))
    client.post(SECOND, {"code": "24681357"})
    assert is_signed_in(client) is not bool(guesses)


# ---- Replaying ----


def test_a_code_that_signed_in_steps_nobody_up(ana: User) -> None:
    client = after_the_password(ana)
    client.post(SECOND, {"code": code_of()})
    assert is_signed_in(client)
    thief = Client()
    thief.force_login(ana)
    thief.post(STEP_UP, {"code": code_of()})
    assert thief.get("/account/2fa/totp/deactivate/").status_code == 302


def test_a_signature_of_a_passkey_is_taken_once(ana: User) -> None:
    passkey, first = add_passkey(ana), Client()
    seen = passkey.sign(challenge(first, BY_PASSKEY))
    first.post(BY_PASSKEY, {"credential": seen})
    assert is_signed_in(first)

    first.post("/account/logout/")
    for client in (first, Client()):
        client.get(BY_PASSKEY, headers={"accept": "application/json"})
        client.post(BY_PASSKEY, {"credential": seen})
        assert not is_signed_in(client)


# ---- Another's passkey ----


def test_the_passkey_of_another_signs_nobody_else_in(ana: User) -> None:
    eve = UserFactory(password=PASSWORD)
    passkey, client = add_passkey(eve), Client()
    as_ana = passkey.sign(challenge(client, BY_PASSKEY), as_user=ana)
    client.post(BY_PASSKEY, {"credential": as_ana})
    assert not is_signed_in(client)


def test_the_passkey_of_another_is_no_second_factor(ana: User) -> None:
    add_passkey(ana)
    passkey = add_passkey(UserFactory())
    client = after_the_password(ana)
    client.post(SECOND, {"credential": passkey.sign(challenge(client, SECOND))})
    assert not is_signed_in(client)


def test_the_passkey_of_another_steps_nobody_up(ana: User) -> None:
    add_passkey(ana)
    passkey, client = add_passkey(UserFactory()), Client()
    client.force_login(ana)
    signed = passkey.sign(challenge(client, STEP_UP_BY_PASSKEY), as_user=ana)
    client.post(STEP_UP_BY_PASSKEY, {"credential": signed})
    assert client.get("/account/2fa/totp/deactivate/").status_code == 302


@pytest.mark.parametrize("wrong", ["site", "key", "unverified"])
def test_a_signature_with_a_flaw_is_refused(ana: User, wrong: str) -> None:
    passkey, client = add_passkey(ana), Client()
    if wrong == "key":
        passkey.key = SoftPasskey(ana).key
    if wrong == "site":
        passkey.site = "evil.example"
    if wrong == "unverified":
        passkey.verifies = False
    signed = passkey.sign(challenge(client, BY_PASSKEY))
    answer = text_of(client.post(BY_PASSKEY, {"credential": signed}, follow=True))
    assert "choose another way" in answer
    assert "next code" not in answer
    assert not is_signed_in(client)


def test_a_passkey_that_verified_nobody_is_no_second_factor(ana: User) -> None:
    passkey, client = add_passkey(ana), after_the_password(ana)
    passkey.verifies = False
    client.post(SECOND, {"credential": passkey.sign(challenge(client, SECOND))})
    assert not is_signed_in(client)


def test_a_step_up_by_a_wrong_passkey_asks_again_and_still_leads_back(ana: User) -> None:
    passkey, client = add_passkey(ana), Client()
    client.force_login(ana)
    for passkey.verifies, leads_to in (
        (False, f"{STEP_UP_BY_PASSKEY}?next=%2Faccount%2Fdata%2F"),
        (True, "/account/data/"),
    ):
        signed = passkey.sign(challenge(client, STEP_UP_BY_PASSKEY))
        form = {"credential": signed, "next": "/account/data/"}
        assert client.post(STEP_UP_BY_PASSKEY, form).headers["Location"] == leads_to


def test_a_passkey_that_verified_nobody_steps_nobody_up(ana: User) -> None:
    passkey, client = add_passkey(ana), Client()
    client.force_login(ana)
    with security_events() as events:
        for passkey.verifies in (False, True):
            signed = passkey.sign(challenge(client, STEP_UP_BY_PASSKEY))
            client.post(STEP_UP_BY_PASSKEY, {"credential": signed})
    assert events.brief() == [("step_up", "refused"), ("step_up", "ok")]


SHAPED = (
    '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "e30",'
    ' "authenticatorData": "AA", "signature": "AA", "userHandle": %s}}'
)


@pytest.mark.parametrize(
    "junk",
    ["", "null", "[1]", "{}", '{"response": 1}', "[" * 5000, "x" * 30_000]
    + [SHAPED % handle for handle in ('"AA"', "1", "null", '"\\u0000"', '"é"')],
)
def test_junk_instead_of_a_passkey_is_refused_without_an_error(ana: User, junk: str) -> None:
    add_passkey(ana)
    client, half = Client(), after_the_password(ana)
    challenge(client, BY_PASSKEY)
    assert ask(client, "POST", BY_PASSKEY, {"credential": junk}).status < 500
    assert ask(half, "POST", SECOND, {"credential": junk}).status < 500
    assert not is_signed_in(client)
    assert not is_signed_in(half)


# ---- Half a sign-in ----


@pytest.mark.parametrize("methods", [ASKED_OFTEN, OTHERS])
def test_the_password_alone_opens_no_page(bank: AttackedBank, methods: tuple[str, ...]) -> None:
    ana, before = bank.ana, table_digests()
    client = after_the_password(ana.user)
    facts = list(ana.facts())
    wrong = []
    for address in addresses(ana):
        if address.name == "account_logout" or "secret" in address.name:
            continue
        for method in methods:
            answer = ask(client, method, address.url)
            is_open = answer.status == 200 and bool(answer.body)
            if is_open and not address.name.startswith(FOR_STRANGERS):
                wrong.append(f"{method} {address.url}: {answer.status}")
            shown = answer.shown(facts, address.url)
            if shown and address.name != "mfa_authenticate":
                wrong.append(f"{method} {address.url} shows {shown}")
    assert wrong == []
    assert table_digests() == before


# ---- Staff without their second factor ----


@pytest.mark.parametrize(
    ("who", "methods"),
    [("clerk", ASKED_OFTEN), ("root", METHODS)],
)
def test_no_address_of_the_admin_opens_without_a_second_factor(
    bank: AttackedBank, settings: LazySettings, who: str, methods: tuple[str, ...]
) -> None:
    settings.LEDGER_STAFF_SECOND_FACTOR = True
    root = User.objects.create_superuser("root@example.com", name="Root")
    person = {"clerk": bank.clerk, "root": root}[who]
    add_app(person)  # to have a second factor is not enough
    client, before = Client(), table_digests()
    client.force_login(person)
    prove(client, person)

    asked, wrong = 0, []
    for address in addresses(bank.ana):
        is_for_staff = address.url.startswith(settings.LEDGER_STAFF_PATHS)
        if not is_for_staff or address.url == "/admin/logout/":
            continue
        for method in methods:
            answer = ask(client, method, address.url)
            asked += 1
            if answer.status != 302 or not answer.headers["Location"].startswith(
                "/account/security/"
            ):
                wrong.append(f"{method} {address.url}: {answer.status}")
    assert asked > 100
    assert wrong == []
    assert table_digests() == before


def test_the_same_addresses_open_with_a_second_factor(
    bank: AttackedBank, settings: LazySettings
) -> None:
    """Proves that the walk above is not refused for another reason."""
    settings.LEDGER_STAFF_SECOND_FACTOR = True
    root = User.objects.create_superuser("root@example.com", name="Root")
    add_app(root)
    client = signed_in(root)
    urls = ("/admin/", "/admin/search/", "/reports/", f"/admin/accounts/user/{root.pk}/change/")
    assert [client.get(url).status_code for url in urls] == [200] * 4


# ---- A session found open ----

ABOUT_SIGNING_IN = (
    "users",
    "account_emailaddress",
    "mfa_authenticator",
    "socialaccount_socialaccount",
)
CHANGES = {
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_deactivate_totp",
    "mfa_edit_webauthn",
    "security:addresses",
    "security:recovery_codes",
    "security:change_password",
    "security:choose_password",
    "security:drop_password",
    "security:end_other_sessions",
    "security:end_session",
    "security:remove_passkey",
}


def test_an_open_session_changes_nothing_about_signing_in(bank: AttackedBank) -> None:
    """A thief who finds an open session sends every form under /account/."""
    ana = bank.ana
    add_app(ana.user)
    client, before = Client(), table_digests()
    client.force_login(ana.user)
    form = {"action_add": "", "email": "x@mail.example", "name": "x", "password1": "x"}
    asked = set()
    for address in addresses(ana):
        if address.url.startswith("/account/") and address.name != "account_logout":
            answer = ask(client, "POST", address.url, form)
            if "/reauthenticate/?next=" in answer.headers.get("Location", ""):
                asked.add(address.name)
    after = table_digests()
    assert [table for table in ABOUT_SIGNING_IN if after[table] != before[table]] == []
    assert asked >= CHANGES


# ---- With the password alone, where everybody must have a second factor ----


def test_customers_who_need_one_reach_only_what_sets_it_up(
    bank: AttackedBank, settings: LazySettings
) -> None:
    settings.LEDGER_CUSTOMER_SECOND_FACTOR = True
    open_pages = set()
    for address in addresses(bank.ana):
        ana = Client()
        ana.force_login(bank.ana.user)
        answer = ask(ana, "GET", address.url)
        is_refused = address.name.startswith("api:") and answer.status == 403
        leads_there = answer.headers.get("Location", "").startswith("/account/security/")
        if not (leads_there or is_refused):
            open_pages.add(address.name)
    allowed = (*FOR_STRANGERS, "security", "mfa_", "prove_at_provider", "openid_", "csp_report")
    assert [name for name in open_pages if name and not name.startswith(allowed)] == []
    assert {"security:page", "mfa_add_webauthn", "account_logout"} <= open_pages


def test_a_form_that_was_refused_is_no_page_to_come_back_to(
    ana: User, settings: LazySettings
) -> None:
    settings.LEDGER_CUSTOMER_SECOND_FACTOR = True
    client = Client()
    client.force_login(ana)
    assert client.post("/accounts/open/", {"name": "Mine"}).status_code == 302
    assert WANTED not in client.session
    client.get("/accounts/")
    assert client.session[WANTED] == "/accounts/"


# ---- What is noted ----


def test_each_passkey_that_was_refused_is_noted(ana: User) -> None:
    add_passkey(ana)
    other = add_passkey(UserFactory())
    alone, half, inside = Client(), after_the_password(ana), Client()
    inside.force_login(ana)
    for client, url, event in (
        (alone, BY_PASSKEY, "sign_in"), (half, SECOND, "sign_in"),
        (inside, STEP_UP_BY_PASSKEY, "step_up"),
    ):  # fmt: skip
        signed = other.sign(challenge(client, url), as_user=ana)
        with security_events() as events:
            client.post(url, {"credential": signed})
        assert events.brief() == [(event, "refused")]
    (row,) = SignIn.objects.filter(user=ana, outcome=SignIn.Status.REFUSED)
    assert row.method == "passkey"
