"""Every page that accepts passwords or codes limits guesses."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client, RequestFactory, override_settings
from django.utils import timezone

from accounts.models import AttemptCount, SignIn, User
from accounts.sign_in import limits
from tests.attacks.brute_force.guessing import (
    ANA,
    LOGIN,
    PASSWORD,
    WRONG,
    attack_from_everywhere,
    guess,
    sign_in,
)
from tests.factories import UserFactory
from tests.pages import text_of
from tests.security_events import security_events
from tests.sign_in import add_app, code_of, mailed_code


def test_guesses_from_many_addresses_are_stopped_by_the_account(ana: User) -> None:
    attack_from_everywhere()
    with security_events() as events:
        answer = guess("198.51.100.99", password=PASSWORD)
    assert answer.status_code == 200
    assert "too many wrong attempts" in text_of(answer)
    assert "code that we send you by mail" in text_of(answer)
    assert events.named("sign_in")[0]["limit"] == "account"
    statuses = SignIn.objects.filter(user=ana).values_list("outcome", flat=True)
    assert sorted(statuses) == ["limited"] + ["refused"] * 20


def test_an_address_that_nobody_has_is_limited_alike(ana: User) -> None:
    for n in range(25):
        guess(f"203.0.113.{n}", email="nobody@example.com")
    assert "too many wrong attempts" in text_of(guess("198.51.100.9", email="nobody@example.com"))


def test_a_code_by_mail_does_not_replace_the_second_factor(ana: User) -> None:
    add_app(ana)
    client = Client()
    client.post("/account/login/code/", {"email": ANA})
    page = client.post("/account/login/code/confirm/", {"code": mailed_code()})
    assert "/2fa/authenticate/" in page.headers["Location"]
    assert client.get("/").status_code == 302
    client.post("/account/2fa/authenticate/", {"code": code_of()})
    assert client.get("/").status_code == 200


def test_a_device_used_before_is_no_way_to_guess_on(ana: User) -> None:
    known = Client()
    assert sign_in(known)
    known.post("/account/logout/")
    for n in range(21):
        known.defaults["REMOTE_ADDR"] = f"203.0.113.{n}"
        sign_in(known, password=WRONG)
    known.defaults["REMOTE_ADDR"] = "203.0.113.99"
    assert not sign_in(known)


def test_forged_headers_do_not_give_the_client_other_addresses(ana: User) -> None:
    for n in range(5):
        guess("203.0.113.1", headers={"x-forwarded-for": f"198.51.100.{n}"})
    answer = guess("203.0.113.1", password=PASSWORD, headers={"x-forwarded-for": "10.0.0.1"})
    assert "too many wrong attempts" in text_of(answer)


@override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=1)
def test_behind_a_proxy_only_what_it_wrote_is_the_client(ana: User) -> None:
    for n in range(5):
        guess("10.0.0.1", headers={"x-forwarded-for": f"198.51.100.{n}, 203.0.113.1"})
    forged = {"x-forwarded-for": "198.51.100.77, 203.0.113.1"}
    honest = {"x-forwarded-for": "198.51.100.77"}
    assert "too many" in text_of(guess("10.0.0.1", password=PASSWORD, headers=forged))
    assert guess("10.0.0.1", password=PASSWORD, headers=honest).status_code == 302


def test_forged_addresses_that_a_wrong_setting_believes_still_meet_the_account(ana: User) -> None:
    with override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=1):
        for n in range(25):
            guess("203.0.113.1", headers={"x-forwarded-for": f"198.51.100.{n}"})
        answer = guess("203.0.113.1", password=PASSWORD, headers={"x-forwarded-for": "1.2.3.4"})
    assert "too many wrong attempts" in text_of(answer)


@override_settings(LEDGER_WRONG_ATTEMPTS=10)
def test_one_password_tried_on_many_people_is_stopped_in_all(ana: User) -> None:
    for n in range(10):
        guess(f"203.0.113.{n}", email=f"person{n}@example.com")
    assert "too many" in text_of(guess("198.51.100.7", password=PASSWORD))


def test_one_address_cannot_try_many_people(ana: User) -> None:
    for n in range(30):
        guess("203.0.113.1", email=f"person{n}@example.com")
    assert "too many" in text_of(guess("203.0.113.1", password=PASSWORD))


def test_an_ipv6_network_is_one_client(ana: User) -> None:
    for n in range(5):
        guess(f"2001:db8:1:2::{n}")
    assert "too many" in text_of(guess("2001:db8:1:2::ffff", password=PASSWORD))


def wrong_step_up(client: Client) -> Any:
    return client.post("/account/reauthenticate/", {"password": WRONG})


def wrong_old_password(client: Client) -> Any:
    new = "another lamp at the quay"
    form = {"oldpassword": WRONG, "password1": new, "password2": new}
    return client.post("/account/password/change/", form)


def wrong_code(client: Client) -> Any:
    return client.post("/account/2fa/reauthenticate/", {"code": "000000"})


@pytest.mark.parametrize("door", [wrong_step_up, wrong_old_password, wrong_code])
def test_every_door_behind_the_sign_in_is_limited(ana: User, door: Callable[[Client], Any]) -> None:
    if door is wrong_code:
        add_app(ana)
    client = Client()
    client.force_login(ana)
    answers = [text_of(door(client)) for _ in range(6)]
    assert "Too many wrong attempts" not in answers[4]
    assert "Too many wrong attempts" in answers[5]


def test_the_doors_behind_the_sign_in_count_together(ana: User) -> None:
    client = Client()
    client.force_login(ana)
    for _ in range(3):
        wrong_step_up(client)
        wrong_old_password(client)
    form = {"oldpassword": PASSWORD, "password1": "x" * 3, "password2": "x" * 3}
    assert "Too many" in text_of(client.post("/account/password/change/", form))


def test_the_second_factor_is_limited_at_sign_in(ana: User) -> None:
    add_app(ana)
    client = Client()
    client.post(LOGIN, {"login": ANA, "password": PASSWORD})
    for _ in range(5):
        client.post("/account/2fa/authenticate/", {"code": "000000"})
    answer = client.post("/account/2fa/authenticate/", {"code": code_of()})
    assert "Too many wrong attempts" in text_of(answer)
    assert client.get("/").status_code == 302


def test_the_admin_has_no_door_of_its_own(ana: User) -> None:
    User.objects.filter(pk=ana.pk).update(is_staff=True)
    for _ in range(2):
        answer = Client().post("/admin/login/", {"username": ANA, "password": PASSWORD})
        assert answer.headers["Location"].startswith(LOGIN)


def test_a_window_ends(ana: User) -> None:
    for _ in range(6):
        guess("203.0.113.1")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE attempt_counts SET window_ends = now() - interval '1 second'")
    assert sign_in(Client(REMOTE_ADDR="203.0.113.1"))


def test_counters_that_nobody_needs_are_deleted(ana: User) -> None:
    guess("203.0.113.1")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE attempt_counts SET window_ends = now() - interval '2 days'")
    guess("198.51.100.7")
    assert AttemptCount.objects.count() == 6


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("threads", [50])
def test_parallel_guesses_do_not_pass_the_limit(threads: int) -> None:
    def attempt(_n: int) -> bool:
        request = RequestFactory().post(LOGIN, REMOTE_ADDR="203.0.113.1")
        try:
            return not limits.begin(request, door="sign_in", account="ana").refused_by
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        passed = list(pool.map(attempt, range(threads)))
    assert sum(passed) == 5


@pytest.mark.django_db(transaction=True)
def test_parallel_sign_ins_do_not_pass_the_limit() -> None:
    user = UserFactory(email=ANA, password=PASSWORD)
    EmailAddress.objects.create(user=user, email=ANA, verified=True, primary=True)

    def attempt(n: int) -> None:
        try:
            guess(f"203.0.113.{n}")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(attempt, range(40)))
    assert SignIn.objects.filter(outcome="refused").count() == 20


def test_sixty_wrong_passwords_a_day_stop_a_patient_stranger(ana: User) -> None:
    tried = 0
    for hour in range(24):
        for n in range(20):
            guess(f"203.0.{hour}.{n}")
        tried = SignIn.objects.filter(outcome=SignIn.Status.REFUSED).count()
        end_windows_shorter_than_a_day()
    assert tried == 60


def test_a_stolen_device_guesses_thirty_passwords_a_day(ana: User) -> None:
    known = Client()
    assert sign_in(known)
    for hour in range(24):
        for n in range(5):
            thief = Client(REMOTE_ADDR=f"203.0.{hour}.{n}")
            thief.cookies["device"] = known.cookies["device"].value
            thief.post(LOGIN, {"login": ANA, "password": WRONG})
        end_windows_shorter_than_a_day()
    assert SignIn.objects.filter(outcome=SignIn.Status.REFUSED).count() == 30


def end_windows_shorter_than_a_day() -> None:
    """Simulates an hour: the counters of five minutes and of an hour begin again."""
    now = timezone.now()
    soon = AttemptCount.objects.filter(window_ends__lt=now + timedelta(hours=2))
    soon.update(window_ends=now - timedelta(hours=1))


def test_wrong_passwords_on_one_address_tell_nothing_of_another_of_the_same_person(
    ana: User,
) -> None:
    EmailAddress.objects.create(user=ana, email="work@firm.example", verified=True)
    for _ in range(5):
        guess("203.0.113.1")
    assert "too many wrong attempts" in text_of(guess("203.0.113.1"))
    answer = guess("203.0.113.1", email="work@firm.example")
    assert "too many wrong attempts" not in text_of(answer)


def test_the_digest_of_a_counter_cannot_be_computed_without_the_key() -> None:
    ours = limits.key_of(limits.CLIENT, "sign_in 203.0.113.1")
    with override_settings(SECRET_KEY="another-key-of-thirty-two-characters"):
        assert limits.key_of(limits.CLIENT, "sign_in 203.0.113.1") != ours
