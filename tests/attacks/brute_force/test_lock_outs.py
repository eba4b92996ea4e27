"""Guesses of other people lock nobody out, and the owner can still sign in."""

import pytest
from django.core.cache import cache
from django.test import Client, override_settings

from accounts.models import AttemptCount, User
from accounts.sign_in import limits
from accounts.sign_in.notices import NOTICES
from tests.attacks.brute_force.guessing import (
    ANA,
    HERE,
    LOGIN,
    PASSWORD,
    SECOND,
    attack_from_everywhere,
    choose_password_by_mail,
    guess,
    send_wrong_codes,
    sign_in,
    sign_in_by_mail,
)
from tests.pages import text_of
from tests.security_events import security_events
from tests.sign_in import add_app, add_recovery_codes, code_of, freeze_codes, mailed_code


def test_five_wrong_passwords_from_one_address_stop_it_and_nobody_else(ana: User) -> None:
    for _ in range(5):
        guess("203.0.113.1")
    assert not sign_in(Client(REMOTE_ADDR="203.0.113.1"))
    assert sign_in(Client(REMOTE_ADDR="198.51.100.7"))


def test_the_owner_gets_in_by_mail_while_the_account_is_under_attack(ana: User) -> None:
    attack_from_everywhere()
    client = Client(REMOTE_ADDR="198.51.100.7")
    assert not sign_in(client)
    client.post("/account/login/code/", {"email": ANA})
    client.post("/account/login/code/confirm/", {"code": mailed_code()})
    assert client.get("/").status_code == 200


def test_the_owner_gets_in_from_a_device_used_before(ana: User) -> None:
    known = Client(REMOTE_ADDR="198.51.100.7")
    assert sign_in(known)
    known.post("/account/logout/")
    attack_from_everywhere()
    assert sign_in(known)


def test_a_neighbour_behind_the_same_address_locks_nobody_out(ana: User) -> None:
    """Tests a device that was used before, a code from a mail, and a step-up."""
    here = "198.51.100.7"
    known, open_session = Client(REMOTE_ADDR=here), Client(REMOTE_ADDR=here)
    assert sign_in(known)
    known.post("/account/logout/")
    open_session.force_login(ana)
    for n in range(31):
        guess(here, email=f"nobody{n}@example.com")
        cache.clear()  # allauth's limit of requests per minute is separate
    assert "too many wrong attempts" in text_of(guess(here, email="nobody@example.com"))
    assert sign_in(known)
    by_mail = Client(REMOTE_ADDR=here)
    by_mail.post("/account/login/code/", {"email": ANA})
    by_mail.post("/account/login/code/confirm/", {"code": mailed_code()})
    assert by_mail.get("/").status_code == 200
    answer = open_session.post("/account/reauthenticate/", {"password": PASSWORD})
    assert answer.status_code == 302


def test_a_new_password_by_mail_opens_the_account_again(ana: User) -> None:
    attack_from_everywhere()
    client = Client(REMOTE_ADDR="198.51.100.7")
    new = choose_password_by_mail(client)
    assert sign_in(client, password=new)


def test_strangers_do_not_lock_anybody_out_of_their_step_up(ana: User) -> None:
    client = Client(REMOTE_ADDR="198.51.100.7")
    client.force_login(ana)
    attack_from_everywhere()
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    assert client.session["account_authentication_methods"][-1]["reauthenticated"]


def test_right_passwords_do_not_count(ana: User) -> None:
    for _ in range(30):
        assert sign_in(Client())
    of_mails = limits.key_of(NOTICES, f"account/email/new_device {ana.pk}")
    assert {row.count for row in AttemptCount.objects.exclude(pk=of_mails)} == {0}


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
    assert elsewhere.get("/").status_code == 302  # too many guesses of app codes today
    elsewhere.post(SECOND, {"code": codes[2]})
    assert elsewhere.get("/").status_code == 200
    at_home = Client()
    at_home.cookies["device"] = owner.cookies["device"].value
    at_home.post(LOGIN, {"login": ANA, "password": PASSWORD})
    at_home.post(SECOND, {"code": code_of()})
    assert at_home.get("/").status_code == 200


def test_wrong_codes_from_mails_stop_their_client_and_nobody_else(ana: User) -> None:
    for _ in range(2):
        cache.clear()  # mails are limited, too
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
    if now != PASSWORD:  # so that the device is unknown
        form = {"oldpassword": PASSWORD, "password1": now, "password2": now}
        assert client.post("/account/password/change/", form).status_code == 302
    attack_from_everywhere(guesses=12)
    answer = client.post("/account/reauthenticate/", {"password": now})
    assert answer.status_code == 302
