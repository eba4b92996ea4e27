"""The forms and views of payment files, not rendered: what a button does, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import Http404, HttpResponseRedirect

from accounts.exceptions import AccessEnded
from accounts.models import Account, User
from accounts.services import close_account
from accounts.sign_in import step_up
from banking.payment_files import views
from banking.payment_files.agreement import ABOUT, was_agreed
from banking.payment_files.booking import BookingStopped, CheckedAnew
from banking.payment_files.forms import (
    CustomersFileForm,
    PayForm,
    PaymentFileForm,
    csv_field,
)
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.parser import EXAMPLE, MAX_LINES
from banking.payment_files.storage import FileRemoved
from banking.payment_files.views import FROM_BANK
from banking.payment_files.wording import summary_of
from ledger.db.ids import uuid7, uuid7_for
from tests.banking.payment_files.files import csv_of, pay, press
from tests.factories import AccountFactory, nobodys
from tests.requests import HTMX, leave_unrendered, messages_of, request_of
from transactions.exceptions import LedgerError
from transactions.safeguards import review
from transactions.safeguards.confirmation import ConfirmationNeeded
from transactions.safeguards.review import NOT_REVIEWED

pytestmark = pytest.mark.django_db
LIST, FORM, DETAIL, PAYING = (
    "payment_files/list.html", "payment_files/form.html",
    "payment_files/detail.html", "payment_files/_paying.html",
)  # fmt: skip
FILES = "/transfers/files/"


@pytest.fixture(autouse=True)
def _unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_unrendered(monkeypatch, views)


@pytest.fixture
def everyday() -> Account:
    return AccountFactory(name="Everyday", user__name="Ana Ferreira")


@pytest.fixture
def file(everyday: Account) -> PaymentFile:
    """A file whose only line is left out: what books lines has tests of its own."""
    return file_of(everyday)


def file_of(account: Account, **changes: Any) -> PaymentFile:
    facts: dict[str, Any] = {
        "from_account": account, "created_by": account.user, "name": "salaries.csv",
        "digest": "d", "line_count": 1, "state": "checked",
    }  # fmt: skip
    return PaymentFile.objects.create(**facts | changes)


@pytest.fixture
def bookings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Which function has booked a file and for which request. A step leaves the file unfinished."""
    found = list[tuple[str, Any]]()

    def booking(name: str, state: str) -> Callable[..., PaymentFile]:
        def book(file: PaymentFile, **request: Any) -> PaymentFile:
            found.append((name, request))
            file.state = PaymentFile.State(state)
            return file

        return book

    for name, state in (("book_whole", "done"), ("book_rest", "done"), ("book_step", "paying")):
        monkeypatch.setattr(views, name, booking(name, state))
    return found


def place_of(file: PaymentFile) -> str:
    return f"{FILES}{file.pk}/"


def upload_of(*lines: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("salaries.csv", csv_of(*lines).read(), "text/csv")


def pressed(file: PaymentFile, step: str, **facts: Any) -> tuple[Any, Any]:
    """The request that presses a button of the file's page, and its answer."""
    request = request_of(file.from_account.user, press(file, step), **facts)
    return request, views.file_page(request, file.pk)


def levels(request: Any) -> list[str]:
    return [level for level, _ in messages_of(request)]


def test_the_field_for_a_file_takes_csv_and_leaves_an_empty_one_to_the_parser() -> None:
    field = csv_field()
    assert (field.label, field.widget.attrs) == ("CSV file", {"accept": ".csv,text/csv"})
    assert isinstance(field.widget, forms.FileInput)
    assert not isinstance(field.widget, forms.ClearableFileInput)
    assert f"{MAX_LINES:,} lines" in field.help_text
    empty = SimpleUploadedFile("a.csv", b"")
    assert field.clean(empty) is empty
    with pytest.raises(forms.ValidationError, match="Choose the file with the payments"):
        field.clean(None)


def test_an_upload_pays_from_an_open_account_of_its_owner(everyday: Account, mara: Account) -> None:
    closed = AccountFactory(user=everyday.user)
    close_account(account=closed, reason="Left")
    found: list[tuple[Account, list[str]]] = [
        (everyday, []), (mara, ["from_account"]), (closed, ["from_account"]),
    ]  # fmt: skip
    for account, wrong in found:
        data = {"id": uuid7(), "from_account": account.pk}
        form = PaymentFileForm(data, {"file": upload_of()}, user=everyday.user)
        assert list(form.errors) == wrong
    assert list(PaymentFileForm({}, user=everyday.user).errors) == ["id", "from_account", "file"]


def test_a_clerk_uploads_for_a_customer_but_not_for_themselves(mara: Account) -> None:
    clerk = AccountFactory()
    spaced = f" {mara.number[:4]} {mara.number[4:]} "
    found: list[tuple[str, list[str]]] = [
        (spaced, []), (clerk.number, ["number"]), (nobodys(), ["number"]), ("12", ["number"]),
        ("1" * 41, ["number"]), ("", ["number"]),
    ]  # fmt: skip
    for number, wrong in found:
        data = {"id": uuid7(), "number": number}
        form = CustomersFileForm(data, {"file": upload_of()}, clerk=clerk.user)
        assert list(form.errors) == wrong, number
        if not wrong:
            assert form.cleaned_data["number"] == mara


def test_paying_a_file_for_a_customer_asks_for_a_reason_alone() -> None:
    assert list(PayForm().fields) == ["reason"]
    assert list(PayForm({}).errors) == ["reason"]


def test_an_upload_is_stored_and_checked_once(everyday: Account, mara: Account) -> None:
    id = uuid7()
    for _ in range(2):
        data = {"id": id, "from_account": everyday.pk, "file": upload_of(pay(mara, 60))}
        answer = views.file_new(request_of(everyday.user, data))
    file = PaymentFile.objects.get()
    assert (answer["Location"], file.pk) == (place_of(file), uuid7_for(everyday.user.pk, id))
    assert (file.name, file.state, file.created_by) == ("salaries.csv", "checked", everyday.user)
    assert (file.from_account, file.line_count, file.refused_count) == (everyday, 1, 1)


def test_an_upload_that_cannot_be_read_stays_in_the_form(everyday: Account) -> None:
    page: Any = views.file_new(request_of(everyday.user))
    assert (page.template, page.context["form"].is_bound) == (FORM, False)
    for content, wrong in ((None, ["file"]), (b"", ["file"]), (b"iban,amount\nMara,5\n", ["file"])):
        data: dict[str, Any] = {"id": uuid7(), "from_account": everyday.pk}
        if content is not None:
            data["file"] = SimpleUploadedFile("salaries.csv", content, "text/csv")
        page = views.file_new(request_of(everyday.user, data))
        assert (page.template, list(page.context["form"].errors)) == (FORM, wrong)
    assert not PaymentFile.objects.exists()


def test_the_list_has_ones_own_files_newest_first(
    file: PaymentFile, everyday: Account, mara: Account
) -> None:
    newer = file_of(everyday)
    page: Any = views.file_list(request_of(everyday.user))
    assert (page.template, list(page.context["page"])) == (LIST, [newer, file])
    other: Any = views.file_list(request_of(mara.user))
    assert list(other.context["page"]) == []
    for reader, lines in ((everyday.user, 1 + 2), (mara.user, 1)):
        answer: Any = views.list_file(request_of(reader), "csv")
        assert len(b"".join(answer.streaming_content).decode().splitlines()) == lines


def test_the_page_shows_the_lines_and_what_its_buttons_agree_to(
    file: PaymentFile, everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    PaymentLine.objects.bulk_create(
        PaymentLine(file=file, number=number, verdict="Unknown") for number in (2, 3)
    )
    monkeypatch.setattr(views, "LINES_PER_PAGE", 1)
    page: Any = views.file_page(request_of(everyday.user), file.pk)
    context = page.context
    assert (page.template, context["file"], context["lines"]) == (DETAIL, file, "1 line")
    assert ([line.number for line in context["page"]], context["page"].paginator.count) == ([2], 2)
    assert (context["agreed"], context["same"]) == (press(file, "pay")["agreed"], None)
    assert (context["why_confirm"], context["summary"]) == ("", summary_of(file))
    sent = {"agreed": context["agreed"], "reviewed": context["reviewed"]}
    assert was_agreed(request_of(everyday.user, sent), file) is True
    assert was_agreed(request_of(mara.user, sent), file) is False
    assert was_agreed(request_of(everyday.user, sent | {"agreed": "other"}), file) is False
    second: Any = views.file_page(request_of(everyday.user, query={"page": "2"}), file.pk)
    assert [line.number for line in second.context["page"]] == [3]


def test_the_page_warns_of_the_same_lines_that_were_paid(everyday: Account) -> None:
    paid = file_of(everyday, state="done", booked_count=1)
    file = file_of(everyday, line_count=1000)
    page: Any = views.file_page(request_of(everyday.user), file.pk)
    assert (page.context["same"], page.context["lines"]) == (paid, "1,000 lines")


@pytest.mark.parametrize(
    ("step", "is_htmx", "book"),
    [("pay", False, "book_rest"), ("whole", False, "book_whole"), ("whole", True, "book_whole")],
)
def test_a_button_pays_and_leads_back_to_the_page(
    file: PaymentFile, bookings: list[tuple[str, Any]], step: str, is_htmx: bool, book: str
) -> None:
    request, answer = pressed(file, step, headers=HTMX if is_htmx else None)
    assert answer["Location"] == place_of(file)
    assert ([name for name, _ in bookings], levels(request)) == ([book], ["success"])


def test_with_htmx_a_step_shows_how_far_it_came(
    file: PaymentFile, bookings: list[tuple[str, Any]]
) -> None:
    request, page = pressed(file, "pay", headers=HTMX)
    assert (page.template, page.context["file"], levels(request)) == (PAYING, file, [])
    assert page.context["summary"] == summary_of(page.context["file"])
    assert [name for name, _ in bookings] == ["book_step"]


def test_a_booking_knows_who_pays_and_what_they_agreed_to(
    file: PaymentFile, bookings: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, limits = list[tuple[Any, Any]](), list[tuple[Any, ...]]()

    def limit(of: PaymentFile, person: User, *, covered_until: Any) -> str:
        limits.append((of, person, covered_until is None))
        return "the limit"

    monkeypatch.setattr(views, "refuse_if_ended", lambda user, **more: ended.append((user, more)))
    monkeypatch.setattr(views, "limit_unconfirmed", limit)
    pressed(file, "pay")
    pressed(file_of(file.from_account), "pay", is_fresh=False)
    (_, request), _ = bookings
    payer = file.from_account.user
    request.pop("refuse_if_ended")()
    assert request == {"by": payer, "agreed": press(file, "pay")["agreed"], "within": "the limit"}
    assert ended == [(payer, {"session_key": None})]
    assert [limit[1:] for limit in limits] == [(payer, False), (payer, True)]


@pytest.mark.parametrize("step", ["pay", "whole"])
def test_a_page_that_was_not_shown_pays_nothing(
    file: PaymentFile, bookings: list[tuple[str, Any]], step: str
) -> None:
    payer = file.from_account.user
    other = [("file", str(file.pk)), ("agreed", "other")]
    for wrong in ("", "forged", review.token_for(request_of(payer), ABOUT, other)):
        request = request_of(payer, press(file, step, reviewed=wrong))
        assert views.file_page(request, file.pk)["Location"] == place_of(file)
        assert messages_of(request) == [("warning", NOT_REVIEWED)]
    assert bookings == []


def test_a_file_that_is_being_paid_goes_on_without_another_look(
    everyday: Account, bookings: list[tuple[str, Any]]
) -> None:
    for state, is_agreed in (("paying", True), ("done", True), ("stored", False)):
        file = file_of(everyday, state=state)
        request = request_of(everyday.user, {"step": "pay", "reviewed": ""})
        views.file_page(request, file.pk)
        assert bool(bookings) is is_agreed, state
        bookings.clear()


@pytest.mark.parametrize("step", ["", "nonsense"])
def test_an_unknown_button_does_nothing(
    file: PaymentFile, bookings: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(views, "check", None)
    request, answer = pressed(file, step)
    assert (answer["Location"], levels(request), bookings) == (place_of(file), [], [])


def test_a_file_is_checked_by_its_button(everyday: Account) -> None:
    file = file_of(everyday, state="stored")
    request, answer = pressed(file, "check")
    file.refresh_from_db()
    assert (answer["Location"], levels(request), file.state) == (place_of(file), [], "checked")


def test_a_file_is_removed_unless_a_part_was_paid(file: PaymentFile) -> None:
    paid = file_of(file.from_account, state="done", booked_count=1)
    request, answer = pressed(paid, "discard")
    assert (answer["Location"], levels(request)) == (place_of(paid), ["error"])
    request, answer = pressed(file, "discard")
    assert (answer["Location"], levels(request)) == (FILES, ["success"])
    assert list(PaymentFile.objects.all()) == [paid]


def test_a_file_of_the_bank_has_no_buttons_for_its_owner(
    everyday: Account, bookings: list[tuple[str, Any]]
) -> None:
    file = file_of(everyday, created_by=None)
    for step in ("check", "pay", "discard"):
        request, answer = pressed(file, step)
        assert answer["Location"] == place_of(file)
        assert messages_of(request) == [("error", FROM_BANK)]
    assert (bookings, PaymentFile.objects.get()) == ([], file)


def test_a_file_of_another_person_is_not_there(file: PaymentFile, mara: Account) -> None:
    for data in (None, press(file, "discard")):
        with pytest.raises(Http404):
            views.file_page(request_of(mara.user, data), file.pk)
    with pytest.raises(Http404):
        views.file_result(request_of(mara.user), file.pk, "csv")
    assert PaymentFile.objects.get() == file


def answered(
    monkeypatch: pytest.MonkeyPatch, file: PaymentFile, error: Exception
) -> tuple[str, list[tuple[str, str]], int]:
    """Where the page leads, its messages, and how often it checked the lines, if this is raised."""
    checks = list[PaymentFile]()

    def fail(*_arguments: Any, **_request: Any) -> None:
        raise error

    monkeypatch.setattr(views, "check", checks.append)
    monkeypatch.setattr(views, "book_rest", fail)
    request, answer = pressed(file, "pay")
    return answer["Location"], messages_of(request), len(checks)


def test_a_refusal_is_told_after_another_check(
    file: PaymentFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = place_of(file)
    assert answered(monkeypatch, file, LedgerError("Not now.")) == (
        there, [("error", "Not now.")], 1,
    )  # fmt: skip
    assert answered(monkeypatch, file, CheckedAnew("Other lines.")) == (
        there, [("warning", "Other lines.")], 0,
    )  # fmt: skip
    assert answered(monkeypatch, file, FileRemoved("It is gone.")) == (
        FILES, [("warning", "salaries.csv: It is gone.")], 0,
    )  # fmt: skip
    with pytest.raises(AccessEnded):
        answered(monkeypatch, file, AccessEnded("Not any more."))


def test_what_needs_a_proof_leads_to_it_and_back(
    file: PaymentFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[dict[str, str]]()

    def ask(_request: Any, **facts: str) -> HttpResponseRedirect:
        asked.append(facts)
        return HttpResponseRedirect("/prove/")

    monkeypatch.setattr(step_up, "ask", ask)
    found = answered(monkeypatch, file, ConfirmationNeeded("First prove it."))
    assert found == ("/prove/", [], 0)
    assert asked == [{"why": "First prove it.", "back": place_of(file)}]


def test_a_booking_that_stopped_leads_back_to_the_file(
    file: PaymentFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_arguments: Any, **_request: Any) -> None:
        error = LedgerError("It is frozen.")
        raise BookingStopped(file, error) from error

    monkeypatch.setattr(views, "book_rest", stop)
    _, answer = pressed(file, "pay")
    assert answer.status_code == 409
    assert f'href="{place_of(file)}"' in answer.content.decode()


def test_the_results_and_an_example_are_files(file: PaymentFile) -> None:
    PaymentLine.objects.create(file=file, number=2, verdict="Unknown")
    payer = file.from_account.user
    answer: Any = views.file_result(request_of(payer), file.pk, "csv")
    heading, line = b"".join(answer.streaming_content).decode().splitlines()
    assert ("amount" in heading, "Unknown" in line) == (True, True)
    example = views.file_example(request_of(payer))
    assert (example.content.decode(), example["Content-Type"]) == (
        EXAMPLE, "text/csv; charset=utf-8",
    )  # fmt: skip
    assert example["Content-Disposition"] == 'attachment; filename="payments-example.csv"'
