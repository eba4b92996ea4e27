"""A statement keeps its days and words when the bank moves to another time zone."""

import io
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from django.core import signing
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import Account
from banking.outside.formats.lines import StatementFacts
from banking.outside.formats.reading import format_of, lines_of
from banking.statement_files.chosen import SALT
from banking.statement_files.files import LABELS
from banking.statement_files.formats.ofx import ofx
from banking.statement_files.formats.table import table
from banking.statement_files.issuing import issue_due
from banking.statement_files.models import MonthlyStatement
from tests.banking.statement_files.shared import (
    document,
    got,
    line,
    pdf_links,
    pdf_text,
    whole,
)
from tests.optional import WARNINGS_OF_OFXPARSE, read_ofx
from transactions import services
from transactions.audit import sealing
from transactions.services import Draft

pytestmark = pytest.mark.django_db
ELSEWHERE = ("America/New_York", "Asia/Tokyo")


@pytest.mark.parametrize("kind", [kind for kind in LABELS if kind != "xlsx"])
@pytest.mark.parametrize("zone", ELSEWHERE)
def test_no_file_of_a_numbered_statement_changes(
    ana: Client, account: Account, kind: str, zone: str, settings: Settings
) -> None:
    for hour in (1, 23):  # of another day elsewhere
        moment = datetime(2026, 3, 31, hour, 30, tzinfo=UTC)
        services.post_batch([Draft(to_account=account, amount=Decimal(3), created_at=moment)])
    sealing.seal(until=date(2026, 4, 1))
    issue_due()
    statements = MonthlyStatement.objects.of(account).order_by("number")
    before = [got(ana, statement, kind) for statement in statements]
    settings.TIME_ZONE = zone
    assert [got(ana, statement, kind) for statement in statements] == before


def test_no_day_of_an_excel_file_changes(
    ana: Client, issued: list[MonthlyStatement], settings: Settings
) -> None:
    before = cells(got(ana, issued[0], "xlsx"))
    settings.TIME_ZONE = ELSEWHERE[0]
    assert cells(got(ana, issued[0], "xlsx")) == before


def cells(content: bytes) -> list[object]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    return [cell.value for sheet in book for row in sheet.iter_rows() for cell in row]


def test_the_check_page_says_the_same(issued: list[MonthlyStatement], settings: Settings) -> None:
    def checked() -> object:
        page = Client().get("/statements/check/", {"digest": issued[0].hex_digest})
        return page.context["checked"]

    before = checked()
    settings.TIME_ZONE = ELSEWHERE[0]
    assert checked() == before


def test_the_next_statement_begins_where_the_last_one_ended(
    ana: Client, issued: list[MonthlyStatement], settings: Settings
) -> None:
    settings.TIME_ZONE = ELSEWHERE[0]
    sealing.seal(until=date(2026, 5, 2))
    issue_due()
    last = MonthlyStatement.objects.of(issued[0].account_id).newest_first()[0]
    assert (last.month, last.time_zone) == (date(2026, 4, 1), ELSEWHERE[0])
    assert (last.first_day, last.last_day) == (date(2026, 3, 31), date(2026, 4, 30))
    settings.TIME_ZONE = "UTC"
    text = pdf_text(got(ana, last, "pdf"))
    assert "Statement 4, April 2026" in text
    assert "31 March 2026 to 30 April 2026" in text
    assert got(ana, last, "sta").startswith(b":20:M00004202604\r\n")


def code_of(ana: Client, account: Account, query: str) -> str:
    body = whole(ana.get(f"/accounts/{account.pk}/statement.pdf{query}"))
    (target,) = pdf_links(body)
    return target.removeprefix("http://testserver")


@pytest.mark.parametrize(
    "query", ["?start=2026-02-01&end=2026-02-28", "?end=2026-02-28&q=12.50", "", "?direction=in"]
)
@pytest.mark.parametrize("zone", ELSEWHERE)
def test_the_code_of_a_selection_stays_true(
    ana: Client, account: Account, query: str, zone: str, settings: Settings
) -> None:
    moment = datetime(2026, 3, 1, 1, tzinfo=UTC)  # the evening before in New York
    services.post_batch([Draft(to_account=account, amount=Decimal(3), created_at=moment)])
    url = code_of(ana, account, query)
    before = Client().get(url).context["checked"]
    settings.TIME_ZONE = zone
    assert before.is_true
    assert Client().get(url).context["checked"] == before


@pytest.mark.parametrize("words", [7, 8, 9])
def test_an_older_code_is_read_by_the_present_time_zone(
    ana: Client, account: Account, words: int
) -> None:
    """Codes had no time zone, before that no last booking, and before that no places."""
    token = code_of(ana, account, "?start=2026-02-01&end=2026-02-28").partition("choice=")[2]
    older = signing.dumps(signing.loads(token, salt=SALT)[:words], salt=SALT, compress=True)
    checked = Client().get("/statements/check/", {"choice": older}).context["checked"]
    assert checked.is_true
    assert checked.period == "1 February 2026 to 28 February 2026"


def test_days_and_times_are_those_of_the_time_zone_of_the_issue(
    ana: Client, account: Account, settings: Settings
) -> None:
    settings.TIME_ZONE = ELSEWHERE[0]
    moment = datetime(2026, 3, 31, 1, 30, tzinfo=UTC)  # the evening before in New York
    services.post_batch([Draft(to_account=account, amount=Decimal(3), created_at=moment)])
    sealing.seal(until=date(2026, 4, 2))
    issue_due()
    settings.TIME_ZONE = "UTC"
    last = MonthlyStatement.objects.of(account).newest_first()[0]
    row = got(ana, last, "csv").decode().splitlines()[-1]
    assert row.startswith("2026-03-30,21:30:00,")
    assert row.endswith(",2026-03-30T21:30:00-04:00")
    issued = last.issued_at.astimezone(ZoneInfo(ELSEWHERE[0]))
    assert f"<CreDtTm>{issued.isoformat(timespec='seconds')}<" in got(ana, last, "xml").decode()
    assert "<DTPOSTED>20260330</DTPOSTED>" in got(ana, last, "ofx").decode()


@pytest.mark.parametrize("clock", [time(0, 0), time(0, 15), time(12), time(23, 59, 59)])
@pytest.mark.parametrize(
    "zone", ["Europe/Vienna", "Asia/Tokyo", "America/New_York", "Pacific/Auckland", "UTC"]
)
@pytest.mark.filterwarnings(*WARNINGS_OF_OFXPARSE)
def test_ofx_has_the_days_of_the_other_formats(zone: str, clock: time) -> None:
    """ofxparse turns times with an offset into UTC, which may be another day."""
    moment = datetime.combine(date(2026, 11, 1), clock, ZoneInfo(zone))
    facts = document([], lines=[line(1, moment)], made_at=moment, first_day=moment.date())
    content = "".join(ofx(facts)).encode()
    (read,) = read_ofx(content).account.statement.transactions
    (row,) = table(facts, "statement").rows
    assert read.date.date() == row[0] == moment.date()
    file = io.BytesIO(content)
    (ours,) = lines_of(file, format_of(file), None, StatementFacts())
    assert ours.booked_on == moment.date()


def test_ofx_says_when_it_was_made_in_utc() -> None:
    moment = datetime(2026, 11, 1, 0, 15, tzinfo=ZoneInfo("Europe/Vienna"))
    text = "".join(ofx(document([], made_at=moment)))
    assert "<DTSERVER>20261031231500[0:GMT]</DTSERVER>" in text
