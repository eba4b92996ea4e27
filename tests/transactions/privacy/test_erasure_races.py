"""Payments and pages go on while a person is erased; what is written meanwhile is erased too."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import Mock

import psycopg
import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.db import transaction as db_transaction
from django.utils import timezone

from accounts import services as account_services
from accounts.erased import ACCOUNT_NAME, NAME
from accounts.exceptions import PersonErased
from accounts.models import Account, AttemptCount, Change, LimitChange, Read, RowRemoval, User
from banking.attachments.storage import StorageFailed
from banking.payment_files.booking import book_rest
from banking.payment_files.models import PaymentLine
from banking.payment_files.preview import check
from banking.payment_files.storage import locked_file
from ledger.db.history.register import ERASES
from ledger.db.ids import uuid7
from ledger.db.local_settings import set_locally
from ledger.db.locking import short_waits
from tests.attacks.approvals import approved, asked, done
from tests.banking.payment_files.files import checked, fates, pay
from tests.factories import AccountFactory, UserFactory
from tests.transactions.row_security.rows import web_role
from transactions import services
from transactions.annotations.models import Annotation
from transactions.audit.audit import audit
from transactions.models import NamesAsked, Transaction
from transactions.privacy import erasure, lifting
from transactions.privacy.erasure import Found, due_before, erase
from transactions.privacy.leaving import leave
from transactions.privacy.retention import apply_retention
from transactions.privacy.traces import Traces

pytestmark = pytest.mark.django_db(transaction=True)
STEPS = ("_delete_outside", "_search", "_delete_own", "_erase_from_the_history")


@pytest.fixture
def left(ana: Account, clerk: User) -> Account:
    """Ana has left; her name is in a search of staff and in a note."""
    services.deposit(to_account=ana, amount=Decimal(1))
    paid = services.withdraw(from_account=ana, amount=Decimal(1))
    Annotation.objects.create(transaction=paid, owner=ana.user, text="Ana was here")
    Read.objects.create(
        reader=clerk, page="-", path="/", query="q=Ferreira", address="", people=[ana.user_id]
    )
    leave(person=ana.user)
    ana.refresh_from_db()
    return ana


def elsewhere(work: Callable[[], Any]) -> Any:
    """What comes of the work in another session, which waits for nobody."""

    def run() -> Any:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '5s'")
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(timeout=60)


def during(monkeypatch: pytest.MonkeyPatch, step: str, work: Callable[[], Any]) -> list[Any]:
    """Does the work elsewhere after a step of the erasure; the results."""
    original, results = getattr(erasure, step), list[Any]()

    def step_and_work(*arguments: Any) -> Any:
        result = original(*arguments)
        if not results:
            results.append(elsewhere(work))
        return result

    monkeypatch.setattr(erasure, step, step_and_work)
    return results


@pytest.mark.parametrize("step", STEPS)
def test_payments_go_on_in_each_step_of_an_erasure(
    step: str, left: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = AccountFactory()
    paid = during(
        monkeypatch, step, lambda: services.deposit(to_account=other, amount=Decimal(3)).pk
    )
    erase(left.user)
    assert Transaction.objects.filter(pk__in=paid, amount=3).exists()
    left.refresh_from_db()
    assert left.name == ACCOUNT_NAME
    assert audit().clean


@pytest.mark.parametrize("step", ["_delete_outside", "_search", "_delete_own"])
def test_what_staff_write_before_the_name_goes_is_erased_too(
    step: str, left: Account, clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = AccountFactory()

    def write() -> None:
        account_services.change_account(
            account=other, daily_limit=Decimal(7), reason="ana@mail.example asked", changed_by=clerk
        )
        Read.objects.create(
            reader=clerk, page="-", path="/", query="q=ana%40mail.example", address="", people=[]
        )

    during(monkeypatch, step, write)
    erase(left.user)
    assert LimitChange.objects.get(account=other).reason == ""
    assert set(Read.objects.values_list("query", flat=True)) == {""}
    assert audit().clean


def test_a_request_that_is_done_after_the_search_keeps_the_text_that_was_booked(
    left: Account, clerk: User, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"Cheque of {left.user.email}"
    request = approved(asked(AccountFactory(), clerk, description=text), boss)
    during(monkeypatch, "_search", lambda: done(request))
    erase(left.user)
    request.refresh_from_db()
    assert (request.status, request.parameters["description"]) == ("done", text)
    assert audit().clean


def test_a_line_that_is_paid_after_the_search_keeps_the_text_that_was_booked(
    left: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"Order of {left.user.email}"
    file = checked(AccountFactory(balance="10"), pay(AccountFactory(), 5, text))
    during(monkeypatch, "_search", lambda: book_rest(file))
    erase(left.user)
    line = PaymentLine.objects.get(file=file)
    assert (line.booked, line.description) == (True, text)


def test_lines_that_are_being_paid_are_waited_for(
    left: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The booking locks their file before it reads them, and writes what it read."""
    text = f"Order of {left.user.email}"
    file = checked(AccountFactory(balance="10"), pay(AccountFactory(), 5, text))
    monkeypatch.setattr(short_waits, "LOCK_WAIT", "20ms")
    monkeypatch.setattr(short_waits, "TRIES", 1)
    with db_transaction.atomic():
        locked_file(file.pk)
        with pytest.raises(short_waits.TablesInUse):
            elsewhere(lambda: erase(left.user))
    assert PaymentLine.objects.get(file=file).description == text


def test_a_few_files_at_a_time_wait_for_the_erasure_of_their_lines(
    left: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And for nothing else that is erased."""
    text = f"Order of {left.user.email}"
    for _ in range(3):
        checked(AccountFactory(balance="10"), pay(AccountFactory(), 5, text))
    monkeypatch.setattr(erasure, "FEW", 2)
    together = defaultdict[str, list[tuple[str, int]]](list)
    erase_part = Found._erase_part

    def noted(self: Found, ids: Sequence[Any]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()::text")
            together[cursor.fetchone()[0]].append((self.table, len(ids)))
        erase_part(self, ids)

    monkeypatch.setattr(Found, "_erase_part", noted)
    erase(left.user)
    of_lines = [parts for parts in together.values() if "payment_lines" in dict(parts)]
    assert of_lines == [[("payment_lines", 2)], [("payment_lines", 1)]]
    assert not PaymentLine.objects.filter(description=text).exists()


@pytest.mark.parametrize("fate", ["waiting", "booked"])
def test_a_line_that_is_no_longer_refused_after_the_search_gets_no_refusal(
    fate: str, left: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = AccountFactory(name=f"For {left.user.email}")
    file = checked(sender, pay(AccountFactory(), 5))
    assert left.user.email in fates(file)[0]

    def money_comes() -> None:
        services.deposit(to_account=sender, amount=Decimal(10))
        payable = check(file)
        if fate == "booked":
            book_rest(payable)

    during(monkeypatch, "_search", money_comes)
    erase(left.user)
    assert fates(file) == [fate]


def test_a_person_whose_erasure_fails_keeps_no_other_waiting(
    left: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    other: User = UserFactory(name="Ben")
    account_services.deactivate_user(user=other)
    for days, person in ((4001, left.user), (4000, other)):
        moment = timezone.now() - timedelta(days=days)
        User.objects.filter(pk=person.pk).update(deleted_at=moment)
    erase_for_good = erasure._erase_for_good

    def fails_for_the_first(traces: Traces) -> None:
        if traces.person.pk == left.user_id:
            raise IntegrityError
        erase_for_good(traces)

    monkeypatch.setattr(erasure, "_erase_for_good", fails_for_the_first)
    with pytest.raises(IntegrityError):
        call_command("erase_people")
    other.refresh_from_db()
    assert other.name == NAME
    assert [person.pk for person in due_before(timezone.now())] == [left.user_id]


def test_tables_that_stay_in_use_end_the_run(
    left: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each person would wait for them for more than a minute."""
    other: User = UserFactory()
    account_services.deactivate_user(user=other)
    long_ago = timezone.now() - timedelta(days=4000)
    User.objects.filter(pk__in=[left.user.pk, other.pk]).update(deleted_at=long_ago)
    in_use = Mock(side_effect=short_waits.TablesInUse)
    monkeypatch.setattr("transactions.management.commands.erase_people.erase", in_use)
    with pytest.raises(short_waits.TablesInUse):
        call_command("erase_people")
    in_use.assert_called_once()


@pytest.mark.parametrize("closed_again", [False, True])
def test_a_person_restored_while_the_job_erases_another_one_is_not_erased(
    left: Account, closed_again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    other: User = UserFactory(name="Ben")
    account_services.deactivate_user(user=other)
    for days, person in enumerate((left.user, other), 4000):
        moment = timezone.now() - timedelta(days=days)
        User.objects.filter(pk=person.pk).update(deleted_at=moment)

    def come_back() -> None:
        account_services.reactivate_user(user=left.user)
        if closed_again:
            account_services.deactivate_user(user=left.user)

    during(monkeypatch, "_search", come_back)
    call_command("erase_people")
    other.refresh_from_db()
    assert other.name == NAME
    person = User.objects.get(pk=left.user_id)
    assert (person.name, person.email) == ("Ana Ferreira", left.user.email)
    assert person.is_active is not closed_again
    assert Annotation.objects.filter(owner=person).exists()


@pytest.mark.parametrize("step", ["traces_of", "_delete_outside", "_search", "_erase_in_parts"])
def test_no_service_restores_a_sign_in_or_changes_its_address_once_an_erasure_has_begun(
    step: str, left: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def are_refused() -> bool:
        with pytest.raises(PersonErased):
            account_services.reactivate_user(user=left.user)
        with pytest.raises(PersonErased):
            account_services.change_email(user=left.user, email="ana@else.example")
        return True

    results = during(monkeypatch, step, are_refused)
    assert erase(left.user)
    assert results == [True]
    person = User.objects.get(pk=left.user_id)
    assert not person.is_active
    assert person.is_erased
    assert are_refused()


def test_an_erasure_that_failed_is_continued_by_the_next_run(
    left: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By then the row has no address any more, which staff wrote down elsewhere."""
    address = left.user.email
    left.user.deleted_at = timezone.now() - timedelta(days=4000)
    left.user.save()
    Read.objects.create(
        reader=left.user, page="-", path="/", query=f"q={address}", address="", people=[]
    )

    def fails(*_arguments: Any) -> None:
        raise StorageFailed

    with monkeypatch.context() as patch:
        patch.setattr(erasure, "_delete_outside", fails)
        with pytest.raises(StorageFailed):
            call_command("erase_people")
    person = User.objects.get(pk=left.user_id)
    assert (person.name, person.is_erased) == ("Ana Ferreira", True)
    call_command("erase_people")
    person.refresh_from_db()
    assert person.name == NAME
    assert not Read.objects.exclude(query="").exists()
    assert not due_before(timezone.now()).exists()
    assert audit().clean


def test_a_person_who_already_has_the_name_of_erased_people_is_due_until_they_are_erased(
    left: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    left.user.name = NAME
    left.user.save()
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "traces_of", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            erase(left.user)
    for person in due_before(timezone.now()):
        erase(person)
    assert not Annotation.objects.filter(owner=left.user).exists()
    assert not due_before(timezone.now()).exists()


JOBS: dict[str, Callable[[User], object]] = {
    "erasure": erase,
    "retention": lambda _: apply_retention(timezone.now() + timedelta(days=1096)),
}


@pytest.mark.parametrize("job", JOBS)
def test_a_table_in_use_is_waited_for_in_pauses_in_which_others_write(
    job: str, left: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer stands for the upload of a long file."""
    lock, pauses = "LOCK TABLE reads IN ROW EXCLUSIVE MODE", list[float]()

    def write() -> None:
        with db_transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"{lock} NOWAIT")

    monkeypatch.setattr(short_waits, "LOCK_WAIT", "20ms")
    with psycopg.connect(**connection.get_connection_params()) as writer:
        writer.execute(lock)

        def pause(seconds: float) -> None:
            elsewhere(write)
            pauses.append(seconds)
            writer.commit()

        monkeypatch.setattr(short_waits, "sleep", pause)
        JOBS[job](left.user)
    assert len(pauses) == 1
    assert not Read.objects.exclude(query="").exists()


def test_old_reads_are_deleted_in_parts_with_one_note(
    left: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        Read.objects.create(reader=left.user, page="-", path="/", address="", people=[])
    monkeypatch.setattr(lifting, "PART", 2)
    assert apply_retention(timezone.now() + timedelta(days=1096))["reads of others' data"] == 5
    assert not Read.objects.exists()
    assert RowRemoval.objects.filter(table_name="reads").count() == 1


def test_rows_that_never_change_are_erased_in_parts(
    left: Account, clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others wait for the rows of one part, however much a person has written or changed."""
    other = AccountFactory()
    paid = Transaction.objects.filter(from_account=left).get()
    for number in range(4):
        Annotation.objects.create(transaction=paid, owner=left.user, text=f"Note {number}")
        Read.objects.create(
            reader=clerk, page="-", path="/", query="q=A", address="", people=[left.user_id]
        )
        Change.objects.create(
            id=uuid7(), changed_at=timezone.now(), table_name="accounts", action="update",
            about=str(left.pk), path="",
            before={"name": f"Mine {number}"}, after={"name": f"Mine {number + 1}"},
        )  # fmt: skip
    monkeypatch.setattr(lifting, "PART", 2)
    lifted, rows = lifting.triggers_lifted, list[set[str]]()

    @contextmanager
    def in_turn(*tables: str) -> Iterator[None]:
        """Others write between two parts."""
        elsewhere(lambda: services.deposit(to_account=other, amount=Decimal(1)))
        before = _rows_of(left.user)
        with lifted(*tables):
            yield
            rows.append(before - _rows_of(left.user))

    monkeypatch.setattr(lifting, "triggers_lifted", in_turn)
    monkeypatch.setattr(erasure, "triggers_lifted", in_turn)
    erase(left.user)
    assert max(map(len, rows)) == 2
    assert not _rows_of(left.user)
    assert audit().clean


def _rows_of(person: User) -> set[str]:
    """Notes of the person, searches for them, and names of their accounts, by id."""
    notes = Annotation.objects.filter(owner=person).values_list("pk", flat=True)
    reads = Read.objects.exclude(query="").values_list("pk", flat=True)
    mine = [str(pk) for pk in person.accounts.values_list("pk", flat=True)]
    named = Change.objects.filter(about__in=mine, after__has_key="name")
    names = named.values_list("pk", flat=True)
    return {str(pk) for pk in (*notes, *reads, *names)}


@pytest.mark.parametrize(
    ("by_web_role", "name", "why"),
    [(True, ACCOUNT_NAME, "At my wish"), (False, "Else", "Why"), (False, ACCOUNT_NAME, "")],
)
def test_the_name_of_a_closed_account_goes_by_an_erasure_alone(
    by_web_role: bool, name: str, why: str, left: Account
) -> None:
    with web_role() if by_web_role else db_transaction.atomic():
        set_locally(**{ERASES: why})
        rows = Account.objects.filter(pk=left.pk)
        with pytest.raises(IntegrityError), db_transaction.atomic():
            rows.update(name=name)


def test_people_sign_in_while_old_rows_are_deleted(ana: Account) -> None:
    """Each sign-in counts a counter of the whole site, which may be over by then."""
    counters = [("site", 1)]
    AttemptCount.objects.count_up(counters)
    AttemptCount.objects.update(window_ends=timezone.now() - timedelta(hours=1))
    NamesAsked.objects.create(user=ana.user, day=date(2020, 1, 1), count=1)
    counted = list[Any]()

    def count_meanwhile(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        found = execute(sql, *rest)
        if sql.startswith(f'DELETE FROM "{NamesAsked._meta.db_table}"'):
            counted.append(elsewhere(lambda: AttemptCount.objects.count_up(counters)))
        return found

    with connection.execute_wrapper(count_meanwhile):
        apply_retention()
    assert counted == [{"site": 1}]


def test_a_counter_that_somebody_counts_up_is_left_to_the_next_run() -> None:
    AttemptCount.objects.count_up([("counted", 1), ("over", 1)])
    AttemptCount.objects.update(window_ends=timezone.now() - timedelta(hours=1))
    with db_transaction.atomic():
        AttemptCount.objects.select_for_update().get(pk="counted")
        elsewhere(apply_retention)
    assert list(AttemptCount.objects.values_list("pk", flat=True)) == ["counted"]


def test_one_change_of_whole_tables_runs_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Postgres refuses to grant a right twice in parallel: tuple concurrently updated."""
    monkeypatch.setattr(short_waits, "LOCK_WAIT", "100ms")
    monkeypatch.setattr(short_waits, "TRIES", 1)
    with pytest.raises(short_waits.TablesInUse):
        short_waits.with_short_waits(
            lambda: elsewhere(lambda: short_waits.with_short_waits(lambda: None))
        )
