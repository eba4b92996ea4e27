"""A file is kept whole before anything is sent: its lines, and the id of each payment."""

import threading
import uuid

import pytest
from django.db import IntegrityError, connection
from django.db import transaction as db_transaction

from accounts.models import Account, User
from banking.payment_files import booking, storage
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.preview import check
from banking.payment_files.storage import FilesFull, discard, store
from tests.banking.payment_files.files import checked, csv_of, fates, pay, stored
from tests.factories import AccountFactory
from tests.pooler import beside

pytestmark = pytest.mark.django_db(transaction=True)


def test_lines_are_kept_as_typed_and_as_read(everyday: Account, mara: Account) -> None:
    number = f"{mara.number[:4]} {mara.number[4:8]}-{mara.number[8:]}"
    file = stored(everyday, f'{number},"1,240.50",Rent,R-1', f"12,abc,\ttab\\N,{'r' * 141}")
    good, bad = PaymentLine.objects.of(file).in_order()
    assert (good.number, good.typed_to, good.typed_amount) == (2, number, "1,240.50")
    assert (good.to_account, good.amount, good.verdict) == (mara, 1240.5, "")
    assert (bad.typed_to, bad.typed_amount, bad.description) == ("12", "abc", "tab\\N")
    assert (bad.to_account, bad.amount, bad.is_readable) == (None, None, False)
    assert (file.state, file.line_count, file.total) == ("stored", 2, 1240.5)


def test_a_file_longer_than_a_part_is_kept_whole(
    everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "PART", 2)
    file = stored(everyday, *[pay(mara, n) for n in range(1, 6)])
    lines = PaymentLine.objects.of(file).in_order()
    assert [(line.number, line.amount) for line in lines] == [(n + 1, n) for n in range(1, 6)]


def test_a_form_sent_twice_stores_one_file(everyday: Account, mara: Account) -> None:
    id = uuid.uuid4()
    first = stored(everyday, pay(mara, 1), id=id)
    assert stored(everyday, pay(mara, 1), id=id) == first
    assert PaymentFile.objects.count() == 1


def test_another_file_from_the_same_form_is_another_file(everyday: Account, mara: Account) -> None:
    id = uuid.uuid4()
    first = stored(everyday, pay(mara, 1), id=id)
    second = stored(everyday, pay(mara, 2), id=id)
    theirs = stored(AccountFactory(), pay(mara, 1), id=id)
    assert len({first.pk, second.pk, theirs.pk}) == 3


def test_a_run_has_a_file_once_and_a_page_as_often_as_it_is_uploaded(
    everyday: Account, mara: Account
) -> None:
    november = stored(everyday, pay(mara, 1), run="2026-11")
    assert stored(everyday, pay(mara, 1), run="2026-11", name="copy.csv") == november
    assert stored(everyday, pay(mara, 1), run="2026-12") != november
    assert stored(everyday, pay(mara, 1)) != stored(everyday, pay(mara, 1))


def test_two_at_once_in_one_run_store_one_file(everyday: Account, mara: Account) -> None:
    barrier, found = threading.Barrier(4, timeout=60), []

    def upload() -> None:
        barrier.wait()
        found.append(stored(everyday, pay(mara, 1), run="").pk)
        connection.close()

    threads = [threading.Thread(target=upload) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert PaymentLine.objects.count() == 1


@pytest.fixture
def at_most_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "MAX_UNPAID_LINES", 3)


def upload(account: Account, *lines: str, by: User | None) -> PaymentFile:
    return store(csv_of(*lines), name="a.csv", from_account=account, created_by=by)


@pytest.mark.usefixtures("at_most_three")
def test_a_person_keeps_a_limited_number_of_unpaid_lines(everyday: Account, mara: Account) -> None:
    person = everyday.user
    first = upload(everyday, pay(mara, 1), pay(mara, 2), by=person)
    with pytest.raises(FilesFull):
        upload(everyday, pay(mara, 3), pay(mara, 4), by=person)
    assert PaymentFile.objects.count() == 1
    upload(everyday, pay(mara, 3), pay(mara, 4), by=mara.user)  # another person
    upload(everyday, pay(mara, 3), pay(mara, 4), by=None)  # the bank's command
    booking.book_whole(check(first))
    upload(everyday, pay(mara, 3), pay(mara, 4), pay(mara, 5), by=person)


def test_parallel_uploads_share_one_limit(
    everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last thing of an upload is the limit, read while nobody else of the same person does."""
    refuse, free = storage._refuse_above_limit, []

    def while_another_looks(file: PaymentFile) -> None:
        with beside() as other:
            wanted = "SELECT FROM users WHERE id = %s FOR NO KEY UPDATE SKIP LOCKED"
            free.append(bool(other.execute(wanted, [file.created_by_id]).fetchall()))
        refuse(file)

    monkeypatch.setattr(storage, "_refuse_above_limit", while_another_looks)
    upload(everyday, pay(mara, 1), by=everyday.user)
    assert free == [True, False]


def test_an_interrupted_upload_leaves_nothing(
    everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "settle", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        stored(everyday, pay(mara, 1))
    assert PaymentFile.objects.count() == PaymentLine.objects.count() == 0


def test_a_file_is_removed_unless_something_of_it_was_paid(
    everyday: Account, mara: Account
) -> None:
    file = checked(everyday, pay(mara, 1))
    paid = booking.book_rest(checked(everyday, pay(mara, 2), "12,5"))
    assert discard(file)
    assert not discard(paid)
    assert list(PaymentFile.objects.all()) == [paid]


def test_the_name_of_a_file_is_one_tidy_line(everyday: Account, mara: Account) -> None:
    source = csv_of(pay(mara, 1))
    assert store(source, name="\u202egnp.csv\n" + "x" * 300, from_account=everyday).name == (
        "gnp.csv " + "x" * 192
    )


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"booked": True, "verdict": "no"}, "booked_line_has_no_refusal"),
        ({"amount": None}, "unread_line_is_refused"),
        ({"name_check": "maybe"}, "name_check_valid"),
    ],
)
def test_a_line_is_one_thing_at_a_time(
    everyday: Account, mara: Account, change: dict[str, object], name: str
) -> None:
    file = stored(everyday, pay(mara, 1))
    with pytest.raises(IntegrityError, match=name), db_transaction.atomic():
        PaymentLine.objects.of(file).update(**change)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"state": "lost"}, "payment_file_state_valid"),
        ({"booked_count": 2}, "payment_file_counts_add_up"),
    ],
)
def test_a_file_stands_where_its_lines_stand(
    everyday: Account, mara: Account, change: dict[str, object], name: str
) -> None:
    file = stored(everyday, pay(mara, 1))
    with pytest.raises(IntegrityError, match=name), db_transaction.atomic():
        PaymentFile.objects.filter(pk=file.pk).update(**change)


def test_a_line_number_is_there_once(everyday: Account, mara: Account) -> None:
    file = stored(everyday, pay(mara, 1), pay(mara, 2))
    with pytest.raises(IntegrityError, match="payment_line_once"), db_transaction.atomic():
        PaymentLine.objects.of(file).update(number=2)
    assert fates(file) == ["waiting", "waiting"]
