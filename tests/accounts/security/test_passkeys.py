"""Passkeys: adding, signing in by one alone, stepping up, renaming, removing."""

import json
import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.conf import LazySettings
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.exceptions import LastWayIn
from accounts.models import User
from accounts.security.forms import NAME_LIMIT
from accounts.sign_in.factors import factors_of
from accounts.sign_in.removal import remove_passkey, remove_password
from ledger.text.lines import is_readable
from tests.factories import PASSWORD, UserFactory
from tests.pages import text_of
from tests.passkeys import SoftPasskey, add_passkey
from tests.sign_in import add_recovery_codes, let_pass, mailed_code, prove, prove_factor

pytestmark = pytest.mark.django_db
LONG = "seven-quiet-harbours"
ADD, SIGN_IN = "/account/2fa/webauthn/add/", "/account/2fa/webauthn/login/"
MAKE = "/account/2fa/webauthn/signup/"
STEP_UP, DROP = "/account/2fa/webauthn/reauthenticate/", "/account/security/password/remove/"


@pytest.fixture(autouse=True)
def no_rate_limits_left_over() -> None:
    cache.clear()


@pytest.fixture
def ana(client: Client) -> User:
    ana: User = UserFactory(password=LONG)
    client.force_login(ana)
    prove(client, ana)
    return ana


def options_in(response: Any) -> dict[str, Any]:
    """The options that a page hands to the browser."""
    pattern = r'<script id="passkey-options" type="application/json">(.*?)</script>'
    found = re.search(pattern, response.content.decode(), re.DOTALL)
    assert found
    options: dict[str, Any] = json.loads(found[1])
    return next(iter(options.values()))["publicKey"]  # type: ignore[no-any-return]


def sign_in_by(client: Client, passkey: SoftPasskey, **form: str) -> Any:
    answer = client.get(SIGN_IN, headers={"accept": "application/json"}).json()
    challenge = answer["request_options"]["publicKey"]["challenge"]
    return client.post(SIGN_IN, {"credential": passkey.sign(challenge), **form})


def test_a_passkey_is_added_and_told_by_mail(client: Client, ana: User) -> None:
    options = options_in(client.get(ADD))
    passkey = SoftPasskey(ana, site="testserver")
    form = {"name": "  My   phone ", "credential": passkey.register(options["challenge"])}
    response = client.post(ADD, form | {"passwordless": "on"}, follow=True)

    (added,) = factors_of(ana).passkeys
    assert (added.name, added.is_passwordless) == ("My phone", True)
    assert factors_of(ana).recovery_codes is None
    assert "Make codes" in text_of(response)
    (told,) = mail.outbox
    assert (told.subject, told.to) == ("A passkey was added", [ana.email])


def test_somebody_signs_up_by_a_passkey_without_any_password(client: Client) -> None:
    form = {"name": "Nina Berg", "email": "nina@example.com"}
    client.post("/account/signup/passkey/", form)
    nina = User.objects.get()
    assert client.get("/").status_code == 302
    answer = client.post("/account/confirm-email/", {"code": mailed_code()})
    assert answer.headers["Location"] == MAKE
    assert client.get("/").status_code == 302

    passkey = SoftPasskey(nina, site="testserver")
    made = passkey.register(options_in(client.get(MAKE))["challenge"])
    assert client.post(MAKE, {"name": "Phone", "credential": made}).headers["Location"] == "/"
    assert client.get("/").status_code == 200
    assert not User.objects.get().has_usable_password()
    client.post("/account/logout/")
    assert sign_in_by(client, passkey).headers["Location"] == "/"


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "[::1]:8000", "192.0.2.7"])
def test_an_ip_address_takes_no_sign_up_by_passkey(
    client: Client, settings: LazySettings, host: str
) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1", "[::1]", "192.0.2.7"]
    form, url = {"name": "Nina Berg", "email": "nina@example.com"}, "/account/signup/passkey/"
    answer = client.post(url, form, headers={"host": host})
    assert not mail.outbox
    assert not User.objects.exists()
    shown = client.get(url, headers={"host": host}).content.decode()
    assert 'name="email"' not in shown
    localhost = 'href="http://localhost:8000/account/signup/passkey/"'
    assert (localhost in shown) == (host != "192.0.2.7")
    assert "not accept passkeys at" in answer.content.decode()


def test_an_ip_address_takes_no_further_passkey(client: Client, settings: LazySettings) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    ana = UserFactory(password=PASSWORD)
    client.force_login(ana)
    prove(client, ana)
    page = client.get(ADD, headers={"host": "127.0.0.1"}).content.decode()
    assert "not accept passkeys at" in page
    assert 'id="passkey"' not in page


def test_without_the_code_nobody_makes_a_first_passkey(client: Client) -> None:
    form = {"name": "Nina Berg", "email": "nina@example.com"}
    client.post("/account/signup/passkey/", form)
    made = SoftPasskey(User.objects.get(), site="testserver").register("AAAA")
    answer = client.post(MAKE, {"name": "Phone", "credential": made})
    assert answer.status_code == 302
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("wrong", [{"name": "\u0410na"}, {"email": "x"}, {"name": "\u200d"}])
def test_a_mistake_in_signing_up_by_a_passkey_is_said(client: Client, wrong: Any) -> None:
    form = {"name": "Nina Berg", "email": "nina@example.com"}
    assert client.post("/account/signup/passkey/", form | wrong).status_code == 200
    assert not User.objects.exists()


def test_adding_needs_a_fresh_step_up(client: Client) -> None:
    ana = UserFactory(password=PASSWORD)
    client.force_login(ana)
    let_pass(client, minutes=6)
    for answer in (client.get(ADD), client.post(ADD, {})):
        assert "/account/reauthenticate/?next=" in answer.headers["Location"]


def test_a_passkey_that_verifies_nobody_is_refused(client: Client, ana: User) -> None:
    options = options_in(client.get(ADD))
    assert options["authenticatorSelection"]["userVerification"] == "required"
    passkey = SoftPasskey(ana, site="testserver", verifies=False)
    client.post(ADD, {"name": "Key", "credential": passkey.register(options["challenge"])})
    assert not Authenticator.objects.exists()


def test_a_passkey_signs_in_alone(client: Client) -> None:
    ana = UserFactory(password=PASSWORD)
    passkey = add_passkey(ana)
    response = sign_in_by(client, passkey, next="/accounts/")
    assert response.headers["Location"] == "/accounts/"
    assert client.get("/").status_code == 200


def test_a_passkey_steps_up(client: Client) -> None:
    ana = UserFactory(password=PASSWORD)
    passkey = add_passkey(ana)
    client.force_login(ana)
    assert client.get(ADD).headers["Location"].startswith(STEP_UP)
    challenge = options_in(client.get(STEP_UP))["challenge"]
    answer = client.post(STEP_UP, {"credential": passkey.sign(challenge), "next": ADD})
    assert answer.headers["Location"] == ADD
    assert client.get(ADD).status_code == 200


def test_passkeys_belong_to_the_one_address_of_the_site(
    client: Client, settings: LazySettings
) -> None:
    settings.LEDGER_URL = "https://bank.example:8443"
    settings.ALLOWED_HOSTS = ["bank.example", "other.example"]
    ana, own = UserFactory(), {"host": "other.example", "accept": "application/json"}
    passkey = add_passkey(ana, site="bank.example")
    answer = client.get(SIGN_IN, headers=own).json()["request_options"]["publicKey"]
    assert answer["rpId"] == "bank.example"
    for site, status in (("other.example", 302), ("bank.example", 200)):
        passkey.site = site
        challenge = client.get(SIGN_IN, headers=own).json()["request_options"]["publicKey"]
        client.post(SIGN_IN, {"credential": passkey.sign(challenge["challenge"])}, headers=own)
        assert client.get("/", headers=own).status_code == status


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("localhost", "http://localhost:8000", 200),
        ("localhost", "https://localhost", 200),
        ("bank.example", "http://bank.example", 302),
        ("bank.example", "https://evil.example", 302),
    ],
)
def test_plain_http_is_taken_from_localhost_alone(
    client: Client, settings: LazySettings, host: str, origin: str, status: int
) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "bank.example"]
    passkey = add_passkey(UserFactory(), site=host)
    passkey.origin = origin
    own = {"host": host, "accept": "application/json"}
    options = client.get(SIGN_IN, headers=own).json()["request_options"]["publicKey"]
    client.post(SIGN_IN, {"credential": passkey.sign(options["challenge"])}, headers=own)
    assert client.get("/", headers=own).status_code == status


def test_a_passkey_is_renamed_by_its_owner_alone(client: Client, ana: User) -> None:
    rows = [add_passkey(person, name="Phone").row for person in (ana, UserFactory())]
    prove_factor(client, rows[0])
    for row in rows:
        client.post(f"/account/2fa/webauthn/keys/{row.pk}/edit/", {"name": " Desk \n key "})
        row.refresh_from_db()
    assert [row.wrap().name for row in rows] == ["Desk key", "Phone"]
    client.post(f"/account/2fa/webauthn/keys/{rows[0].pk}/edit/", {"name": "x" * (NAME_LIMIT + 1)})
    rows[0].refresh_from_db()
    assert rows[0].wrap().name == "Desk key"


def test_a_new_passkey_has_a_name_that_can_be_read(client: Client, ana: User) -> None:
    options = options_in(client.get(ADD))
    made = SoftPasskey(ana, site="testserver").register(options["challenge"])
    client.post(ADD, {"name": "\u200b\u202e", "credential": made})
    (added,) = factors_of(ana).passkeys
    assert is_readable(added.name)


def test_a_passkey_keeps_its_name_if_nobody_could_read_the_new_one(
    client: Client, ana: User
) -> None:
    row = add_passkey(ana, name="Phone").row
    prove_factor(client, row)
    client.post(f"/account/2fa/webauthn/keys/{row.pk}/edit/", {"name": "\u200b\u202e"})
    row.refresh_from_db()
    assert row.wrap().name == "Phone"


def test_a_passkey_is_removed_with_the_recovery_codes_and_told_by_mail(
    client: Client, ana: User
) -> None:
    row = add_passkey(ana).row
    prove_factor(client, row)
    client.post("/account/2fa/recovery-codes/")
    assert factors_of(ana).recovery_codes == 10
    mail.outbox.clear()
    url = f"/account/2fa/webauthn/keys/{row.pk}/remove/"
    assert "Remove Phone?" in text_of(client.get(url))
    assert "The passkey is removed." in text_of(client.post(url, follow=True))

    assert not Authenticator.objects.filter(user=ana).exists()
    (told,) = mail.outbox
    assert (told.subject, told.to) == ("A passkey was removed", [ana.email])


def test_a_passkey_beside_a_short_password_stays(client: Client, ana: User) -> None:
    row = add_passkey(ana).row
    ana.set_password("eight-ch")
    ana.save()
    client.force_login(ana)
    prove_factor(client, row)
    page = client.post(f"/account/2fa/webauthn/keys/{row.pk}/remove/")
    assert "Choose a longer password first" in text_of(page)
    assert Authenticator.objects.filter(pk=row.pk).exists()


def test_nobody_removes_the_passkey_of_another(client: Client, ana: User) -> None:
    row = add_passkey(UserFactory()).row
    url = f"/account/2fa/webauthn/keys/{row.pk}/remove/"
    assert [client.get(url).status_code, client.post(url).status_code] == [404, 404]
    assert Authenticator.objects.filter(pk=row.pk).exists()


def test_a_passkey_can_be_the_only_factor(client: Client, ana: User) -> None:
    passkey = add_passkey(ana)
    prove_factor(client, passkey.row)
    assert "Remove your password?" in text_of(client.get(DROP))
    response = client.post(DROP, follow=True)

    ana.refresh_from_db()
    assert not ana.has_usable_password()
    assert "Only your passkeys sign you in" in text_of(response)
    assert [told.subject for told in mail.outbox] == ["Your password was removed"]
    client.post("/account/logout/")
    assert sign_in_by(client, passkey).headers["Location"] == "/"


def test_what_replaces_lost_passkeys_is_said_wherever_the_password_is_removed(
    client: Client, ana: User
) -> None:
    passkey = add_passkey(ana)
    add_recovery_codes(ana)
    prove_factor(client, passkey.row)
    way = "and a recovery code"
    asked = text_of(client.get(DROP))
    assert way in asked
    assert "Without these codes, only the bank" in asked
    removed = text_of(client.post(DROP, follow=True))
    assert way in removed
    assert "Your passkeys sign you in" in removed
    assert "Only your passkeys" not in removed
    assert way in mail.outbox[0].body


def test_the_last_way_in_stays(client: Client, ana: User) -> None:
    assert "Add a passkey first" in text_of(client.post(DROP, follow=True))
    ana.refresh_from_db()
    assert ana.has_usable_password()

    row = add_passkey(ana).row
    remove_password(user=ana)
    client.force_login(User.objects.get(pk=ana.pk))
    prove_factor(client, row)
    url = f"/account/2fa/webauthn/keys/{row.pk}/remove/"
    assert "You have no other way to sign in" in text_of(client.post(url))
    with pytest.raises(LastWayIn):
        remove_passkey(passkey=row)
    assert Authenticator.objects.filter(pk=row.pk).exists()


def test_other_sessions_end_when_the_password_goes(client: Client, ana: User) -> None:
    elsewhere = Client()
    elsewhere.force_login(ana)
    prove_factor(client, add_passkey(ana).row)
    client.post(DROP)
    assert client.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 302
