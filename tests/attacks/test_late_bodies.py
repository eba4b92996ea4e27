"""The rights of a request are checked after its body is complete, however late the last bytes
arrive.
"""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.fixtures import Settings

from accounts import current_access
from accounts.groups import OPERATIONS
from accounts.late_bodies import SHORT
from accounts.models import Account, ApiToken, User
from accounts.sign_in import tokens
from api.parsing import NDJSONParser
from ledger.db.ids import uuid7
from ledger.db.rights.row_security import without_reader
from tests.access_ends import ENDS
from tests.api.calls import TRANSACTIONS, bearer, body
from tests.attacks.digests import OF_EVERY_VISIT, table_digests
from tests.attacks.people import signed_in
from tests.attacks.sessions import age
from tests.banking.payment_files.files import csv_of, pay
from tests.conftest import colleague, set_role
from tests.factories import AccountFactory
from tests.pages import text_of
from tests.reviews import reviewed
from transactions import services

pytestmark = pytest.mark.django_db
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
CSRF_TOKEN = "a" * 32
LONG_QUERY = "?" + urlencode({"unused": "x" * 2_500})
rows = partial(table_digests, (*OF_EVERY_VISIT, "api_tokens"))  # have a time of last use
SIZES = ("short", "short, with Expect", "long")


class LateBody(io.BytesIO):
    """A body whose last bytes arrive after `before_the_end` has run."""

    def __init__(self, content: bytes, before_the_end: Callable[[], None]) -> None:
        super().__init__(content)
        self.size, self.before_the_end = len(content), before_the_end
        self.is_complete = False

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        if self.tell() == self.size and not self.is_complete:
            self.is_complete = True
            self.before_the_end()
        return found


@dataclass(slots=True)
class Call:
    """A request that changes something, with a person who may send it."""

    person: User
    address: str
    content: bytes
    content_type: str = JSON
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    client: Client = field(default_factory=Client)
    was_read: bool = False

    def send(self, size: str, before_the_end: Callable[[], None]) -> Any:
        content, headers = self.content, dict(self.headers)
        if size == "long":
            content = lengthened(content, self.content_type)
        if size == "the longest short one, with Expect":
            content = content.ljust(SHORT)
        if size.endswith("with Expect"):
            headers["Expect"] = "100-continue"
        late = LateBody(content, before_the_end)
        environ: dict[str, Any] = {"wsgi.input": late, "CONTENT_LENGTH": str(len(content))}
        answer = self.client.generic(
            self.method, self.address, b"", headers=headers, CONTENT_TYPE=self.content_type,
            **environ,
        )  # fmt: skip
        if answer.streaming:
            answer.getvalue()
        self.was_read = late.tell() > 0
        return answer


def lengthened(content: bytes, content_type: str) -> bytes:
    """Returns a longer body with the same values."""
    if content_type == FORM:
        return content + b"&unused=" + b"x" * SHORT
    if content_type == MULTIPART_CONTENT:
        return encode_multipart(BOUNDARY, {"unused": "x" * SHORT}).removesuffix(
            f"--{BOUNDARY}--\r\n".encode()
        ) + content  # fmt: skip
    return content + b"\n" * SHORT


@dataclass(slots=True)
class Senders:
    """The senders: Ana, who has an account, and a clerk of the cash desk."""

    mine: Account
    theirs: Account
    clerk: User

    def by_token(self, path: str, content: Any, method: str = "POST", **more: Any) -> Call:
        header = more.pop("headers", {}) | bearer(self.mine.user, "read", "pay")
        return Call(
            self.mine.user, path, json.dumps(content).encode(),
            method=method, headers=header, **more,
        )  # fmt: skip

    def by_staff(self, path: str, content: Any) -> Call:
        header = bearer(self.clerk, "read", "pay", "staff")
        return Call(self.clerk, path, json.dumps(content).encode(), headers=header)

    def by_session(self, path: str, content: Any) -> Call:
        client = signed_in(self.mine.user)
        return Call(self.mine.user, path, json.dumps(content).encode(), client=client)

    def page(self, name: str, form: dict[str, Any], query: str = "") -> Call:
        client = signed_in(self.mine.user)
        client.handler.enforce_csrf_checks = True
        client.cookies["csrftoken"] = form["csrfmiddlewaretoken"] = CSRF_TOKEN
        address = reverse(name) + query
        if any(isinstance(value, io.BytesIO) for value in form.values()):
            content = encode_multipart(BOUNDARY, form)
            return Call(self.mine.user, address, content, MULTIPART_CONTENT, client=client)
        return Call(self.mine.user, address, urlencode(form).encode(), FORM, client=client)

    def paid(self) -> str:
        row = services.transfer(from_account=self.mine, to_account=self.theirs, amount=Decimal(5))
        return f"{TRANSACTIONS}{row.pk}/"


@pytest.fixture
def senders() -> Senders:
    clerk = colleague(OPERATIONS, "Clerk")
    return Senders(AccountFactory(balance="1000"), AccountFactory(), clerk)


def batch(senders: Senders, **changes: Any) -> dict[str, Any]:
    return {"transactions": [body(senders.mine, senders.theirs)], **changes}


def lines(senders: Senders) -> Call:
    call = senders.by_token(
        f"{TRANSACTIONS}batch/?atomic=false", body(senders.mine, senders.theirs),
        headers={"Idempotency-Key": "one"},
    )  # fmt: skip
    call.content_type = NDJSONParser.media_type
    return call


def csv_by_token(senders: Senders) -> Call:
    call = senders.by_token(f"/api/v1/payment-files/?from_account={senders.mine.pk}&name=a.csv", "")
    call.content, call.content_type = csv_of(pay(senders.theirs, 600)).getvalue(), "text/csv"
    return call


def csv_page(senders: Senders) -> Call:
    source = csv_of(pay(senders.theirs, 600))
    source.name = "salaries.csv"
    form = {"id": str(uuid7()), "from_account": str(senders.mine.pk), "file": source}
    return senders.page("transactions:file_new", form)


def transfer(senders: Senders, query: str = "") -> Call:
    form = {
        "id": str(uuid7()), "from_account": str(senders.mine.pk), "number": senders.theirs.number,
        "amount": "12.50", "description": "Lunch", "csrfmiddlewaretoken": CSRF_TOKEN,
    }  # fmt: skip
    call = senders.page("transactions:transfer", {}, query)
    form = reviewed(call.client, reverse("transactions:transfer"), form)
    call.content = urlencode({**form, "step": "send"}).encode()
    return call


def note(senders: Senders) -> Call:
    return senders.by_token(f"{senders.paid()}note/", {"text": "Thief", "tags": []}, "PUT")


def deposit(senders: Senders) -> dict[str, str]:
    return {"to_account": str(senders.mine.pk), "amount": "77.00", "description": "Cash"}


KEYED = {"Idempotency-Key": "one"}
BY_TOKEN: dict[str, Callable[[Senders], Call]] = {
    "payment": lambda senders: senders.by_token(TRANSACTIONS, body(senders.mine, senders.theirs)),
    "batch": lambda senders: senders.by_token(
        f"{TRANSACTIONS}batch/", batch(senders), headers=KEYED
    ),
    "lines": lines,
    "payment file": csv_by_token,
    "note": note,
    "payee": lambda senders: senders.by_token(
        "/api/v1/payees/saved/", {"number": senders.theirs.number, "name": "Thief"}
    ),
}  # fmt: skip
BY_STAFF: dict[str, Callable[[Senders], Call]] = {
    "deposit": lambda senders: senders.by_staff(TRANSACTIONS, deposit(senders)),
    "refund": lambda senders: senders.by_staff(f"{senders.paid()}refund/", {"reason": "Complaint"}),
}
BY_SESSION: dict[str, Callable[[Senders], Call]] = {
    "payment in a session": lambda senders: senders.by_session(
        TRANSACTIONS, body(senders.mine, senders.theirs)
    ),
    "page": transfer,
    "page with a long query": lambda senders: transfer(senders, LONG_QUERY),
    "page of an upload": csv_page,
}
CALLS = BY_TOKEN | BY_STAFF | BY_SESSION


def revoke(person: User) -> None:
    tokens.revoke(token=ApiToken.objects.get(user=person), by=person)


def take_rights(person: User) -> None:
    person.groups.clear()


def by_somebody_else(end: Callable[[User], None], person: User) -> None:
    """Ends the access outside of the request, in which the access would be checked."""
    with current_access.checked_by(lambda _person: None):
        end(person)


TOKEN_ENDS = (revoke, ENDS["sign-in closed"], ENDS["signed out everywhere"])
CASES = [
    *[(name, end, "long") for name in BY_TOKEN | BY_STAFF for end in TOKEN_ENDS],
    *[(name, end, "long") for name in BY_SESSION for end in ENDS.values()],
    *[(name, take_rights, size) for name in BY_STAFF for size in SIZES],
    *[(name, revoke, size) for name in BY_TOKEN for size in SIZES[:2]],
    *[(name, ENDS["session ended"], size) for name in BY_SESSION for size in SIZES[:2]],
]


@pytest.mark.parametrize(("name", "end", "size"), CASES)
def test_what_ends_before_the_body_is_complete_counts(
    senders: Senders, name: str, end: Callable[[User], None], size: str
) -> None:
    call, at_the_end = CALLS[name](senders), {}

    def end_it() -> None:
        set_role(None)
        with without_reader():
            by_somebody_else(end, User.objects.get(pk=call.person.pk))
            at_the_end.update(rows())
        set_role("ledger_web")

    answer = call.send(size, end_it)
    assert rows() == at_the_end
    if name in BY_SESSION and "page" in name:
        assert answer.headers["Location"].startswith(reverse("account_login"))
    else:
        assert answer.status_code in ((403, 422) if end is take_rights else (401,))


@pytest.mark.parametrize("name", CALLS)
def test_the_same_request_counts_if_nothing_has_ended(senders: Senders, name: str) -> None:
    call = CALLS[name](senders)
    before = rows()
    answer = call.send("long", lambda: None)
    assert answer.status_code < 400, answer.content
    assert rows() != before


@pytest.mark.parametrize("size", ["short, with Expect", "long"])
@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer nonsense"}])
def test_nothing_of_a_late_body_is_read_for_nobody(
    senders: Senders, header: dict[str, str], size: str
) -> None:
    call = Call(senders.mine.user, TRANSACTIONS, b"{}", headers=header)
    assert call.send(size, lambda: None).status_code == 401
    assert not call.was_read


@pytest.mark.parametrize(
    ("size", "status"),
    [("short, with Expect", 417), ("the longest short one, with Expect", 417), ("long", 413)],
)
@pytest.mark.parametrize("page", ["account_login", "account_signup", "csp_report"])
def test_no_open_page_reads_a_late_body_of_a_stranger(
    senders: Senders, page: str, size: str, status: int
) -> None:
    """The CSRF check, which runs before the page, does not read the body either."""
    call = by_a_stranger(senders, page)
    assert call.send(size, lambda: None).status_code == status
    assert not call.was_read


@pytest.mark.parametrize("size", ["short, with Expect", "long"])
def test_other_pages_lead_a_stranger_with_a_late_body_to_the_sign_in(
    senders: Senders, size: str
) -> None:
    call = by_a_stranger(senders, "transactions:transfer")
    answer = call.send(size, lambda: None)
    assert answer.headers["Location"].startswith(reverse("account_login"))
    assert not call.was_read


def by_a_stranger(senders: Senders, page: str) -> Call:
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = CSRF_TOKEN
    return Call(senders.mine.user, reverse(page), b"email=ana", FORM, client=client)


@pytest.mark.parametrize("size", SIZES)
def test_who_sends_in_an_ended_session_learns_why_it_ended(senders: Senders, size: str) -> None:
    call = csv_page(senders)
    age(call.client, seen=timedelta(minutes=30))
    answer = call.send(size, lambda: None)
    assert answer.headers["Location"].startswith(reverse("account_login"))
    page = call.client.get(answer.headers["Location"])
    assert "You were signed out after 30 minutes" in text_of(page)


@pytest.mark.parametrize("name", ["payment", "page"])
def test_a_short_body_that_is_cut_off_changes_nothing(senders: Senders, name: str) -> None:
    def cut_off() -> None:
        raise OSError("The client has gone.")

    call = CALLS[name](senders)
    before = rows()
    assert call.send("short", cut_off).status_code == 400
    assert rows() == before


def test_only_a_late_body_costs_a_further_query(senders: Senders) -> None:
    call = BY_TOKEN["note"](senders)
    call.send("short", lambda: None)
    queries = {}
    for size in SIZES:
        with CaptureQueriesContext(connection) as captured:
            call.send(size, lambda: None)
        queries[size] = len(captured)
    usual = queries["short"]
    assert queries == {"short": usual, "short, with Expect": usual + 1, "long": usual + 1}


def test_a_large_upload_is_refused_to_a_session_that_has_ended(
    senders: Senders, settings: Settings
) -> None:
    """The size limit is checked after the headers, in the same session."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = SHORT
    call = csv_page(senders)
    call.content = call.content.replace(b"Rent", b"Rent " + b"x" * 2 * SHORT)
    answer = call.send("short", lambda: by_somebody_else(ENDS["session ended"], senders.mine.user))
    assert answer.headers["Location"].startswith(reverse("account_login"))
