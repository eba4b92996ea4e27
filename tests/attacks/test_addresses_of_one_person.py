"""Guessing the password of a person with several addresses: all addresses share one count per day,
which no response reveals.
"""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.models import SignIn, User
from tests.factories import PASSWORD, UserFactory
from tests.pages import text_of, without_token
from tests.security_events import security_events
from tests.sign_in import counted_hashes, mailed_code

pytestmark = pytest.mark.django_db
LOGIN = "/account/login/"
WRONG = "a wrong guess"
ADDRESSES = [f"ana{n}@example.com" for n in range(5)]  # each address accepts 20 guesses per hour
LAST, FREE = ADDRESSES[-1], "anyx@example.com"  # of the same length


@pytest.fixture(autouse=True)
def fresh() -> None:
    cache.clear()


@pytest.fixture
def ana() -> User:
    ana: User = UserFactory(email=ADDRESSES[0], password=PASSWORD)
    for email in ADDRESSES:
        is_main = email == ana.email
        EmailAddress.objects.create(user=ana, email=email, verified=True, primary=is_main)
    return ana


def guess(email: str, n: int, password: str = WRONG) -> Any:
    client = Client(REMOTE_ADDR=f"203.0.113.{n}")
    return client.post(LOGIN, {"login": email, "password": password}, follow=True)


def guess_at_all_but_the_last() -> None:
    for n in range(64):
        guess(ADDRESSES[n % 4], n)


def tried() -> int:
    return SignIn.objects.filter(outcome=SignIn.Status.REFUSED).count()


def is_in(answer: Any) -> bool:
    return bool(answer.redirect_chain)


def test_of_all_addresses_together_sixty_wrong_passwords_a_day_are_tried(ana: User) -> None:
    for n in range(59):
        guess(ADDRESSES[n % 3], n)
    assert is_in(guess(LAST, 99, password=PASSWORD)), "a right one does not count"
    guess(ADDRESSES[3], 60)
    with security_events() as events:
        assert not is_in(guess(LAST, 99, password=PASSWORD))
    (line,) = events.named("sign_in")
    assert (line["outcome"], line["limit"]) == ("limited", "person_a_day")


def test_the_answer_is_that_of_a_wrong_password_at_an_address_that_nobody_has(ana: User) -> None:
    guess_at_all_but_the_last()
    answers, hashes = [], []
    for email in (LAST, FREE):
        with counted_hashes() as done:
            answers.append(guess(email, 99, password=PASSWORD))
        hashes.append(len(done))
    assert hashes == [1, 1]
    pages = [
        without_token(answer).replace(email, "THE ADDRESS")
        for answer, email in zip(answers, (LAST, FREE), strict=True)
    ]
    assert pages[0] == pages[1]
    assert "do not match" in text_of(answers[0])
    assert answers[0].status_code == answers[1].status_code
    assert sorted(answers[0].client.cookies) == sorted(answers[1].client.cookies)


def test_the_owner_still_gets_in_by_a_mail_by_a_known_device_and_by_a_new_password(
    ana: User,
) -> None:
    known = Client(REMOTE_ADDR="198.51.100.7")
    known.post(LOGIN, {"login": ana.email, "password": PASSWORD})
    known.post("/account/logout/")
    guess_at_all_but_the_last()
    assert not is_in(guess(LAST, 99, password=PASSWORD))
    known.post(LOGIN, {"login": LAST, "password": PASSWORD})
    assert known.get("/").status_code == 200
    by_mail = Client(REMOTE_ADDR="198.51.100.8")
    by_mail.post("/account/login/code/", {"email": LAST})
    by_mail.post("/account/login/code/confirm/", {"code": mailed_code()})
    assert by_mail.get("/").status_code == 200
    visitor = Client(REMOTE_ADDR="198.51.100.9")
    visitor.post("/account/password/reset/", {"email": LAST})
    (link,) = [word for word in str(mail.outbox[-1].body).split() if "/password/reset/key/" in word]
    form, new = visitor.get(link, follow=True), "another lamp at the quay"
    visitor.post(form.redirect_chain[-1][0], {"password1": new, "password2": new})
    assert is_in(guess(LAST, 99, password=new))


def test_hammering_one_address_closes_no_other_one(ana: User) -> None:
    """Only checked guesses count for the person, at most 20 per hour here."""
    for n in range(100):
        guess(ADDRESSES[0], n)
    assert tried() == 20
    assert "too many wrong attempts" in text_of(guess(ADDRESSES[0], 101))
    assert is_in(guess(LAST, 102, password=PASSWORD))


def test_a_stolen_device_guesses_at_all_addresses_together(ana: User) -> None:
    known = Client()
    known.post(LOGIN, {"login": ana.email, "password": PASSWORD})
    for n in range(25):
        thief = Client(REMOTE_ADDR=f"203.0.113.{n}")
        thief.cookies["device"] = known.cookies["device"].value
        thief.post(LOGIN, {"login": ADDRESSES[n % 5], "password": WRONG})
    assert tried() == 20
