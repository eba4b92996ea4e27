"""Weak passwords are refused everywhere. Long passwords of any characters are accepted."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.password_validation import validate_password
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.exceptions import PasswordTooShort
from accounts.models import User
from accounts.sign_in import passwords
from accounts.sign_in.removal import remove_passkey
from tests.factories import UserFactory
from tests.pages import text_of
from tests.passkeys import add_passkey
from tests.sign_in import add_app, prove_factor

pytestmark = pytest.mark.django_db

GOOD = "seven blue lamps at dusk"
WEAK = [
    "aaaaaaaaaaaa",
    "Password123!",
    "aaaaaaaaaaaaaaaa",
    "123456789012345",
    "abcabcabcabcabcabc",
    "correct horse correct horse ",
    "abcdefghijklmnopq",
    "qwertyuiopasdfghjkl",
    "password1234567890",
    "P@ssw0rd!!!!!!!!!!!",
    "f15h3rman!2024!24",
    "LedgerPassword2026!",
    "Ana Ferreira 1990",
    "ana.ferreira@1985!!!",
    "f3rre1ra-ana-ferreira",
    "short words",
    "iloveyouiloveyou1",
    "zaq12wsxcde34rfv",
    "1q2w3e4r5t6y7u8i",
    "qazwsxedcrfvtgb",
    "michaeljennifer1",
    "thequickbrownfox",
    "Summer2026Winter2026",
    "correct horse battery staple",
    "correct horse battery",
    "Passw0rd!Passw0rd?",
    "passwordpassworda",
    "trustno1trustno1x",
    "welcome to the bank",
    "maytheforcebewithyou",
]
STRONG = [
    GOOD,
    "summer rain on violet gutters",
    "purple monkey dragon staircase",
    "orange winter tiger guitar",
    "ana likes ferreira wine",
    "482071936650173",
    "кириллица под дождём",
    "\u5c71\u7530\u82b1\u5b50\u3068\u9752\u3044\u6d77\u306e\u9ce5\u304c\u9ad8\u304f\u6b4c\u3046",
    "x7" + "long words " * 1 + "and many more of them, up to sixty-four characters at the least",
    "".join(chr(33 + (7 * n) % 90) for n in range(passwords.LONGEST)),
]


def ana() -> User:
    return User(name="Ana Ferreira", email="ana.ferreira@example.com")


@pytest.mark.parametrize("password", WEAK)
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password, ana())


@pytest.mark.parametrize("password", STRONG)
def test_a_strong_password_needs_no_special_characters(password: str) -> None:
    validate_password(password, ana())


def test_a_password_that_is_too_long_is_refused_and_never_cut() -> None:
    with pytest.raises(ValidationError, match="256"):
        validate_password(STRONG[-1] + "x", ana())
    user = User()
    user.set_password(STRONG[-1])
    assert not user.check_password(STRONG[-1][:-1])


def test_eight_characters_are_enough_beside_a_second_factor() -> None:
    user = UserFactory()
    with pytest.raises(ValidationError):
        validate_password("vx7 lamp", user)
    add_app(user)
    validate_password("vx7 lamp", user)
    for weak in ("vx7 lam", "password", "Passw0rd", "12345678", "aaaabbbb"):
        with pytest.raises(ValidationError):
            validate_password(weak, user)


def test_a_password_is_the_same_however_the_keyboard_writes_it() -> None:
    user: User = UserFactory(password="caf\u00e9 au lait \ufb01ve")
    assert user.check_password("cafe\u0301 au lait five")
    assert not user.check_password("cafe au lait five")


@pytest.mark.parametrize(("password", "is_removed"), [(GOOD, True), ("vx7 lamp", False)])
def test_the_last_second_factor_stays_while_the_password_is_too_short_alone(
    client: Client, password: str, is_removed: bool
) -> None:
    user: User = UserFactory(password=password)
    app = add_app(user)
    client.force_login(user)
    prove_factor(client, app)
    response = client.post("/account/2fa/totp/deactivate/", follow=True)
    assert Authenticator.objects.filter(pk=app.pk).exists() != is_removed
    assert ("15 characters" in text_of(response)) != is_removed


@pytest.mark.parametrize(("password", "is_removed"), [(GOOD, True), ("vx7 lamp", False)])
def test_the_last_passkey_stays_while_the_password_is_too_short_alone(
    password: str, is_removed: bool
) -> None:
    person: User = UserFactory(password=password)
    passkey = add_passkey(person).row
    with contextlib.nullcontext() if is_removed else pytest.raises(PasswordTooShort):
        remove_passkey(passkey=passkey)
    assert Authenticator.objects.filter(pk=passkey.pk).exists() != is_removed


@pytest.mark.parametrize(("password", "is_long"), [(GOOD, True), ("ledger-demo", False)])
def test_a_person_knows_whether_their_password_may_be_the_only_factor(
    password: str, is_long: bool
) -> None:
    user: User = UserFactory()
    user.set_password(password)
    user.save(update_fields=["password"])
    user.refresh_from_db()
    assert user.password_is_long == is_long


def sign_up(password: str) -> None:
    form = {"name": "Ana", "email": "ana@example.com"}
    Client().post("/account/signup/", {**form, "password1": password, "password2": password})


def change(password: str) -> None:
    user = UserFactory(email="ana@example.com", password=GOOD)
    client = Client()
    client.force_login(user)
    form = {"oldpassword": GOOD, "password1": password, "password2": password}
    client.post("/account/password/change/", form)


def set_first(password: str) -> None:
    client = Client()
    client.force_login(UserFactory(email="ana@example.com"))
    client.post("/account/password/set/", {"password1": password, "password2": password})


def reset(password: str) -> None:
    UserFactory(email="ana@example.com", password=GOOD)
    client = Client()
    client.post("/account/password/reset/", {"email": "ana@example.com"})
    (link,) = [line for line in mail.outbox[-1].body.splitlines() if "/reset/key/" in line]
    page = client.get("/" + link.split("/", 3)[3], follow=True)
    form = {"password1": password, "password2": password}
    client.post(page.redirect_chain[-1][0], form)


def by_staff(password: str) -> None:
    root = Client()
    root.force_login(User.objects.create_superuser("root@example.com", name="Root"))
    user = UserFactory(email="ana@example.com", password=GOOD)
    form = {"usable_password": "true", "password1": password, "password2": password}
    form["reason"] = "Asked by letter"
    root.post(f"/admin/accounts/user/{user.pk}/password/", form)


def by_command(password: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_SUPERUSER_PASSWORD", password)
        with contextlib.suppress(CommandError):
            call_command(
                "createsuperuser", "--noinput", email="ana@example.com", name="Ana", verbosity=0
            )


DOORS: list[Callable[[str], None]] = [sign_up, change, set_first, reset, by_staff, by_command]


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
@pytest.mark.parametrize("password", ["aaaaaaaaaaaa", "Password123!", "aaaaaaaaaaaaaaaa"])
def test_no_door_takes_a_weak_password(door: Callable[[str], None], password: str) -> None:
    door(password)
    assert not any(user.check_password(password) for user in User.objects.all())


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_every_door_takes_a_strong_password(door: Callable[[str], None]) -> None:
    new = "another lamp at the quay"
    door(new)
    assert User.objects.get(email="ana@example.com").check_password(new)


def test_the_password_of_the_demo_still_signs_in(client: Client) -> None:
    UserFactory(email="ana@example.com", password="ledger-demo")
    form: dict[str, Any] = {"login": "ana@example.com", "password": "ledger-demo"}
    assert client.post("/account/login/", form).headers["Location"] == "/"
