"""A database that cannot: a sentence with status 503, never a traceback, nothing half-done."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from html import unescape
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, InternalError, OperationalError, connection
from django.test import Client, RequestFactory

from accounts.models import Account
from ledger.db import retry
from ledger.db.ids import uuid7
from ledger.db.retry import Failure, NotConfirmed, OutcomeUnknown
from ledger.web.database_errors import _may_be_booked, page_for
from ledger.web.kept_forms import MAY_BE_BOOKED, PLAIN, books_nothing, kept_form
from tests.factories import AccountFactory, balances
from tests.pages import hidden_fields
from tests.pooler import limited_to
from tests.reviews import reviewed
from transactions import services
from transactions.audit.audit import audit
from transactions.models import Transaction
from transactions.posting import single_statement
from transactions.posting.checks import check

FAILURES = [
    (psycopg.errors.LockNotAvailable(), OperationalError, "is being changed"),
    (psycopg.errors.DeadlockDetected(), OperationalError, "is being changed"),
    (psycopg.errors.QueryCanceled(), OperationalError, "took too long"),
    (psycopg.errors.IdleInTransactionSessionTimeout(), InternalError, "does not answer"),
    (psycopg.errors.TooManyConnections(), OperationalError, "does not answer"),
    (psycopg.errors.AdminShutdown(), OperationalError, "lost before the database answered"),
    (psycopg.OperationalError("gone"), OperationalError, "lost before the database answered"),
    (psycopg.OperationalError("gone"), OutcomeUnknown, "lost before the database answered"),
    (psycopg.errors.DiskFull(), OperationalError, "has to repair it"),
    (psycopg.errors.OutOfMemory(), OperationalError, "has to repair it"),
    (psycopg.errors.ConfigurationLimitExceeded(), OperationalError, "has to repair it"),
    (psycopg.errors.DatabaseDropped(), OperationalError, "has to repair it"),
    (psycopg.errors.CrashShutdown(), OperationalError, "lost before the database answered"),
    (psycopg.errors.CannotConnectNow(), OperationalError, "does not answer"),
    (psycopg.errors.IdleSessionTimeout(), OperationalError, "lost before the database answered"),
]


@pytest.fixture
def account(client: Client, db: None) -> Account:
    account: Account = AccountFactory(balance="100")
    client.force_login(account.user)
    return account


def raising(kind: type[Exception], cause: psycopg.Error) -> Callable[..., None]:
    """What fails in place of a view, as Django does when psycopg fails."""

    def fail(*_: Any) -> None:
        raise kind("x") from cause

    return fail


@pytest.mark.parametrize(("cause", "kind", "words"), FAILURES, ids=lambda v: type(v).__name__)
def test_each_failure_has_its_sentence(
    cause: psycopg.Error,
    kind: type[DatabaseError],
    words: str,
    client: Client,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("transactions.home.views.home_of", raising(kind, cause))
    response = client.get("/?page=2")
    said = response.content.decode()
    assert response.status_code == 503
    assert words in said
    assert 'href="/?page=2">Try again</a>' in said
    assert response["Retry-After"] == "2"
    assert response["Cache-Control"] == "no-store"
    assert "book" not in unescape(said[said.index("<main") : said.index("</main")])


@pytest.mark.parametrize(("cause", "kind", "words"), FAILURES, ids=lambda v: type(v).__name__)
def test_each_failure_is_a_problem_of_the_api(
    cause: psycopg.Error,
    kind: type[DatabaseError],
    words: str,
    client: Client,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.accounts.views.AccountList.get", raising(kind, cause))
    answer = client.get("/api/v1/accounts/")
    is_race = isinstance(cause, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected)
    assert answer.status_code == (409 if is_race else 503)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Retry-After"] == "1"


def test_a_page_that_only_reads_tries_again_also_where_a_lock_was_in_the_way() -> None:
    error = OperationalError("x")
    error.__cause__ = psycopg.errors.LockNotAvailable()
    read = page_for(RequestFactory().get("/search/?q=rent"), error)
    sent = page_for(RequestFactory().post("/deposits/", {"amount": "1"}), error)

    assert read is not None
    assert sent is not None
    assert 'http-equiv="refresh"' in read.content.decode()
    assert 'http-equiv="refresh"' not in sent.content.decode()
    assert "booked nothing" in sent.content.decode()


def test_who_signs_in_during_an_outage_is_led_back_to_the_sign_in_page() -> None:
    error = OperationalError("x")
    error.__cause__ = psycopg.errors.TooManyConnections()
    form = {"login": "ana@example.com", "password": "secret"}
    answer = page_for(RequestFactory().post("/account/login/?next=/search/", form), error)

    assert answer is not None
    said = answer.content.decode()
    assert 'href="/account/login/?next=/search/">Sign in again</a>' in said
    assert "secret" not in said
    assert "book" not in said[said.index("<main") : said.index("</main")]


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_commit_that_the_standby_did_not_confirm_is_no_lost_connection(
    method: str, client: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def commit(*_: Any, **__: Any) -> None:
        raise NotConfirmed("x")

    monkeypatch.setattr("transactions.home.views.home_of", commit)
    monkeypatch.setattr(services, "book_once", commit)
    if method == "get":
        response: Any = client.get("/")
    else:
        response = pay(client, account, AccountFactory())
    page = unescape(response.content.decode())

    assert response.status_code == 503
    assert "Not confirmed yet" in page
    assert "lost" not in page


@pytest.mark.parametrize("kind", [IntegrityError, ValueError])
def test_a_mistake_of_ours_is_no_trouble_of_the_database(
    kind: type[Exception], client: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = raising(kind, psycopg.errors.UniqueViolation())
    monkeypatch.setattr("transactions.home.views.home_of", failure)
    client.raise_request_exception = False
    assert client.get("/").status_code == 500


def test_trouble_before_any_view_has_the_same_page(
    client: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = raising(OperationalError, psycopg.errors.TooManyConnections())
    monkeypatch.setattr("django.contrib.auth.middleware.get_user", failure)
    client.raise_request_exception = False
    response = client.get("/")
    assert response.status_code == 503
    assert "does not answer" in response.content.decode()


def pay(client: Client, account: Account, other: Account) -> Any:
    """The last step of the transfer form."""
    return client.post("/transfers/new/", {**review(client, account, other), "step": "send"})


def review(client: Client, account: Account, other: Account) -> dict[str, Any]:
    """The transfer form as its review carries it."""
    form = {
        "id": uuid7(), "from_account": account.pk, "number": other.number, "amount": "30",
        "description": "Rent", "reference": "",
    }  # fmt: skip
    return reviewed(client, "/transfers/new/", form)


def broken_once(monkeypatch: pytest.MonkeyPatch, cause: psycopg.Error) -> None:
    """The first payment loses its database; the next ones do not."""
    book, calls = services.book_once, []

    def fail_first(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise OperationalError("x") from cause
        return book(*arguments, **options)

    monkeypatch.setattr("transactions.services.book_once", fail_first)


@pytest.mark.parametrize(
    ("cause", "by_itself"),
    [
        (psycopg.errors.AdminShutdown(), True),
        (psycopg.errors.CannotConnectNow(), True),
        (psycopg.errors.LockNotAvailable(), False),
        (psycopg.errors.QueryCanceled(), False),
        (psycopg.errors.DiskFull(), False),
    ],
)
def test_a_payment_whose_answer_did_not_come_is_kept_and_sent_again(
    cause: psycopg.Error,
    by_itself: bool,
    client: Client,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = AccountFactory()
    broken_once(monkeypatch, cause)

    form = {**review(client, account, other), "description": '"<b>Rent</b>'}
    form = {**reviewed(client, "/transfers/new/", form), "step": "send"}
    answer = client.post("/transfers/new/?from=1", urlencode(form), PLAIN)

    page = answer.content.decode()
    assert answer.status_code == 503
    assert 'method="post" action="/transfers/new/?from=1"' in page
    assert ("data-again" in page) is by_itself
    assert "may have booked it already" in page, "an attempt before this one"
    kept = hidden_fields(page)
    assert kept.pop(MAY_BE_BOOKED) == "1"
    assert kept == {name: str(value) for name, value in form.items()}
    assert client.post("/transfers/new/", kept).status_code == 302
    assert balances(account, other) == [70, 30]


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""},
        {"password": "river-otter-lantern"},
        {"newPassword": "river-otter-lantern"},
        {"client_secret": "river-otter-lantern"},
        {"credential": "{}"},
        {"code": "123456"},
        {"description": "x" * 9000},
    ],
)
def test_a_form_without_an_id_of_its_own_or_with_a_secret_is_not_kept(
    changes: dict[str, str], rf: RequestFactory
) -> None:
    form = {"id": str(uuid7()), "amount": "30"}
    assert kept_form(rf.post("/", urlencode(form), PLAIN)) == list(form.items())
    assert kept_form(rf.post("/", urlencode(form | changes), PLAIN)) == []


def test_a_form_with_a_file_or_that_cannot_be_read_is_not_kept(rf: RequestFactory) -> None:
    form = {"id": str(uuid7())}
    assert kept_form(rf.post("/", form)) == []  # multipart
    too_many = "&".join(f"id={number}" for number in range(2000))  # DATA_UPLOAD_MAX_NUMBER_FIELDS
    assert kept_form(rf.post("/", too_many, PLAIN)) == []
    assert not books_nothing(rf.post("/", f"step=review&{too_many}", PLAIN))


def test_only_a_form_that_was_posted_as_a_whole_page_is_kept(rf: RequestFactory) -> None:
    form = {"id": str(uuid7()), "step": "review"}
    part = rf.post("/", urlencode(form), PLAIN, headers={"HX-Request": "true"})
    assert kept_form(part) == kept_form(rf.get("/", form)) == []
    assert kept_form(rf.post("/", urlencode(form), PLAIN)) == list(form.items())
    longest = "x" * (8192 - len("id" + form["id"] + "a"))
    for text, is_kept in ((longest, True), (f"{longest}x", False)):
        sent = {"id": form["id"], "a": text}
        assert kept_form(rf.post("/", urlencode(sent), PLAIN)) == (
            list(sent.items()) if is_kept else []
        )


@pytest.mark.parametrize(("step", "is_nothing"), [("review", True), ("send", False), (None, False)])
def test_a_step_that_only_shows_something_books_nothing(
    rf: RequestFactory, step: str | None, is_nothing: bool
) -> None:
    form = {"id": "1"} | ({"step": step} if step else {})
    assert books_nothing(rf.post("/", urlencode(form), PLAIN)) == is_nothing
    assert not books_nothing(rf.post("/", form))  # multipart
    assert not books_nothing(rf.get("/", form))


def test_a_page_that_was_asked_for_asks_again_by_itself(
    client: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = raising(OperationalError, psycopg.errors.CannotConnectNow())
    monkeypatch.setattr("transactions.home.views.home_of", failure)
    answer = client.get("/")
    page = " ".join(answer.content.decode().split())
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in page
    assert 'data-again="2"' in page


@contextmanager
def locked_by_somebody_else(account: Account) -> Iterator[None]:
    """Another session that has the account locked and does not let go."""
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT 1 FROM accounts WHERE id = %s FOR UPDATE", [account.pk])
        yield
        other.rollback()


@pytest.mark.own_session
@pytest.mark.django_db(transaction=True)
def test_a_lock_held_too_long_gives_a_sentence_and_moves_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, other = AccountFactory(balance="100"), AccountFactory()
    client.force_login(account.user)
    monkeypatch.setattr(retry, "TRIES", 2)
    with limited_to(lock_timeout=0.05), locked_by_somebody_else(account):
        response = pay(client, account, other)
    assert response.status_code == 503
    assert "payments on the same account were being booked" in response.content.decode()
    assert balances(account, other) == [100, 0]
    assert pay(client, account, other).status_code == 302
    assert balances(account, other) == [70, 30]


@pytest.mark.own_session
@pytest.mark.django_db(transaction=True)
def test_a_statement_that_takes_too_long_gives_a_sentence_and_moves_nothing(
    client: Client,
) -> None:
    account, other = AccountFactory(balance="100"), AccountFactory()
    client.force_login(account.user)
    with limited_to(statement_timeout=0.3), locked_by_somebody_else(account):
        response = pay(client, account, other)
    assert response.status_code == 503
    assert "took longer than a page may take" in response.content.decode()
    assert balances(account, other) == [100, 0]


@pytest.mark.own_session
@pytest.mark.django_db(transaction=True)
def test_a_transaction_left_idle_is_undone_and_done_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Postgres ends the session between the lock and the insert; the second try books once."""
    monkeypatch.setattr(single_statement, "post", lambda *_: None)
    account = AccountFactory(balance="100")
    ended = threading.Event()

    def idle_at_first(*arguments: Any) -> None:
        if not ended.is_set():
            ended.set()
            wait_until_ended(connection.connection.info.backend_pid)
        check(*arguments)

    monkeypatch.setattr("transactions.posting.engine.check", idle_at_first)
    with connection.cursor() as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = '50ms'")
    row = services.withdraw(from_account=account, amount=Decimal(30))
    assert ended.is_set()
    assert Transaction.objects.filter(pk=row.pk).count() == 1
    assert balances(account) == [70]
    assert audit().clean


def wait_until_ended(pid: int) -> None:
    """Until the server has no session of that process any more."""
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as other:
        query = "SELECT 1 FROM pg_stat_activity WHERE pid = %s"
        while other.execute(query, [pid]).fetchone():
            pass


@pytest.mark.parametrize("fields", [[], [(MAY_BE_BOOKED, "1")]])
def test_a_form_that_may_be_booked_stays_so_when_the_next_try_gets_no_connection(
    fields: list[tuple[str, str]], rf: RequestFactory
) -> None:
    request = rf.post("/transfers/new/")
    assert _may_be_booked(request, Failure.NOT_STARTED, fields) is bool(fields)
