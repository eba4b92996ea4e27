"""Guessing passwords and codes: stopped on every door, while the owner still gets in."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client, RequestFactory, override_settings
from django.utils import timezone

from accounts.models import AttemptCount, SignIn, User
from accounts.sign_in import limits
from tests.factories import UserFactory
from tests.pages import text_of
from tests.security_events import security_events
from tests.sign_in import add_app, add_recovery_codes, code_of, freeze_codes, mailed_code

LOGIN = "/account/login/"
PASSWORD = "seven blue lamps at dusk"
ANA = "ana@example.com"
WRONG = "a wrong guess"
SECOND = "/account/2fa/authenticate/"


@pytest.fixture
def ana(db: None) -> User:
    user: User = UserFactory(email=ANA, password=PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def guess(address: str, email: str = ANA, password: str = WRONG, **extra: Any) -> Any:
    return Client(REMOTE_ADDR=address).post(LOGIN, {"login": email, "password": password}, **extra)


def sign_in(client: Client, password: str = PASSWORD) -> bool:
    client.post(LOGIN, {"login": ANA, "password": password})
    return client.get("/").status_code == 200


def attack_from_everywhere(guesses: int = 25) -> None:
    for n in range(guesses):
        guess(f"203.0.113.{n}")


def test_five_wrong_passwords_from_one_address_stop_it_and_nobody_else(ana: User) -> None:
    for _ in range(5):
        guess("203.0.113.1")
    assert not sign_in(Client(REMOTE_ADDR="203.0.113.1"))
    assert sign_in(Client(REMOTE_ADDR="198.51.100.7"))


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


def test_the_owner_gets_in_by_mail_while_the_account_is_under_attack(ana: User) -> None:
    attack_from_everywhere()
    client = Client(REMOTE_ADDR="198.51.100.7")
    assert not sign_in(client)
    client.post("/account/login/code/", {"email": ANA})
    client.post("/account/login/code/confirm/", {"code": mailed_code()})
    assert client.get("/").status_code == 200


def test_a_code_by_mail_does_not_replace_the_second_factor(ana: User) -> None:
    add_app(ana)
    client = Client()
    client.post("/account/login/code/", {"email": ANA})
    page = client.post("/account/login/code/confirm/", {"code": mailed_code()})
    assert "/2fa/authenticate/" in page.headers["Location"]
    assert client.get("/").status_code == 302
    client.post("/account/2fa/authenticate/", {"code": code_of()})
    assert client.get("/").status_code == 200


def test_the_owner_gets_in_from_a_device_used_before(ana: User) -> None:
    known = Client(REMOTE_ADDR="198.51.100.7")
    assert sign_in(known)
    known.post("/account/logout/")
    attack_from_everywhere()
    assert sign_in(known)


def test_a_neighbour_behind_the_same_address_locks_nobody_out(ana: User) -> None:
    """Not from a device used before, not by a code from a mail, not at a step-up."""
    here = "198.51.100.7"
    known, open_session = Client(REMOTE_ADDR=here), Client(REMOTE_ADDR=here)
    assert sign_in(known)
    known.post("/account/logout/")
    open_session.force_login(ana)
    for n in range(31):
        guess(here, email=f"nobody{n}@example.com")
        cache.clear()  # allauth's own limit of requests a minute is another
    assert "too many wrong attempts" in text_of(guess(here, email="nobody@example.com"))
    assert sign_in(known)
    by_mail = Client(REMOTE_ADDR=here)
    by_mail.post("/account/login/code/", {"email": ANA})
    by_mail.post("/account/login/code/confirm/", {"code": mailed_code()})
    assert by_mail.get("/").status_code == 200
    answer = open_session.post("/account/reauthenticate/", {"password": PASSWORD})
    assert answer.status_code == 302


def test_a_device_used_before_is_no_way_to_guess_on(ana: User) -> None:
    known = Client()
    assert sign_in(known)
    known.post("/account/logout/")
    for n in range(21):
        known.defaults["REMOTE_ADDR"] = f"203.0.113.{n}"
        sign_in(known, password=WRONG)
    known.defaults["REMOTE_ADDR"] = "203.0.113.99"
    assert not sign_in(known)


def test_a_new_password_by_mail_opens_the_account_again(ana: User) -> None:
    attack_from_everywhere()
    client = Client(REMOTE_ADDR="198.51.100.7")
    new = choose_password_by_mail(client)
    assert sign_in(client, password=new)


def choose_password_by_mail(client: Client) -> str:
    client.post("/account/password/reset/", {"email": ANA})
    (link,) = [line for line in mail.outbox[-1].body.splitlines() if "/reset/key/" in line]
    page = client.get("/" + link.split("/", 3)[3], follow=True)
    new = "another lamp at the quay"
    client.post(page.redirect_chain[-1][0], {"password1": new, "password2": new})
    return new


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


def test_strangers_do_not_lock_anybody_out_of_their_step_up(ana: User) -> None:
    client = Client(REMOTE_ADDR="198.51.100.7")
    client.force_login(ana)
    attack_from_everywhere()
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    assert client.session["account_authentication_methods"][-1]["reauthenticated"]


def test_the_admin_has_no_door_of_its_own(ana: User) -> None:
    User.objects.filter(pk=ana.pk).update(is_staff=True)
    for _ in range(2):
        answer = Client().post("/admin/login/", {"username": ANA, "password": PASSWORD})
        assert answer.headers["Location"].startswith(LOGIN)


def test_right_passwords_do_not_count(ana: User) -> None:
    for _ in range(30):
        assert sign_in(Client())
    assert {row.count for row in AttemptCount.objects.all()} == {0}


def test_right_step_ups_and_codes_do_not_count(ana: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    assert sign_in(client)
    for _ in range(6):
        answer = client.post("/account/reauthenticate/", {"password": PASSWORD})
        assert answer.status_code == 302
    assert sign_in_by_mail(Client())
    of_mails = limits.key_of(limits.ACCOUNT_AND_CLIENT, f"mail_code {ANA} 127.0.0.1")
    assert AttemptCount.objects.get(pk=of_mails).count == 0
    add_app(ana)
    for half_minute in range(6):
        freeze_codes(monkeypatch, later=half_minute)
        by_code = Client()
        by_code.post(LOGIN, {"login": ANA, "password": PASSWORD})
        by_code.post(SECOND, {"code": code_of()})
        assert by_code.get("/").status_code == 200


def test_wrong_codes_at_sign_in_stop_no_code_at_a_step_up(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze_codes(monkeypatch)
    add_app(ana)
    owner = Client(REMOTE_ADDR=HERE)
    owner.force_login(ana)
    for n in range(21):
        thief = Client(REMOTE_ADDR=f"203.0.113.{n}")
        thief.post(LOGIN, {"login": ANA, "password": PASSWORD})
        thief.post(SECOND, {"code": f"{n:06}"})
    assert owner.post("/account/2fa/reauthenticate/", {"code": code_of()}).status_code == 302


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


@pytest.mark.slow
def test_sixty_wrong_passwords_a_day_stop_a_patient_stranger(ana: User) -> None:
    tried = 0
    for hour in range(24):
        for n in range(20):
            guess(f"203.0.{hour}.{n}")
        tried = SignIn.objects.filter(outcome=SignIn.Status.REFUSED).count()
        end_windows_shorter_than_a_day()
    assert tried == 60


@pytest.mark.slow
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
    """An hour later: the counters of five minutes and of an hour begin anew."""
    now = timezone.now()
    soon = AttemptCount.objects.filter(window_ends__lt=now + timedelta(hours=2))
    soon.update(window_ends=now - timedelta(hours=1))


def test_who_guesses_codes_shuts_out_neither_the_session_nor_the_device_of_the_owner(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze_codes(monkeypatch)
    add_app(ana)
    codes = add_recovery_codes(ana)
    owner = Client()
    owner.post(LOGIN, {"login": ANA, "password": PASSWORD})
    owner.post(SECOND, {"code": codes[0]})
    assert owner.get("/").status_code == 200
    for n in range(25):
        thief = Client(REMOTE_ADDR=f"203.0.113.{n}")
        thief.post(LOGIN, {"login": ANA, "password": PASSWORD})
        thief.post(SECOND, {"code": f"{n:06}"})
    with security_events() as events:
        owner.post("/account/2fa/reauthenticate/", {"code": codes[1]})
    assert events.named("step_up")[-1]["outcome"] == "ok"
    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    elsewhere.post(LOGIN, {"login": ANA, "password": PASSWORD})
    elsewhere.post(SECOND, {"code": code_of()})
    assert elsewhere.get("/").status_code == 302  # codes of the app are guessed too often today
    elsewhere.post(SECOND, {"code": codes[2]})
    assert elsewhere.get("/").status_code == 200
    at_home = Client()
    at_home.cookies["device"] = owner.cookies["device"].value
    at_home.post(LOGIN, {"login": ANA, "password": PASSWORD})
    at_home.post(SECOND, {"code": code_of()})
    assert at_home.get("/").status_code == 200


def test_wrong_codes_from_mails_stop_their_client_and_nobody_else(ana: User) -> None:
    for _ in range(2):
        cache.clear()  # the mails are limited, too
        thief = Client(REMOTE_ADDR="203.0.113.9")
        thief.post("/account/login/code/", {"email": ANA})
        for _ in range(3):
            thief.post("/account/login/code/confirm/", {"code": "AAAA-AAAA"})
    for address, gets_in in [("203.0.113.9", False), ("198.51.100.7", True)]:
        cache.clear()
        client = Client(REMOTE_ADDR=address)
        client.post("/account/login/code/", {"email": ANA})
        client.post("/account/login/code/confirm/", {"code": mailed_code()})
        assert (client.get("/").status_code == 200) is gets_in


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


HERE = "198.51.100.7"  # the address of Ana and of her neighbour


def send_wrong_codes(email: str, sign_ins: int = 2) -> None:
    """As a neighbour: each sign-in by mail takes three codes."""
    for _ in range(sign_ins):
        cache.clear()  # requests a minute are another limit
        thief = Client(REMOTE_ADDR=HERE)
        thief.post("/account/login/code/", {"email": email})
        for _ in range(3):
            thief.post("/account/login/code/confirm/", {"code": "AAAA-AAAA"})


def sign_in_by_mail(client: Client) -> bool:
    cache.clear()
    client.post("/account/login/code/", {"email": ANA})
    client.post("/account/login/code/confirm/", {"code": mailed_code()})
    return client.get("/").status_code == 200


def test_a_neighbour_who_guesses_at_one_person_does_not_lock_their_device_out(ana: User) -> None:
    known = Client(REMOTE_ADDR=HERE)
    assert sign_in(known)
    known.post("/account/logout/")
    for _ in range(6):
        guess(HERE)
    assert "too many wrong attempts" in text_of(guess(HERE))
    assert sign_in(known)
    known.post("/account/logout/")
    send_wrong_codes(ANA)
    assert sign_in_by_mail(known)


def test_wrong_codes_of_a_neighbour_stop_no_code_of_somebody_else(ana: User) -> None:
    send_wrong_codes("nobody@example.com")
    assert sign_in_by_mail(Client(REMOTE_ADDR=HERE))


def test_a_new_password_by_mail_opens_the_account_beside_a_neighbour_who_guesses(ana: User) -> None:
    for _ in range(6):
        guess(HERE)
    client = Client(REMOTE_ADDR=HERE)
    new = choose_password_by_mail(client)
    assert sign_in(client, password=new)


@override_settings(LEDGER_WRONG_ATTEMPTS=10)
@pytest.mark.parametrize("now", [PASSWORD, "another lamp at the quay"])
def test_strangers_who_use_up_the_limit_in_all_stop_no_step_up(ana: User, now: str) -> None:
    client = Client(REMOTE_ADDR=HERE)
    assert sign_in(client)
    if now != PASSWORD:  # so that the device is not known
        form = {"oldpassword": PASSWORD, "password1": now, "password2": now}
        assert client.post("/account/password/change/", form).status_code == 302
    attack_from_everywhere(guesses=12)
    answer = client.post("/account/reauthenticate/", {"password": now})
    assert answer.status_code == 302
