"""A booking that stops, or meets another, says truly what is booked; so does the history."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.contrib.admin.models import LogEntry
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections
from django.test import Client
from django.utils import timezone

from accounts.models import Account, User
from banking.payment_files import admin, booking, drafts, preview, storage, views
from banking.payment_files.booking import BookingStopped, FileLimit, book_rest
from banking.payment_files.models import PaymentFile
from banking.payment_files.storage import discard
from tests.banking.payment_files.files import checked, fates, pay, press
from tests.banking.payment_files.shared import (
    BASE,
    HTMX,
    page_of,
    pay_at_the_desk,
    upload,
    upload_for_customer,
)
from tests.conftest import OWN_SESSION
from tests.factories import AccountFactory, UserFactory, balances
from tests.pages import text_of
from transactions import services
from transactions.models import StaffReason
from transactions.safeguards.confirmation import ConfirmationNeeded
from transactions.services import DayLimit

pytestmark = pytest.mark.django_db(transaction=True)
REMOVED = "Somebody has removed this file. Nothing was paid."


@pytest.fixture(autouse=True)
def _two_lines_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "PART", 2)


@pytest.fixture
def ana(client: Client, everyday: Account) -> Client:
    client.force_login(everyday.user)
    return client


@contextmanager
def somebody_at(account: Account) -> Iterator[None]:
    """Somebody holds this account for longer than a statement may take."""
    if connections[DEFAULT_DB_ALIAS].settings_dict.get("LEDGER_POOLER"):
        pytest.skip(OWN_SESSION)  # the limit is one of the session
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT FROM accounts WHERE id = %s FOR UPDATE", [account.pk])
        connection.cursor().execute("SET statement_timeout = '300ms'")
        yield
    connection.close()


def history(file: PaymentFile) -> list[str]:
    entries = LogEntry.objects.filter(object_id=str(file.pk)).order_by("pk")
    return [entry.change_message for entry in entries]


def test_a_page_that_stopped_after_a_step_says_how_far_it_came(
    ana: Client, everyday: Account, mara: Account, jo: Account
) -> None:
    file = checked(everyday, pay(mara, 1), pay(mara, 2), pay(jo, 3))
    with somebody_at(jo):
        response = ana.post(page_of(file), press(file, "pay"))
    assert response.status_code == 503
    text = text_of(response)
    assert "2 of 3 lines" in text
    assert "booked nothing" not in text
    assert f'href="{page_of(file)}"' in response.content.decode()
    assert balances(mara, jo) == [3, 0]
    ana.post(page_of(file), {"step": "pay"})
    assert balances(mara, jo) == [3, 3]


def test_a_page_that_stopped_in_its_first_step_says_that_it_booked_nothing(
    ana: Client, everyday: Account, mara: Account, jo: Account
) -> None:
    file = checked(everyday, pay(jo, 3), pay(mara, 1), pay(mara, 2))
    with somebody_at(jo):
        response = ana.post(page_of(file), press(file, "pay"))
    assert response.status_code == 503
    assert "booked nothing" in text_of(response)
    assert "of 3 lines" not in text_of(response)
    assert fates(file) == ["waiting"] * 3


def test_at_the_desk_too_and_the_history_has_what_was_booked(
    staff: Client, clerk: User, everyday: Account, mara: Account, jo: Account
) -> None:
    file = checked(everyday, pay(mara, 1), pay(mara, 2), pay(jo, 3), created_by=clerk)
    with somebody_at(jo):
        response = pay_at_the_desk(staff, file, "pay", "Letter")
    assert response.status_code == 503
    assert "2 of 3 lines" in text_of(response)
    assert f'href="{BASE}{file.pk}/change/"' in response.content.decode()
    assert history(file) == ["Paid 2 payments. Reason: Letter"]
    pay_at_the_desk(staff, file, "pay", "Again")
    assert history(file)[1:] == ["Paid 1 payment. Reason: Again"]


def test_a_refusal_after_a_step_is_shown_and_is_no_error_of_the_log(
    ana: Client,
    everyday: Account,
    mara: Account,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = checked(everyday, *[pay(mara, 1)] * 3)

    refusal = ConfirmationNeeded("Confirm that it is you.")
    limit = DayLimit(everyday.user_id, everyday.currency, timezone.now(), Decimal(2), refusal)
    monkeypatch.setattr(views, "limit_unconfirmed", lambda *_args, **_options: FileLimit(limit))
    response = ana.post(page_of(file), press(file, "pay"))
    assert response.status_code == 409
    assert "2 of 3 lines are booked. Confirm that it is you." in text_of(response)
    assert [it.name for it in caplog.records if it.levelname == "ERROR"] == []


def test_of_a_commit_whose_answer_was_lost_it_says_at_least(
    everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = checked(everyday, *[pay(mara, 1)] * 3)
    real = booking.book_step

    def lost(file: PaymentFile, **asked: Any) -> PaymentFile:
        if file.booked_count:
            raise OperationalError("gone") from psycopg.OperationalError("gone")
        return real(file, **asked)

    monkeypatch.setattr(booking, "book_step", lost)
    with pytest.raises(BookingStopped, match=r"^At least 2 of 3") as stopped:
        book_rest(file)
    assert stopped.value.file.booked_count == 2


@pytest.mark.parametrize("step", ["whole", "pay"])
def test_two_tabs_of_the_desk_leave_one_line_of_history_for_what_one_booked(
    staff: Client,
    clerk: User,
    everyday: Account,
    mara: Account,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    file = checked(everyday, pay(mara, 1), pay(mara, 2), created_by=UserFactory(is_staff=True))
    other = Client()
    other.force_login(clerk)
    name = "book_whole" if step == "whole" else "book_rest"
    real, seen = getattr(booking, name), list[int]()

    def after_the_other(file: PaymentFile, **asked: Any) -> PaymentFile:
        if not seen:
            seen.append(1)
            pay_at_the_desk(other, file, step, "First")
        booked: PaymentFile = real(file, **asked)
        return booked

    monkeypatch.setattr(admin, name, after_the_other)
    text = text_of(pay_at_the_desk(staff, file, step, "Second"))
    assert "No line was booked now." in text
    assert history(file) == ["Paid 2 payments. Reason: First"]
    assert {note.reason for note in StaffReason.objects.all()} == {"First"}


def test_a_history_that_cannot_be_written_books_nothing(
    staff: Client, clerk: User, everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = checked(everyday, pay(mara, 1), created_by=clerk)
    monkeypatch.setattr(admin.PaymentFileAdmin, "log_change", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        pay_at_the_desk(staff, file, "pay")
    assert (fates(file), history(file)) == (["waiting"], [])


def removing_first(step: Callable[..., Any]) -> Callable[..., Any]:
    """As another tab does, between the reading of the page's file and what its button asks."""

    def gone(file: PaymentFile, *args: Any, **asked: Any) -> Any:
        discard(PaymentFile.objects.get(pk=file.pk))
        return step(file, *args, **asked)

    return gone


STEPS = [("check", "check"), ("whole", "book_whole"), ("pay", "book_rest"), ("discard", "discard")]


@pytest.mark.parametrize(("step", "name"), STEPS)
def test_a_file_removed_in_another_tab_is_said_to_be(
    ana: Client,
    everyday: Account,
    mara: Account,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    name: str,
) -> None:
    file = checked(everyday, pay(mara, 1))
    monkeypatch.setattr(views, name, removing_first(getattr(views, name)))
    response = ana.post(page_of(file), press(file, step), follow=True)
    assert response.redirect_chain == [("/transfers/files/", 302)]
    assert f"salaries.csv: {REMOVED}" in text_of(response)


def test_with_htmx_it_leads_to_the_list(
    ana: Client, everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = checked(everyday, pay(mara, 1))
    monkeypatch.setattr(views, "book_step", removing_first(booking.book_step))
    response = ana.post(page_of(file), press(file, "pay"), headers=HTMX)
    assert response.headers["HX-Redirect"] == "/transfers/files/"


@pytest.mark.parametrize(("step", "name"), STEPS)
def test_a_file_removed_by_a_colleague_is_said_to_be(
    staff: Client,
    clerk: User,
    everyday: Account,
    mara: Account,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    name: str,
) -> None:
    file = checked(everyday, pay(mara, 1), created_by=clerk)
    monkeypatch.setattr(admin, name, removing_first(getattr(admin, name)))
    response = pay_at_the_desk(staff, file, step)
    assert response.redirect_chain == [(BASE, 302)]
    assert REMOVED in text_of(response)


def test_a_file_removed_while_a_refusal_is_looked_into_is_said_to_be(
    ana: Client, everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = checked(everyday, pay(mara, 1), "12,5")
    monkeypatch.setattr(views, "check", removing_first(preview.check))
    assert REMOVED in text_of(ana.post(page_of(file), press(file, "whole"), follow=True))


def test_a_file_removed_before_its_first_check_is_said_to_be(
    staff: Client, everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "check", removing_first(preview.check))
    assert REMOVED in text_of(upload_for_customer(staff, everyday.number, pay(mara, 1)))
    monkeypatch.setattr(views, "check", removing_first(preview.check))
    client = Client()
    client.force_login(everyday.user)
    assert REMOVED in text_of(upload(client, everyday, pay(mara, 1)))


@pytest.mark.own_session
def test_a_step_waits_for_the_file_before_it_reads_its_lines(
    everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = checked(everyday, pay(mara, 1))
    read: list[int] = []

    def reading(*_: Any, **__: Any) -> Iterator[Any]:
        read.append(1)
        return iter(())

    monkeypatch.setattr("ledger.db.retry.TRIES", 1)
    monkeypatch.setattr(booking, "drafts_of", reading)
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT FROM payment_files WHERE id = %s FOR NO KEY UPDATE", [file.pk])
        connection.cursor().execute("SET lock_timeout = '100ms'")
        for book in (booking.book_step, booking.book_whole):
            with pytest.raises(OperationalError, match="lock timeout"):
                book(file)
    connection.close()
    assert not read


def test_a_file_being_paid_is_not_removed_even_if_nothing_could_be_booked_yet(
    everyday: Account, mara: Account
) -> None:
    file = checked(everyday, pay(mara, 600), pay(mara, 300), pay(AccountFactory(), 1))
    services.withdraw(from_account=everyday, amount=Decimal(990))
    file = booking.book_step(file)
    assert (file.state, file.booked_count, file.waiting_count) == ("paying", 0, 1)
    assert storage.discard(file) is False
    assert PaymentFile.objects.count() == 1
