"""A payment is one trace, from the request to COMMIT."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from accounts.models import Account
from banking.payment_files.booking import book_rest
from ledger.db.backend import replication
from ledger.db.backend.cursors import PreparedCursor
from ledger.db.backend.limited import LimitedConnection
from ledger.db.ids import uuid7
from ledger.jobs.schedule import ScheduledJob
from ledger.jobs.worker import Worker
from ledger.tracing import spans
from tests.banking.payment_files.files import checked, pay
from tests.factories import AccountFactory, hold_that_ended
from tests.ledger.tracing.recorded import Recorded, browser_of, outline
from tests.reviews import TRANSFER, reviewed
from transactions import services
from transactions.exceptions import InsufficientFunds
from transactions.posting import engine, single_statement
from transactions.transfers.reviewed_form import ReviewedForm

pytestmark = pytest.mark.django_db(transaction=True)
OUTCOME = "ledger.commit.outcome"


@pytest.fixture
def step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Payments that one statement cannot book."""
    monkeypatch.setattr(single_statement, "suits", lambda _item: False)


@pytest.fixture
def account(traced: Recorded) -> Account:
    found: Account = AccountFactory(balance="1000")
    traced.memory.clear()
    return found


@pytest.fixture
def send(account: Account, traced: Recorded) -> Callable[..., Any]:
    """Sends a reviewed transfer by the page, after `first`; only that request is recorded."""
    recipient, browser = AccountFactory(), browser_of(account.user)
    form = {
        "id": str(uuid7()), "from_account": str(account.pk), "number": recipient.number,
        "amount": "50", "description": "", "reference": "",
    }  # fmt: skip

    def press(first: Callable[[], object] = lambda: None) -> Any:
        sent = {**reviewed(browser, TRANSFER, form), "step": "send"}
        first()
        traced.memory.clear()
        return browser.post(TRANSFER, sent)

    return press


@pytest.fixture
def deposit(account: Account, traced: Recorded) -> Callable[[], None]:
    """A service within a trace."""

    def book() -> None:
        with spans.begin("test"):
            services.deposit(to_account=account, amount=Decimal(1))

    return book


BEFORE = """
    SELECT sessions
    SELECT users
    SELECT accounts
    SELECT accounts
    SELECT transactions
    SELECT mfa_authenticator
""".strip("\n")
IN_ONE_STATEMENT = f"""
POST /transfers/new/
  view transactions:transfer
{BEFORE}
    service transfer
      attempt
        INSERT transactions
""".strip()
IN_STEPS = f"""
POST /transfers/new/
  view transactions:transfer
{BEFORE}
    service transfer
      attempt
        SELECT accounts
        SELECT accounts
        INSERT transactions
        COMMIT
""".strip()


def test_a_transfer_by_page_is_one_trace(send: Callable[..., Any], traced: Recorded) -> None:
    assert send().status_code == 302
    (trace,) = traced.trees()
    assert outline(trace) == IN_ONE_STATEMENT
    assert traced.facts("INSERT transactions", OUTCOME) == ["acknowledged"]
    assert len({span.context.trace_id for span in traced.spans if span.context}) == 1


@pytest.mark.usefixtures("step_by_step")
def test_a_transfer_in_several_statements_ends_with_its_commit(
    send: Callable[..., Any], traced: Recorded
) -> None:
    assert send().status_code == 302
    (trace,) = traced.trees()
    assert outline(trace) == IN_STEPS
    assert traced.facts("INSERT transactions", OUTCOME) == [None]
    assert traced.facts("INSERT transactions", "ledger.affected_rows") == [1]
    assert traced.facts("SELECT accounts", "db.response.returned_rows")[-1] == 2
    assert traced.facts("COMMIT", OUTCOME) == ["acknowledged"]
    assert traced.facts("service transfer", "ledger.payment.outcome") == ["booked"]


def test_a_trace_of_the_proxy_goes_on(account: Account, traced: Recorded) -> None:
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    browser_of(account.user).get(TRANSFER, headers={"traceparent": f"00-{trace_id}-{span_id}-01"})
    (top,) = traced.named("GET /transfers/new/")
    assert top.context is not None
    assert top.parent is not None
    assert (f"{top.context.trace_id:032x}", f"{top.parent.span_id:016x}") == (trace_id, span_id)


def test_a_trace_that_the_proxy_leaves_out_is_left_out(account: Account, traced: Recorded) -> None:
    browser = browser_of(account.user)
    traced.memory.clear()
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    assert browser.get("/", headers={"traceparent": traceparent}).status_code == 200
    assert traced.spans == []


@pytest.mark.parametrize("state", ["40P01", "40001"])
@pytest.mark.usefixtures("step_by_step")
def test_a_lost_race_shows_both_attempts(
    state: str,
    send: Callable[..., Any],
    traced: Recorded,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    post_one, tries = engine.post_one, list[Any]()

    def lose_once(item: Any) -> Any:
        row = post_one(item)
        tries.append(item)
        if len(tries) == 1:
            with connection.cursor() as cursor:
                cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$")
        return row

    assert send(lambda: monkeypatch.setattr(engine, "post_one", lose_once)).status_code == 302
    (trace,) = traced.trees()
    (service,) = [each for each in trace[1][0][1] if each[0] == "service transfer"]
    assert outline(service).splitlines() == [
        "service transfer",
        "  attempt",
        "    SELECT accounts",
        "    SELECT accounts",
        "    INSERT transactions",
        "    DO",
        "    ROLLBACK",
        "  attempt",
        "    SELECT accounts",
        "    SELECT accounts",
        "    INSERT transactions",
        "    COMMIT",
    ]
    assert traced.facts("attempt", "ledger.attempt") == [1, 2]
    assert traced.facts("attempt", "ledger.failure") == ["lost_race", None]
    assert traced.facts("DO", "db.response.status_code") == [state]
    assert traced.facts("service transfer", "ledger.payment.outcome") == ["booked"]


@pytest.mark.own_connection
@pytest.mark.usefixtures("step_by_step")
def test_a_commit_whose_answer_is_lost_is_unknown(
    deposit: Callable[[], None], traced: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, lost = LimitedConnection.commit, list[bool]()

    def lose_the_answer(self: LimitedConnection) -> None:
        commit(self)
        if not lost:
            lost.append(True)
            self.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(LimitedConnection, "commit", lose_the_answer)
    deposit()
    assert traced.facts("COMMIT", OUTCOME) == ["unknown", "acknowledged"]
    assert traced.facts("attempt", "ledger.failure") == ["unknown", None]
    assert traced.facts("service deposit", "ledger.payment.outcome") == ["booked"]


@pytest.mark.own_connection
def test_a_statement_that_commits_and_whose_answer_is_lost_is_unknown(
    deposit: Callable[[], None], traced: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute, lost = PreparedCursor.execute, list[bool]()

    def lose_the_answer(self: PreparedCursor, *arguments: Any, **options: Any) -> Any:
        done = execute(self, *arguments, **options)
        if not lost:
            lost.append(True)
            self.connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return done

    monkeypatch.setattr(PreparedCursor, "execute", lose_the_answer)
    deposit()
    assert traced.facts("INSERT transactions", OUTCOME)[0] == "unknown"
    assert traced.facts("attempt", "ledger.failure") == ["unknown", None]


@pytest.mark.usefixtures("step_by_step")
def test_a_commit_that_the_standby_did_not_confirm_says_so(
    deposit: Callable[[], None], traced: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = LimitedConnection.commit

    def cancelled_once(self: LimitedConnection) -> None:
        commit(self)
        if not traced.named("COMMIT"):
            replication._cancelled.add(self)

    monkeypatch.setattr(LimitedConnection, "commit", cancelled_once)
    deposit()
    assert traced.facts("COMMIT", OUTCOME) == ["not_confirmed", "acknowledged"]


def test_a_refused_payment_is_no_error_and_names_the_refusal(
    account: Account, traced: Recorded
) -> None:
    with spans.begin("test"), pytest.raises(InsufficientFunds):
        services.withdraw(from_account=account, amount=Decimal(2000))
    (service,) = traced.named("service withdrawal")
    assert service.attributes is not None
    assert service.status.is_unset
    assert service.attributes["ledger.payment.outcome"] == "refused"
    assert service.attributes["ledger.payment.refusal"] == "InsufficientFunds"


def test_a_payment_file_is_one_trace_with_its_copies(account: Account, traced: Recorded) -> None:
    file = checked(account, *(pay(AccountFactory(), "1") for _ in range(30)))
    traced.memory.clear()
    with spans.begin("test"):
        book_rest(file)
    (trace,) = traced.trees()
    (batch,) = [each for each in trace[1] if each[0] == "service batch"]
    (attempt,) = batch[1]
    names = [each[0] for each in attempt[1]]
    assert names.count("COPY transactions") == 1
    assert names[-1] == "COMMIT"
    assert traced.facts("COPY transactions", "ledger.affected_rows") == [30]
    assert traced.facts("service batch", "ledger.batch.booked") == [30]


def test_a_job_is_one_trace(account: Account, traced: Recorded) -> None:
    hold_that_ended(account, Decimal(1))
    traced.memory.clear()
    call_command("expire_holds", verbosity=0)
    (trace,) = traced.trees()
    assert trace[0] == "job expire_holds"
    assert "COMMIT" in outline(trace)


def test_a_job_of_a_worker_is_one_trace_and_its_claims_are_none(
    account: Account, traced: Recorded
) -> None:
    hold_that_ended(account, Decimal(1))
    traced.memory.clear()
    worker = Worker(report=lambda _line: None, jobs=[ScheduledJob("expire_holds")])
    assert worker.run_once()
    (trace,) = traced.trees()
    assert trace[0] == "job expire_holds"


def test_what_is_outside_a_trace_begins_none(account: Account, traced: Recorded) -> None:
    services.deposit(to_account=account, amount=Decimal(1))
    Client().get("/healthz")
    Client().get("/static/nothing.css")
    assert traced.spans == []


def test_a_page_that_fails_names_the_class_of_its_error(
    account: Account, traced: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any) -> None:
        raise ZeroDivisionError("with a secret in it")

    monkeypatch.setattr(ReviewedForm, "serve", fail)
    browser = browser_of(account.user)
    browser.raise_request_exception = False
    assert browser.get(TRANSFER).status_code == 500
    assert traced.facts("view transactions:transfer", "error.type") == ["ZeroDivisionError"]
    assert traced.facts("GET /transfers/new/", "error.type") == ["500"]
    assert [span.events for span in traced.spans if span.events] == []


def test_a_page_that_does_not_exist_has_no_path_in_its_name(traced: Recorded) -> None:
    Client().get("/no/such/page/")
    (trace,) = traced.trees()
    assert trace[0] in ("GET", "GET /accounts/login/")
