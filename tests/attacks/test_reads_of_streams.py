"""A file that is read while it is sent: each reader's access is still checked, and each person in
the file is logged.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpRequest, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts import services as people
from accounts.exceptions import AccessEnded
from accounts.models import Read, User
from accounts.read_log import ReadLogMiddleware
from accounts.shown import opened_by_right
from accounts.sign_in import sessions
from tests.banking.payment_files.files import checked, pay
from tests.conftest import signed_in
from tests.factories import AccountFactory, UserFactory
from tests.transactions.reports.books import analyst, clerk
from transactions import services

pytestmark = pytest.mark.django_db


_answers: list[Any] = []  # of the current test


@pytest.fixture(autouse=True)
def closed_at_the_end() -> Iterator[None]:
    """Closes the streams that a test did not read to their end, as a server does. Otherwise a
    cursor in the database would be closed later, during another test.
    """
    yield
    while _answers:
        _answers.pop().close()


@pytest.fixture(autouse=True)
def one_row_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("transactions.search.batches", "transactions.search.page.file"):
        monkeypatch.setattr(f"{name}.ROWS_PER_BATCH", 1)
    monkeypatch.setattr("ledger.web.table_files.LINES_PER_PART", 1)


def pay_somebody_new(name: str) -> User:
    account = AccountFactory(user=UserFactory(name=name))
    services.deposit(to_account=account, amount=Decimal(5))
    owner: User = account.user
    return owner


def file_of(client: Client) -> Iterator[bytes]:
    """Returns the parts of the file with all payments of the bank, oldest first."""
    query = {"q": "amount:>0", "whose": "bank", "sort": "oldest"}
    answer: Any = client.get("/search/results.csv", query)
    assert answer.status_code == 200
    assert answer["X-Accel-Buffering"] == "no"  # nginx does not read ahead of the reader
    return parts_of(answer)


def parts_of(answer: Any) -> Iterator[bytes]:
    _answers.append(answer)
    return iter(answer.streaming_content)


def people_logged_for(reader: User, page: str = "transactions:search_csv") -> set[Any]:
    rows = Read.objects.filter(reader=reader, page=page)
    return {person for row in rows for person in row.people}


def close_sign_in(reader: User) -> None:
    people.set_sign_in(user=reader.pk, is_open=False)


def take_rights(reader: User) -> None:
    reader.groups.clear()


def sign_out(reader: User) -> None:
    sessions.end_all(reader, "by_staff")


def test_somebody_paid_while_the_file_is_sent_is_logged_before_their_row_leaves() -> None:
    first, reader = pay_somebody_new("Zelda First"), clerk()
    file = file_of(signed_in(reader))
    text = next(file) + next(file)
    assert b"Zelda First" in text
    assert people_logged_for(reader) == {first.pk}
    later = pay_somebody_new("Zeta Later")
    assert b"Zeta Later" in next(file)
    assert people_logged_for(reader) == {first.pk, later.pk}


def test_people_are_logged_once_for_a_file() -> None:
    owner, reader = pay_somebody_new("Zelda First"), clerk()
    for _ in range(3):
        services.deposit(to_account=owner.accounts.get(), amount=Decimal(1))
    assert len(list(file_of(signed_in(reader)))) == 5
    reads = Read.objects.filter(reader=reader, page="transactions:search_csv")
    of_whom = sorted(len(read.people) for read in reads)
    assert of_whom == [0, 1]  # the query, and the people whose rows it returned


@pytest.mark.parametrize("reader_of", [clerk, analyst])
@pytest.mark.parametrize("end", [close_sign_in, take_rights, sign_out])
def test_a_file_ends_with_its_readers_access(
    reader_of: Callable[[], User], end: Callable[[User], None]
) -> None:
    pay_somebody_new("Zelda First")
    reader = reader_of()
    file = file_of(signed_in(reader))
    next(file), next(file)
    end(reader)
    later = pay_somebody_new("Zeta Later")
    with pytest.raises(AccessEnded):
        next(file)
    assert later.pk not in people_logged_for(reader)


def result_of_four_lines(reader: User) -> tuple[Iterator[bytes], list[User]]:
    """Returns the parts of a payment file's results, each with one line, and the people that the
    lines pay.
    """
    paid = AccountFactory.create_batch(4)
    file = checked(AccountFactory(balance="100"), *(pay(account, 1) for account in paid))
    url = reverse("admin:payment_files_paymentfile_result", args=[file.pk])
    answer: Any = signed_in(reader).get(url)
    return parts_of(answer), [account.user for account in paid]


@pytest.mark.parametrize("lines_read_at_once", [2, 100])
@pytest.mark.parametrize("end", [close_sign_in, take_rights, sign_out])
def test_the_result_of_a_payment_file_ends_with_its_readers_access(
    end: Callable[[User], None], lines_read_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("banking.payment_files.results.PART", lines_read_at_once)
    monkeypatch.setattr("accounts.read_log.CHECK_AFTER", 0)
    reader = clerk()
    file, _ = result_of_four_lines(reader)
    next(file), next(file), next(file)
    end(reader)
    with pytest.raises(AccessEnded):
        next(file)


def test_the_result_of_a_payment_file_logs_whom_its_lines_pay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("banking.payment_files.results.PART", 2)
    reader = clerk()
    file, paid = result_of_four_lines(reader)
    page = "admin:payment_files_paymentfile_result"
    first, later = ({user.pk for user in part} for part in (paid[:2], paid[2:]))
    next(file), next(file), next(file)
    logged = people_logged_for(reader, page)
    assert first <= logged
    assert logged.isdisjoint(later)
    next(file)
    assert later <= people_logged_for(reader, page)


def test_a_file_is_checked_again_only_after_a_while_if_it_reads_no_rows(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.read_log.CHECK_AFTER", 3600)
    file, _ = result_of_four_lines(clerk())
    next(file), next(file)
    with django_assert_num_queries(0):
        list(file)


def test_no_file_opened_by_a_right_can_forget_whom_it_shows() -> None:
    reader, owner = clerk(), UserFactory()

    def names() -> Iterator[str]:
        yield User.objects.get(pk=owner.pk).name

    def view(_request: HttpRequest) -> StreamingHttpResponse:
        opened_by_right()
        return StreamingHttpResponse(names())

    request = RequestFactory().get("/somewhere/")
    client = signed_in(reader)
    request.user, request.session, request.resolver_match = reader, client.session, None
    answer: Any = ReadLogMiddleware(view)(request)
    assert b"".join(answer.streaming_content).decode() == owner.name
    assert Read.objects.get(reader=reader).people == [owner.pk]
