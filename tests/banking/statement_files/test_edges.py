"""Limits and edges: lengths, digits, moments and days at which something else begins."""

import re
import zlib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from defusedxml import ElementTree
from django.utils import timezone

from accounts import services as account_services
from accounts.models import Account
from banking.statement_files import places
from banking.statement_files.chosen import TICK, ChosenEntries, proved_document
from banking.statement_files.digest import totals_of_period
from banking.statement_files.formats.camt053 import NAMESPACE, camt053
from banking.statement_files.formats.mt940 import mt940
from banking.statement_files.formats.ofx import ofx
from banking.statement_files.formats.texts import xml
from banking.statement_files.formats.xlsx import xlsx
from banking.statement_files.issuing import issue_due
from banking.statement_files.models import MonthlyStatement
from tests.banking.statement_files.shared import document, line
from tests.factories import AccountFactory, walls_down
from transactions import services
from transactions.audit import sealing
from transactions.models import Entry
from transactions.services import Draft
from transactions.statements.page import Filters

DAY = date(2026, 1, 5)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.mark.django_db
def test_what_is_booked_while_a_file_is_made_is_not_its_last_entry(account: Account) -> None:
    last = account.last_entry_at
    assert last is not None
    booked = services.deposit(to_account=account, amount=Decimal(5))
    choice = ChosenEntries(account, Filters(), booked.created_at + timedelta(hours=1), last + TICK)
    assert choice.last_entry() == (last, account.balance)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("end", "seal"),
    [
        (date(2026, 2, 9), "Sealed by seal 1."),
        (date(2026, 2, 10), "Sealed by seal 2."),
        (date(2026, 3, 31), "Sealed by seal 2."),
        (date(2026, 4, 1), "No seal covers all of it yet."),
    ],
)
def test_a_selection_names_the_first_seal_that_covers_it(
    account: Account, end: date, seal: str
) -> None:
    for day in (date(2026, 2, 10), date(2026, 4, 1)):
        sealing.seal(until=day)
    choice = ChosenEntries.of(account, Filters(end=end))
    assert proved_document(choice, check_page="").seal == seal


@pytest.mark.django_db
def test_a_hold_is_no_entry_of_a_statement(account: Account) -> None:
    period = (timezone.now() - timedelta(days=1), timezone.now() + timedelta(days=1))
    services.deposit(to_account=account, amount=Decimal(5))
    before = totals_of_period(account.pk, *period)
    services.hold(from_account=account, amount=Decimal(2))
    assert totals_of_period(account.pk, *period) == before
    assert before.rows == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("closed_on", "last"), [(1, date(2026, 2, 1)), (28, date(2026, 2, 1))])
def test_the_month_of_the_closing_is_the_last_one_also_if_that_is_its_first_day(
    closed_on: int, last: date
) -> None:
    account = AccountFactory()
    drafts = [
        Draft(to_account=account, amount=Decimal(5), created_at=NOON),
        Draft(from_account=account, amount=Decimal(5), created_at=NOON + TICK),
    ]
    services.post_batch(drafts)
    account_services.close_account(account=account)
    sealing.seal(until=date(2026, 6, 1))
    with walls_down("accounts"):
        closed_at = datetime(2026, 2, closed_on, 12, tzinfo=UTC)
        Account.objects.filter(pk=account.pk).update(closed_at=closed_at)
    issue_due()
    statements = MonthlyStatement.objects.of(account).newest_first()
    assert [statement.month for statement in statements] == [last, date(2026, 1, 1)]


@pytest.mark.django_db
@pytest.mark.parametrize(("size", "fits"), [(240, True), (241, False)])
def test_places_of_more_than_240_bytes_are_left_out(
    account: Account, monkeypatch: pytest.MonkeyPatch, size: int, fits: bool
) -> None:
    monkeypatch.setattr(zlib, "compress", lambda *_data, **_options: b"x" * size)
    rows = Entry.objects.for_account(account)
    assert bool(places.places_of(list(rows), rows)) is fits


@pytest.mark.parametrize(
    ("amount", "cell"),
    [
        (Decimal("9999999999999.99"), 9999999999999.99),
        (Decimal("99999999999999.99"), "99999999999999.99"),
        (Decimal("-99999999999999.99"), "-99999999999999.99"),
    ],
)
def test_an_amount_of_more_than_15_digits_is_a_text_in_excel(amount: Decimal, cell: Any) -> None:
    with xlsx(document([], lines=[line(1, NOON, amount=amount)], closing=amount)) as file:
        book = openpyxl.load_workbook(file)
    assert book["Entries"]["G2"].value == cell
    figures: dict[Any, Any] = dict(book["Statement"].iter_rows(values_only=True))
    assert figures["Closing balance"] == cell


def test_the_balance_of_ofx_is_that_of_the_last_day() -> None:
    text = "".join(ofx(document([DAY])))
    assert re.search(r"<BALAMT>1001.00</BALAMT><DTASOF>20260131</DTASOF>", text)


def rows_of_mt940(**facts: Any) -> list[str]:
    return "".join(mt940(document([], lines=[line(1, NOON, **facts)]))).split("\r\n")


def test_two_strokes_in_a_reference_do_not_begin_the_reference_of_the_bank() -> None:
    (entry,) = [row for row in rows_of_mt940(reference="A//B") if row.startswith(":61:")]
    assert entry.endswith("NTRFA-B//0000000000000001")


@pytest.mark.parametrize("first", [":", "-"])
def test_no_row_of_a_text_begins_as_a_field_or_as_the_end(first: str) -> None:
    rows = rows_of_mt940(who="", number="", description=f"{'x' * 60} {first}62F:C260131USD9,99")
    assert [row for row in rows if "C260131USD9,99" in row] == [f".{first}62F:C260131USD9,99"]


@pytest.mark.parametrize("amount", [1, -1])
def test_a_long_name_is_cut_in_camt053(amount: int) -> None:
    facts = document([], lines=[line(1, NOON, who="x" * 200, amount=Decimal(amount))])
    root = ElementTree.fromstring("".join(camt053(facts)))
    names = [each.text for each in root.iter(f"{{{NAMESPACE}}}Nm")]
    assert names[-1] == "x" * 140


def test_xml_has_no_character_that_xml_cannot_hold() -> None:
    assert xml("a\x00\x0b\x1f\ufffe\uffffb\t\u00e9\U0001f600<") == "ab\t\u00e9\U0001f600&lt;"


def test_mt940_has_no_day_of_another_century() -> None:
    wide = document([], first_day=date(1900, 1, 1), last_day=date(2999, 12, 31))
    text = "".join(mt940(wide))
    assert re.findall(r":6[02]F:[CD]([0-9]{6})", text) == ["700101", "691231"]
