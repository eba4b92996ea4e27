"""A stranger who requests mails for another person can neither fill the person's mailbox nor lock
the person out.
"""

from collections import Counter

import pytest
from allauth.account import app_settings
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.models import AttemptCount, User
from accounts.sign_in import mailed_codes
from accounts.sign_in.mailed_codes import MAILS
from tests.factories import UserFactory
from tests.sign_in import mailed_code, prove

pytestmark = pytest.mark.django_db
ANA, NOBODY = "ana@example.com", "nobody@example.com"
PASSWORD, NEW = "seven blue lamps at dusk", "another lamp at the quay"
CODE, CONFIRM = "/account/login/code/", "/account/login/code/confirm/"
RESET = "/account/password/reset/"
OWNERS = "198.51.100.7"


@pytest.fixture(autouse=True)
def ana(db: None) -> User:
    cache.clear()
    user: User = UserFactory(email=ANA, password=PASSWORD)
    EmailAddress.objects.create(user=user, email=ANA, verified=True, primary=True)
    return user


def flood(path: str, email: str = ANA, requests: int = 12) -> list[Client]:
    clients = [Client(REMOTE_ADDR=f"203.0.113.{n}") for n in range(requests)]
    answers = [client.post(path, {"email": email}) for client in clients]
    assert {answer.status_code for answer in answers} == {302}
    return clients


def type_code(client: Client, code: str) -> bool:
    client.post(CONFIRM, {"code": code})
    return client.get("/").status_code == 200


def ask_for_code(address: str = OWNERS) -> Client:
    client = Client(REMOTE_ADDR=address)
    client.post(CODE, {"email": ANA})
    return client


@pytest.mark.parametrize("path", [CODE, RESET])
@pytest.mark.parametrize("email", [ANA, NOBODY])
def test_a_mailbox_gets_few_mails_however_many_are_asked_for(path: str, email: str) -> None:
    flood(path, email)
    assert len(mail.outbox) == MAILS.amount


@pytest.mark.parametrize("email", [ANA, NOBODY])
def test_signing_up_again_and_again_fills_no_mailbox(email: str) -> None:
    form = {"name": "Nina Rose", "email": email, "password1": NEW, "password2": NEW}
    for n in range(12):
        cache.clear()
        Client(REMOTE_ADDR=f"203.0.113.{n}").post("/account/signup/", form)
    kinds = Counter(str(message.subject) for message in mail.outbox)
    assert max(kinds.values()) <= MAILS.amount


def test_adding_somebodys_address_fills_no_mailbox_and_keeps_nobody_else_from_it(ana: User) -> None:
    client = Client()
    for user, most in ((ana, MAILS.amount), (UserFactory(), MAILS.amount + 1)):
        for _ in range(MAILS.amount + 1 if user == ana else 1):
            cache.clear()
            client = Client()
            client.force_login(user)
            prove(client, user)
            client.post("/account/email/", {"action_add": "", "email": NOBODY})
        assert len([message for message in mail.outbox if message.to == [NOBODY]]) == most


def test_a_code_of_an_earlier_mail_counts_as_long_as_it_says() -> None:
    flood(CODE)
    code = mailed_code()
    its_time = AttemptCount.objects.filter(pk=mailed_codes._key(ANA, code))
    assert its_time.update(window_ends=timezone.now()) == 1
    assert not type_code(ask_for_code(), code)


def test_a_host_in_other_signs_is_the_same_mailbox() -> None:
    wide_e, wide_x, hyphen = "\uff45", "\uff58", "\u00ad"
    for host in ("example", f"{wide_e}xample", f"e{wide_x}ample", f"exa{hyphen}mple"):
        flood(RESET, f"nobody@{host}.com", requests=2)
    assert len(mail.outbox) == MAILS.amount


@pytest.mark.parametrize("path", [CODE, RESET])
def test_an_address_that_no_mailbox_can_have_gets_the_usual_answer(path: str) -> None:
    flood(path, "nobody@\u00ad.example", requests=1)
    assert not mail.outbox


def test_the_owner_signs_in_while_strangers_guess_and_ask_for_mails() -> None:
    for n in range(25):
        form = {"login": ANA, "password": f"wrong {n}"}
        Client(REMOTE_ADDR=f"203.0.113.{n}").post("/account/login/", form)
    flood(CODE)
    flood(RESET)
    codes = [n for n, message in enumerate(mail.outbox) if "to Ledger:" in str(message.body)]
    assert type_code(ask_for_code(), mailed_code(codes[-1]))


def test_wrong_codes_from_many_addresses_keep_no_code_from_the_owner() -> None:
    """Sends more wrong codes than any limit of wrong passwords for an address allows."""
    for n in range(21):
        stranger = ask_for_code(f"203.0.113.{n}")
        for _ in range(app_settings.LOGIN_BY_CODE_MAX_ATTEMPTS):
            assert not type_code(stranger, "AAAA-AAAA")
    assert type_code(ask_for_code(), mailed_code())


def test_the_owner_resets_by_a_mail_that_a_stranger_asked_for() -> None:
    flood(RESET)
    owner = Client(REMOTE_ADDR=OWNERS)
    assert owner.post(RESET, {"email": ANA}).status_code == 302
    (link,) = [line for line in mail.outbox[0].body.splitlines() if "/reset/key/" in line]
    page = owner.get("/" + link.split("/", 3)[3], follow=True)
    owner.post(page.redirect_chain[-1][0], {"password1": NEW, "password2": NEW})
    assert User.objects.get(email=ANA).check_password(NEW)


def test_a_code_opens_only_the_browser_that_asked_while_mails_are_sent() -> None:
    ask_for_code("203.0.113.1")
    thief = ask_for_code("203.0.113.2")
    assert not type_code(thief, mailed_code(0))
    assert type_code(thief, mailed_code(1))


def test_a_code_that_was_used_opens_no_other_browser() -> None:
    flood(CODE)
    code = mailed_code(-1)
    first, second = ask_for_code(), ask_for_code()
    assert type_code(first, code)
    assert not type_code(second, code)


def test_a_used_code_does_not_open_the_browser_that_it_was_made_for() -> None:
    strangers = flood(CODE)
    code = mailed_code(MAILS.amount - 1)
    assert type_code(ask_for_code(), code)
    assert not type_code(strangers[MAILS.amount - 1], code)


def test_a_code_mailed_to_somebody_else_opens_nothing() -> None:
    flood(CODE)
    mail.outbox.clear()
    UserFactory(email="eve@example.com")
    Client().post(CODE, {"email": "eve@example.com"})
    assert not type_code(ask_for_code(), mailed_code(0))


def test_no_limit_of_allauth_is_by_address_alone() -> None:
    limits = {name: rate for name, rate in app_settings.RATE_LIMITS.items() if rate}
    phones = {"verify_phone"}  # no page in this test requires an address
    assert [name for name, rate in limits.items() if "/key" in rate and name not in phones] == []
