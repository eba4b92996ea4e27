"""No page shows whether an address is registered: status, page, redirects, cookies, work and rows
are equal.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client

from accounts.models import User
from tests.factories import UserFactory
from tests.pages import without_token
from tests.sign_in import counted_hashes, mailed_code, prove, verify_address

pytestmark = pytest.mark.django_db
TAKEN, FREE = "taken@example.com", "quite@example.com"  # of the same length
Ask = Callable[[Client, str], Any]
PASSWORD = "seven blue lamps at dusk"
OTHER = "another lamp at the quay"
LOGIN, SIGN_UP, CODE = "/account/login/", "/account/signup/", "/account/login/code/"


@pytest.fixture(autouse=True)
def taken(db: None) -> User:
    cache.clear()
    user: User = UserFactory(email=TAKEN, password=PASSWORD, name="Ana")
    EmailAddress.objects.create(user=user, email=TAKEN, verified=True, primary=True)
    return user


@dataclass(frozen=True)
class VisibleAnswer:
    """The parts of a response that an outsider can see, and the work that the response took."""

    status: tuple[int, ...]
    redirects: tuple[str, ...]
    body: str
    cookies: tuple[str, ...]
    hashes: int
    mails: int
    rows: tuple[str, ...]
    transactions: int


class CountedWrites:
    """A wrapper for the statements of a connection. It counts the rows that each statement wrote or
    locked, and the transactions and savepoints that got a number. Every role that may call
    `pg_current_snapshot` can see the next number.
    """

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.transactions = 0
        self._has_number: list[bool] = []  # one per savepoint; autocommit has none

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        answer, statement = execute(sql, params, many, context), str(sql).strip()
        rows = context["cursor"].rowcount
        if statement.startswith("SAVEPOINT"):
            self._has_number.append(False)
        elif statement.startswith("RELEASE"):
            self._has_number.pop()
        elif rows > 0 and re.match("INSERT|UPDATE|DELETE|WITH|SELECT.* FOR ", statement, re.DOTALL):
            self.rows.append(f"{' '.join(statement.split()[:3])}: {rows}")
            self.transactions += self._has_number.count(False) if self._has_number else 1
            self._has_number = [True] * len(self._has_number)
        return answer


def answer_to(email: str, ask: Ask, client: Client | None = None) -> VisibleAnswer:
    client, writes = client or Client(), CountedWrites()
    mail.outbox.clear()
    with counted_hashes() as hashes, connection.execute_wrapper(writes):
        response = ask(client, email)
    body = without_token(response).replace(email, "THE ADDRESS")
    chain = getattr(response, "redirect_chain", [])
    return VisibleAnswer(
        status=(*(status for _, status in chain), response.status_code),
        redirects=tuple(url.replace(email, "THE ADDRESS") for url, _ in chain),
        body=re.sub(r'nonce="[^"]*"', "", body),
        cookies=tuple(sorted(client.cookies)),
        hashes=len(hashes),
        mails=len(mail.outbox),
        rows=tuple(sorted(writes.rows)),
        transactions=writes.transactions,
    )


def sign_up(client: Client, email: str) -> Any:
    form = {"name": "Eve", "email": email, "password1": OTHER, "password2": OTHER}
    return client.post(SIGN_UP, form, follow=True)


def sign_up_by_passkey(client: Client, email: str) -> Any:
    return client.post(f"{SIGN_UP}passkey/", {"name": "Eve", "email": email}, follow=True)


def sign_up_by_passkey_and_guess(client: Client, email: str) -> Any:
    sign_up_by_passkey(client, email)
    client.post("/account/confirm-email/", {"code": "WRONG-CODE"})
    return client.get("/account/2fa/webauthn/signup/", follow=True)


def sign_up_weakly(client: Client, email: str) -> Any:
    form = {"name": "Eve", "email": email, "password1": "short", "password2": "short"}
    return client.post(SIGN_UP, form, follow=True)


def sign_in(client: Client, email: str) -> Any:
    return client.post(LOGIN, {"login": email, "password": OTHER}, follow=True)


def reset(client: Client, email: str) -> Any:
    return client.post("/account/password/reset/", {"email": email}, follow=True)


def ask_for_code(client: Client, email: str) -> Any:
    return client.post(CODE, {"email": email}, follow=True)


def wrong_code(client: Client, email: str) -> Any:
    client.post(CODE, {"email": email})
    return client.post(f"{CODE}confirm/", {"code": "WRONG-CODE"}, follow=True)


def three_wrong_codes(client: Client, email: str) -> Any:
    client.post(CODE, {"email": email})
    answers = [
        client.post(f"{CODE}confirm/", {"code": "WRONG-CODE"}, follow=True) for _ in range(3)
    ]
    return answers[-1]


def sign_up_and_guess_the_code(client: Client, email: str) -> Any:
    sign_up(client, email)
    return client.post("/account/confirm-email/", {"code": "WRONG-CODE"}, follow=True)


def sign_up_and_ask_for_another_mail(client: Client, email: str) -> Any:
    sign_up(client, email)
    return client.post("/account/confirm-email/", {"action": "resend"}, follow=True)


def sign_up_and_guess_three_times(client: Client, email: str) -> Any:
    sign_up(client, email)
    answers = [
        client.post("/account/confirm-email/", {"code": "WRONG-CODE"}, follow=True)
        for _ in range(3)
    ]
    return answers[-1]


def sign_up_then_sign_in(client: Client, email: str) -> Any:
    """An attacker could sign up and learn from the password check whether the address was free."""
    sign_up(client, email)
    return sign_in(Client(), email)


def sign_up_twice(client: Client, email: str) -> Any:
    sign_up(client, email)
    cache.clear()  # because of the limit on mails to one address
    return sign_up(Client(), email)


def locked_out(client: Client, email: str) -> Any:
    for _ in range(5):
        sign_in(client, email)
    return sign_in(client, email)


@pytest.mark.parametrize(
    "ask",
    [
        sign_up,
        sign_up_by_passkey,
        sign_up_by_passkey_and_guess,
        sign_up_weakly,
        sign_up_and_guess_the_code,
        sign_up_and_ask_for_another_mail,
        sign_up_and_guess_three_times,
        sign_up_then_sign_in,
        sign_up_twice,
        sign_in,
        locked_out,
        reset,
        ask_for_code,
        wrong_code,
        three_wrong_codes,
    ],
    ids=lambda ask: ask.__name__,
)
def test_a_taken_address_gets_the_answer_of_a_free_one(ask: Ask) -> None:
    assert answer_to(TAKEN, ask) == answer_to(FREE, ask)


@pytest.mark.parametrize(
    "state", ["unusable_password", "closed", "without_address_row", "second_address"]
)
@pytest.mark.parametrize("ask", [sign_up, sign_in, reset, ask_for_code])
def test_people_of_every_kind_get_the_answer_of_nobody(state: str, ask: Ask, taken: User) -> None:
    if state == "unusable_password":
        taken.set_unusable_password()
        taken.save()
    elif state == "closed":
        User.objects.filter(pk=taken.pk).update(deleted_at=taken.created_at)
    elif state == "without_address_row":
        EmailAddress.objects.all().delete()
    else:
        EmailAddress.objects.filter(email=TAKEN).update(primary=False)
        User.objects.filter(pk=taken.pk).update(email="main@example.com")
    answers = [answer_to(email, ask) for email in (TAKEN, FREE)]
    if ask is reset and state in ("without_address_row", "second_address"):
        # allauth adds the missing row of the main address, once per person, at the first reset.
        answers = [replace(answer, rows=(), transactions=0) for answer in answers]
    assert answers[0] == answers[1]


def add_address(client: Client, email: str) -> Any:
    return client.post("/account/email/", {"action_add": "", "email": email}, follow=True)


def test_a_new_address_of_ones_own_gets_the_same_answer_if_it_is_taken() -> None:
    eve: User = UserFactory(email="eve@example.com", password=PASSWORD)
    verify_address(eve)

    def client() -> Client:
        found = Client()
        found.force_login(eve)
        prove(found, eve)
        return found

    taken_one = answer_to(TAKEN, add_address, client())
    assert taken_one == answer_to(FREE, add_address, client())
    assert taken_one.mails == 1
    assert not EmailAddress.objects.filter(email=TAKEN, user=eve).exists()


def test_a_taken_address_is_told_to_its_owner_alone() -> None:
    sign_up(Client(), TAKEN)
    (message,) = mail.outbox
    assert message.to == [TAKEN]
    assert message.subject == "You can already sign in"
    assert User.objects.count() == 1


def test_a_new_person_begins_at_once_with_the_code_from_the_mail(client: Client) -> None:
    page = sign_up(client, FREE)
    assert page.redirect_chain[-1][0] == "/account/confirm-email/"
    assert client.get("/").status_code == 302
    assert len(mail.outbox) == 1
    done = client.post("/account/confirm-email/", {"code": mailed_code()}, follow=True)
    assert done.redirect_chain[-1][0] == "/"
    assert client.get("/").status_code == 200
    assert EmailAddress.objects.get(email=FREE).verified


@pytest.mark.parametrize("ask", [sign_up, ask_for_code])
@pytest.mark.parametrize("email", [TAKEN, FREE])
def test_the_page_for_the_code_leads_to_another_code(client: Client, ask: Ask, email: str) -> None:
    page = ask(client, email)
    assert f'name="next" value="{CODE}"' in page.content.decode()
    again = client.post("/account/logout/", {"next": CODE}, follow=True)
    assert again.redirect_chain == [(CODE, 302)]
    assert again.status_code == 200


def test_somebody_who_lost_the_page_for_the_code_has_another_one_sent(client: Client) -> None:
    sign_up(client, FREE)
    client.post("/account/logout/", {"next": CODE})
    mail.outbox.clear()
    client.post(CODE, {"email": FREE})
    client.post(f"{CODE}confirm/", {"code": mailed_code()})
    assert client.get("/account/security/").status_code == 200


def test_somebody_whose_address_a_stranger_signed_up_with_takes_it_back(client: Client) -> None:
    sign_up(Client(), FREE)
    mail.outbox.clear()
    client.post("/account/password/reset/", {"email": FREE})
    (link,) = [line for line in mail.outbox[0].body.splitlines() if "/reset/key/" in line]
    page = client.get("/" + link.split("/", 3)[3], follow=True)
    form = {"password1": PASSWORD, "password2": PASSWORD}
    client.post(page.redirect_chain[-1][0], form)
    client.post(LOGIN, {"login": FREE, "password": PASSWORD})
    assert client.get("/account/security/").status_code == 200
    assert not User.objects.get(email=FREE).check_password(OTHER)
