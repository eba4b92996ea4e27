"""Every address of the API that the resolver has: with invalid tokens and missing scopes, with the
ids of other people, with bodies of the wrong kind, and with the same payment from fifty threads.
"""

import json
import threading
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from accounts.models import User
from accounts.sign_in import tokens
from banking.payment_files.booking import agreed_to
from tests.accounts.tokens import expire, issue
from tests.attacks.answers import METHODS
from tests.attacks.bank import AttackedBank, Holder
from tests.attacks.digests import table_digests
from tests.attacks.people import rolled_back
from tests.attacks.walk import addresses
from tests.factories import AccountFactory
from transactions.models import Transaction

FOR_ALL = {"api:docs", "api:openapi", "api:problems", "api:nothing_here"}
WRITING = ("POST", "PUT", "PATCH", "DELETE")
OF_STAFF = {"api:capture", "api:refund", "api:void"}
FORM = "application/x-www-form-urlencoded"
KINDS = (
    FORM, "multipart/form-data; boundary=x", "text/plain", "application/x-ndjson", "text/csv",
    "text/xml", "x", "",
)  # fmt: skip
# The content types that an address reads, if they are not only JSON.
READ_BY = {
    "api:batch": ("application/json", "application/x-ndjson"),
    "api:payment_files": ("text/csv",),
}
AMOUNTS: tuple[Any, ...] = (
    "-1", "0", "0.00", "1e3", "1E-2", "NaN", "Infinity", "-Infinity", "1,000", "1.001", " 1",
    "0x10", "\uff11\uff12", "1_000", "9" * 40, "1" + "0" * 5000, "", None, 1, 1.5, True,
    [], {}, ["1.00"],
)  # fmt: skip
BODIES = (
    b"", b"null", b"[]", b'"x"', b"{", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 20_000, b"NaN",
    b'{"amount": "1.00", "amount": "2.00"}', b'{"' + b"x" * 500_000 + b'": 1}', b"9" * 10_000,
)  # fmt: skip


def of_the_api(holder: Holder) -> list[Any]:
    """Returns the API addresses with the rows of this person, without the public addresses."""
    found = [
        each for each in addresses(holder)
        if each.name.startswith("api:") and each.name not in FOR_ALL
    ]  # fmt: skip
    assert len(found) > 10
    return found


def call(text: str | None, method: str, url: str, body: bytes = b"{}", **more: str) -> Any:
    """Sends a call with this token, and returns the response."""
    headers = {"Authorization": f"Bearer {text}"} if text is not None else {}
    client = Client(raise_request_exception=False)
    content_type = more.pop("content_type", "application/json")
    data = b"" if method in ("GET", "HEAD", "OPTIONS") else body
    return client.generic(method, url, data, content_type, headers={**headers, **more})


def books() -> dict[str, str]:
    """Returns a digest of each table, except the table of tokens, which records the last use of a
    token.
    """
    return {table: each for table, each in table_digests().items() if table != "api_tokens"}


def told(answer: Any) -> str:
    parts = answer.streaming_content if answer.streaming else [answer.content]
    return b"".join(parts).decode(errors="replace")


@pytest.mark.django_db
def test_no_token_that_does_not_work_opens_an_address(bank: AttackedBank) -> None:
    ended, old = issue(bank.ana.user), issue(bank.ana.user)
    tokens.revoke(token=ended.row, by=bank.ana.user)
    expire(old.row)
    before = books()
    wrong = [
        f"{method} {address.url} with {kind}: {status}"
        for address in of_the_api(bank.ana)
        for kind, text in (
            ("none", None), ("a revoked one", ended.text), ("an old one", old.text), ("junk", "x"),
            ("half", ended.text[:30]), ("nothing", ""),
        )
        for method in METHODS
        if (status := call(text, method, address.url).status_code) not in (401, 405, 429)
    ]  # fmt: skip
    assert wrong == []
    assert books() == before


@pytest.mark.django_db
def test_no_scope_does_what_another_one_does(bank: AttackedBank) -> None:
    reads, pays = issue(bank.ana.user, "read").text, issue(bank.ana.user, "pay").text
    before = books()
    wrong = []
    for address in of_the_api(bank.ana):
        status = call(pays, "GET", address.url).status_code
        if status < 400:
            wrong.append(f"GET {address.url} by a token that pays: {status}")
        for method in WRITING:
            status = call(reads, method, address.url).status_code
            if status not in (403, 405):
                wrong.append(f"{method} {address.url} by a token that reads: {status}")
    assert wrong == []
    assert books() == before


# Writes for which the scope `pay` is enough. Their response has no body, or contains only the
# values that were sent, or the row that the call created. Any other write also needs `read`.
PAY_IS_ENOUGH = {
    "DELETE api:category", "DELETE api:category_change", "DELETE api:payment_file",
    "DELETE api:saved_payee",
    "PUT api:note", "PUT api:category",
    "POST api:transactions", "POST api:batch", "POST api:standing_orders", "POST api:accounts",
    "POST api:holds", "POST api:capture", "POST api:refund",
}  # fmt: skip


@pytest.mark.django_db
def test_a_write_that_answers_with_earlier_rows_needs_read(bank: AttackedBank) -> None:
    """The scopes are checked before the body, so an empty body is enough for this test."""
    pays = issue(bank.clerk, "pay", "staff").text
    before, passed = books(), set[str]()
    for address in {each.name: each for each in of_the_api(bank.ana)}.values():
        for method in WRITING:
            answer = call(pays, method, address.url)
            challenge = answer.headers.get("WWW-Authenticate", "")
            lacks_read = answer.status_code == 403 and 'scope="read"' in challenge
            if answer.status_code != 405 and not lacks_read:
                passed.add(f"{method} {address.name}")
    assert passed == PAY_IS_ENOUGH
    assert books() == before


def bodies_of_own(holder: Holder) -> dict[str, dict[str, Any]]:
    """Returns the body of each call that changes a row of this person, as the person or staff would
    send it.
    """
    reason = {"reason": "Asked by letter"}
    return {
        "POST api:capture": reason,
        "POST api:refund": reason,
        "POST api:void": reason,
        "PUT api:note": {"text": "Dinner", "tags": []},
        "PUT api:category": {"category": "food"},
        "DELETE api:category": {},
        "DELETE api:category_change": {},
        "DELETE api:payment_file": {},
        "POST api:payment_file_pay": {"agreed": agreed_to(holder.files[0]), "whole": False},
        "PUT api:saved_payee": {"name": "Landlord"},
        "DELETE api:saved_payee": {},
        "POST api:standing_order_amount": {"amount": "2.00"},
        "POST api:standing_order_skip": {"day": str(holder.orders[0].next_on)},
        "POST api:standing_order_pause": {},
        "POST api:standing_order_resume": {},
        "POST api:standing_order_end": {},
    }


@pytest.mark.django_db
def test_no_address_with_the_ids_of_others_shows_or_changes_theirs(bank: AttackedBank) -> None:
    """An allowed caller could make each refused change with the same body."""
    stranger = issue(bank.eve.user, "read", "pay").text
    clerk = issue(bank.clerk, "read", "pay", "staff").text
    own = {holder.who: issue(holder.user, "read", "pay").text for holder in bank.victims}
    facts = [fact for holder in bank.victims for fact in holder.facts()]
    before = books()
    wrong, refused, made = list[str](), set[str](), set[str]()
    for holder in bank.victims:
        bodies = bodies_of_own(holder)
        for address in of_the_api(holder):
            for method in METHODS:
                name = f"{method} {address.name}"
                body = json.dumps(bodies.get(name, {})).encode()
                with rolled_back():
                    answer = call(stranger, method, address.url, body)
                    shown = [fact for fact in facts if fact in told(answer)]
                status = answer.status_code
                expected = 403 if address.name in OF_STAFF else 404
                is_refused = not address.is_of_holder or status in (405, expected)
                if shown or not is_refused:
                    wrong.append(f"{method} {address.url}: {status}, shows {shown}")
                if address.is_of_holder and method in WRITING and status == expected:
                    refused.add(name)
                    right = clerk if address.name in OF_STAFF else own[holder.who]
                    with rolled_back():
                        headers = {"Idempotency-Key": "k"}
                        if call(right, method, address.url, body, **headers).status_code < 300:
                            made.add(name)
    assert wrong == []
    assert refused == made == set(bodies)
    assert books() == before


@pytest.mark.django_db
def test_no_body_of_another_kind_is_read(bank: AttackedBank) -> None:
    """Expects 415 for another content type and 400 for a body that is not a JSON object, before any
    other error. Expects 405 if the address does not accept the method. Staff send the calls that
    customers may not send.
    """
    customer = issue(bank.ana.user, "read", "pay").text
    clerk = issue(bank.clerk, "read", "pay", "staff").text
    one_each = {it.pattern.template: it for it in of_the_api(bank.ana)}
    before, wrong, read = books(), list[str](), set[str]()

    def send(text: str, method: str, body: bytes = b"{}", kind: str = "application/json") -> None:
        with rolled_back():
            status = call(text, method, address.url, body, content_type=kind).status_code
        is_read = kind in READ_BY.get(address.name, ("application/json",))
        if status == 405:
            expected = 405 if method not in taken else 0
        else:
            read.add(address.name)
            expected = 400 if is_read or not body else 415
        if status != expected:
            wrong.append(f"{method} {address.url} as {kind} {body[:20]!r}: {status}")

    for address in one_each.values():
        text = clerk if address.name in OF_STAFF else customer
        taken = call(text, "OPTIONS", address.url).headers["Allow"]
        for method in ("POST", "PUT", "PATCH"):
            for kind in KINDS:
                send(text, method, kind=kind)
            for body in BODIES:
                send(text, method, body)
    assert wrong == []
    assert read >= {*OF_STAFF, *READ_BY, "api:transactions", "api:note", "api:category"}
    assert books() == before


PAYMENT = '{"from_account": "%s", "to_account": "%s", "amount": "1.00"%s}'
PAYMENT_OF_FORM = "from_account=%s&to_account=%s&amount=1.00%s"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "more", "coding", "status"),
    [
        ("application/json", ', "amount": "1.00"', "utf-8", 400),
        ("application/json", "", "utf-8", 201),
        *((kind, "", "utf-8", 415) for kind in KINDS),
        ("application/json", ', "metadata": {"a": 1, "a": 1}', "utf-8", 400),
        ("application/json", ', "metadata": {"a": NaN}', "utf-8", 400),
        ("application/json", ', "metadata": {"a": -Infinity}', "utf-8", 400),
        ("application/json", "}, {", "utf-8", 400),
        ("application/json", ', "description": "caf\u00e9"', "latin-1", 400),
        ("application/json", "", "utf-16", 400),
    ],
)
def test_what_could_be_read_in_two_ways_pays_nothing(
    kind: str, more: str, coding: str, status: int
) -> None:
    """A more tolerant parser would read and pay each of these bodies."""
    mine, theirs = AccountFactory(balance="100"), AccountFactory()
    text = issue(mine.user, "pay").text
    payment = PAYMENT_OF_FORM if kind == FORM else PAYMENT
    body = (payment % (mine.pk, theirs.pk, more)).encode(coding)
    key = {"Idempotency-Key": "k"}
    answer = call(text, "POST", "/api/v1/transactions/", body, content_type=kind, **key)
    assert answer.status_code == status
    assert Transaction.objects.filter(from_account=mine).exists() == (status == 201)


@pytest.mark.django_db
@pytest.mark.parametrize("amount", AMOUNTS, ids=lambda each: repr(each)[:12])
def test_no_odd_amount_moves_money(amount: Any) -> None:
    mine, theirs = AccountFactory(balance="100"), AccountFactory()
    text = issue(mine.user, "pay").text
    payment = {"from_account": str(mine.pk), "to_account": str(theirs.pk), "amount": amount}
    client, headers = Client(), {"Authorization": f"Bearer {text}", "Idempotency-Key": "k"}
    for url, body in (
        ("/api/v1/transactions/", payment),
        ("/api/v1/transactions/batch/", {"transactions": [payment]}),
    ):
        answer = client.post(url, body, content_type="application/json", headers=headers)
        assert answer.status_code in (400, 422)
    assert not Transaction.objects.filter(from_account=mine).exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "more",
    [
        {"id": "01a20000-0000-7000-8000-000000000001"}, {"created_by": "x"}, {"status": "voided"},
        {"type": "deposit"}, {"created_at": "2020-01-01T00:00:00Z"}, {"from_balance": "1.00"},
        {"value_date": "2020-01-01"}, {"reverses": "x"}, {"captures": "x"}, {"pending": True},
        {"currency": "EUR"}, {"search": "x"}, {"from_account_id": "x"}, {"__class__": "x"},
    ],
    ids=lambda each: next(iter(each)),
)  # fmt: skip
def test_no_field_that_is_not_asked_for_is_taken(more: dict[str, Any]) -> None:
    mine, theirs = AccountFactory(balance="100"), AccountFactory()
    text = issue(mine.user, "pay").text
    payment = {"from_account": str(mine.pk), "to_account": str(theirs.pk), "amount": "1.00"}
    answer = Client().post(
        "/api/v1/transactions/", {**payment, **more}, content_type="application/json",
        headers={"Authorization": f"Bearer {text}"},
    )  # fmt: skip
    assert answer.status_code == 400
    assert not Transaction.objects.filter(from_account=mine).exists()


@pytest.mark.django_db(transaction=True)
def test_the_same_payment_from_fifty_threads_is_made_once() -> None:
    mine, theirs = AccountFactory(balance="100"), AccountFactory()
    text = issue(mine.user, "pay").text
    payment = {"from_account": str(mine.pk), "to_account": str(theirs.pk), "amount": "1.00"}
    headers = {"Authorization": f"Bearer {text}", "Idempotency-Key": "once"}
    answers: list[Any] = []

    def send() -> None:
        try:
            for _ in range(20):
                answer = Client().post(
                    "/api/v1/transactions/", payment, content_type="application/json",
                    headers=headers,
                )  # fmt: skip
                if answer.status_code == 201:
                    break
            answers.append(answer)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert Transaction.objects.filter(from_account=mine).count() == 1
    assert User.objects.get(pk=mine.user_id).accounts.get().balance == 99
