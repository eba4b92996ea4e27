"""A customer sends so many megabytes in a day, and no more."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import sent_bytes
from accounts.models import AttemptCount
from accounts.sent_bytes import LINE, SentBytes
from banking.outside import services
from banking.outside.formats.lines import UnreadableStatement
from banking.payment_files.booking import agreed_to, book_step
from banking.payment_files.models import PaymentFile
from banking.payment_files.preview import check
from banking.payment_files.storage import store
from tests.api.calls import bearer
from tests.banking.outside.files import GERMAN, outside_account, uploaded
from tests.banking.payment_files.files import csv_of
from tests.conftest import signed_in
from tests.factories import AccountFactory, UserFactory

pytestmark = pytest.mark.django_db
CALL = "/api/v1/transactions/"


@pytest.fixture(autouse=True)
def no_leases(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(sent_bytes, "_sent", SentBytes())
    settings.LEDGER_MEGABYTES_A_DAY = 2


def pay(person: Any, kilobytes: int) -> Any:
    body = " " * (kilobytes * 1024)
    return Client().post(CALL, body, "application/json", headers=bearer(person, "pay"))


def test_a_customer_who_has_sent_the_amount_of_a_day_still_reads() -> None:
    person = AccountFactory().user
    assert [pay(person, 700).status_code for _ in range(4)] == [400, 400, 400, 429]
    page = signed_in(person)
    assert page.post("/categories/rules/", {"query": "x"}).status_code == 429
    assert page.get("/accounts/").status_code == 200
    assert AttemptCount.objects.order_by("-count")[0].count == 2800


def test_what_is_left_is_that_of_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    person = AccountFactory().user
    assert pay(person, 2000).status_code == 400
    monkeypatch.setattr(sent_bytes, "_sent", SentBytes())  # another process
    assert pay(person, 1030).status_code == 429
    assert pay(AccountFactory().user, 1030).status_code == 400


def test_small_requests_ask_no_database_and_count() -> None:
    sent = SentBytes()
    assert all(sent.add("ana", 1024, 2048) for _ in range(1023))
    assert not AttemptCount.objects.exists()
    assert sent.add("ana", 1024, 2048)
    assert AttemptCount.objects.get().count == 1024


def test_what_is_sent_counts_for_a_day() -> None:
    assert SentBytes().add("ana", 2 * 1024**2, 4096)
    left = AttemptCount.objects.get().window_ends - timezone.now()
    assert timedelta(hours=23) < left <= timedelta(days=1)


@pytest.mark.parametrize("limit", [0, 2])
def test_staff_have_no_limit_nor_has_a_bank_without_one(limit: int, settings: Any) -> None:
    settings.LEDGER_MEGABYTES_A_DAY = limit
    person = signed_in(UserFactory(is_staff=limit > 0))
    body = " " * (1100 * 1024)
    answers = {person.post(CALL, body, "application/json").status_code for _ in range(3)}
    assert answers == {400}


def test_a_length_that_is_no_number_counts_as_an_empty_body() -> None:
    person = AccountFactory().user
    answer = signed_in(person).post(CALL, {}, "application/json", CONTENT_LENGTH="many")
    assert answer.status_code == 400


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, int]]:
    """Whose bytes were counted in addition to those of bodies, and how many."""
    found = list[tuple[Any, int]]()

    def add(person: Any, size: int, _most: int) -> bool:
        found.append((person, size))
        return True

    monkeypatch.setattr(sent_bytes._sent, "add", add)
    return found


MANY = 3000


def total_size() -> int:
    """The bytes of all tables with their indexes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r'")
        return int(cursor.fetchone()[0])


def test_a_payment_file_counts_what_it_stores_until_it_is_paid(
    counted: list[tuple[Any, int]],
) -> None:
    payer, payee = AccountFactory(balance=MANY * MANY), AccountFactory()
    before = total_size()
    lines = [f"{payee.number},{number}.50" for number in range(MANY)]
    file = check(store(csv_of(*lines), name="a.csv", from_account=payer, created_by=payer.user))
    while file.state != PaymentFile.State.DONE:
        file = book_step(file, agreed=agreed_to(file))
    stored = total_size() - before
    assert counted[0][1] > stored


def test_a_file_of_another_bank_counts_what_it_stores(counted: list[tuple[Any, int]]) -> None:
    account = outside_account()
    before = total_size()
    rows = (f"2026-11-0{number % 9 + 1},-{number}.20,Bus\n" for number in range(MANY))
    source = uploaded(account, f"Date,Amount,Payee\n{''.join(rows)}")
    services.confirm(source=source)
    assert max(size for _person, size in counted) > total_size() - before


def test_each_line_of_a_payment_file_counts_when_it_is_stored(
    counted: list[tuple[Any, int]],
) -> None:
    """A line of 15 bytes becomes a payment of a kilobyte."""
    payer, payee = AccountFactory(), AccountFactory()
    lines = [f"{payee.number},1"] * 3
    for _ in range(2):
        store(csv_of(*lines), name="a.csv", from_account=payer, created_by=payer.user)
    store(csv_of(*lines, f"{payee.number},2"), name="a.csv", from_account=payer)  # by the bank
    assert counted == [(payer.user.pk, 3 * LINE)] * 2


def test_each_line_of_a_file_of_another_bank_counts_as_often_as_it_is_stored(
    counted: list[tuple[Any, int]],
) -> None:
    account = outside_account()
    source = uploaded(account, GERMAN)
    source = services.name_columns(source=source, mapping=source.mapping or {})
    services.read_rest(source)
    assert source.line_count > 1
    sizes = [size for person, size in counted if person == account.owner_id]
    assert sizes.count(source.line_count * LINE) == 2


def test_a_file_whose_columns_are_named_counts_as_one_that_is_sent_again(
    counted: list[tuple[Any, int]],
) -> None:
    account = outside_account()
    source = services.upload(BytesIO(GERMAN.encode()), account=account, name="a.csv")
    assert counted == []  # its body was
    with pytest.raises(UnreadableStatement):
        services.name_columns(source=source, mapping=(source.mapping or {}) | {"amount": 0})
    services.name_columns(source=source, mapping=source.mapping or {})
    assert counted == [(account.owner_id, len(GERMAN.encode()))] * 2


def test_each_payment_of_a_call_counts(counted: list[tuple[Any, int]]) -> None:
    payer, payee = AccountFactory(balance="10"), AccountFactory()
    line = {"from_account": str(payer.pk), "to_account": str(payee.pk), "amount": "1"}
    sent = {"transactions": [line] * 4}
    headers = bearer(payer.user, "pay") | {"Idempotency-Key": "a"}
    answer = Client().post(f"{CALL}batch/", sent, "application/json", headers=headers)
    assert answer.status_code == 201
    assert counted[1:] == [(payer.user.pk, 4 * LINE)]
