"""A file of a selection has no balances to which its entries do not lead, where its format allows
that.
"""

import io
from datetime import date
from decimal import Decimal
from urllib.parse import unquote

import mt940
import openpyxl
import pytest
from defusedxml import ElementTree
from django.core import signing
from django.test import Client

from accounts.models import Account, User
from banking.statement_files.chosen import SALT
from banking.statement_files.formats.camt053 import NAMESPACE
from banking.statement_files.formats.pdf import pdf
from tests.banking.statement_files.shared import document, pdf_links, pdf_text, whole
from tests.pages import text_of

MONEY_IN = "start=2026-02-01&end=2026-02-28&direction=in"
CAMT = f"{{{NAMESPACE}}}"


def file(ana: Client, account: Account, kind: str, query: str = MONEY_IN) -> bytes:
    return whole(ana.get(f"/accounts/{account.pk}/statement.{kind}?{query}"))


@pytest.mark.django_db
@pytest.mark.parametrize("query", [MONEY_IN, "q=nothing+has+this"])
def test_the_pdf_of_a_selection_has_its_sums_and_no_balance(
    ana: Client, account: Account, query: str
) -> None:
    text = pdf_text(file(ana, account, "pdf", query))
    rows = text.split("\n")
    assert rows[rows.index("Money in, of this selection") + 1] != ""
    assert "Money out, of this selection" in rows
    assert ("No entries" in rows) is query.startswith("q")
    for word in ("Opening balance", "Closing balance", "brought forward"):
        assert word not in text
    every = pdf_text(file(ana, account, "pdf", "start=2026-02-01"))
    assert every.count("Opening balance") == every.count("Closing balance") == 2
    assert "of this selection" not in every


@pytest.mark.parametrize("count", range(20, 40))
def test_no_page_of_a_selection_begins_with_a_balance(count: int) -> None:
    text = pdf_text(pdf(document([date(2026, 1, 5)] * count, selection="money in")))
    assert text.count("Mara") == count
    assert "brought forward" not in text
    assert "Mara" in text.split("Check this statement")[0][-200:]


@pytest.mark.django_db
def test_excel_has_the_balances_of_whole_periods_alone(ana: Client, account: Account) -> None:
    def titles(query: str) -> list[object]:
        book = openpyxl.load_workbook(io.BytesIO(file(ana, account, "xlsx", query)))
        return [row[0] for row in book["Statement"].iter_rows(values_only=True)]

    balances = {"Opening balance", "Closing balance"}
    assert balances.isdisjoint(titles(MONEY_IN))
    assert balances <= {*titles("start=2026-02-01&end=2026-02-28")}


@pytest.mark.django_db
def test_camt053_of_a_selection_has_a_balance_for_information(
    ana: Client, account: Account
) -> None:
    def kinds(query: str) -> list[str | None]:
        root = ElementTree.fromstring(file(ana, account, "xml", query))
        return [balance.findtext(f".//{CAMT}Cd") for balance in root.iter(f"{CAMT}Bal")]

    assert kinds(MONEY_IN) == ["INFO"]
    assert kinds("start=2026-02-01") == ["OPBD", "CLBD"]


@pytest.mark.django_db
def test_mt940_says_that_entries_between_its_balances_are_left_out(
    ana: Client, account: Account
) -> None:
    text = file(ana, account, "sta").decode("ascii")
    read = mt940.parse(text)
    assert sum(row.data["amount"].amount for row in read) > 0
    said = "Not all entries between the account's balances, a selection: money in"
    assert said in " ".join(text.split())
    assert "Not all" not in file(ana, account, "sta", "start=2026-02-01").decode("ascii")


@pytest.mark.django_db
def test_the_check_page_of_a_selection_names_its_sums(ana: Client, account: Account) -> None:
    (link,) = pdf_links(file(ana, account, "pdf"))
    page = Client().get(link.removeprefix("http://testserver"))
    checked = page.context["checked"]
    assert checked.is_true
    assert checked.opening + checked.money_in - checked.money_out != checked.closing
    text = text_of(page)
    assert "Money in, of this selection" in text
    assert "Opening balance" not in text
    assert "Closing balance" not in text
    for balance in (checked.opening, checked.closing):
        assert f"{balance:,.2f}" not in text, "whoever holds the paper may not know it"
    assert checked.money_out == Decimal(0)


@pytest.mark.django_db
def test_the_check_page_of_a_selection_shows_the_name_of_then(
    ana: Client, account: Account
) -> None:
    holder = account.user.name
    (link,) = pdf_links(file(ana, account, "pdf"))
    User.objects.filter(pk=account.user_id).update(name="Marta Newname")
    page = Client().get(link.removeprefix("http://testserver"))
    assert page.context["checked"].is_true
    assert page.context["checked"].holder == holder
    assert "Newname" not in text_of(page)


@pytest.mark.django_db
def test_the_check_page_of_a_code_without_a_name_shows_none(ana: Client, account: Account) -> None:
    (link,) = pdf_links(file(ana, account, "pdf"))
    page, _, token = link.removeprefix("http://testserver").partition("?choice=")
    words = signing.loads(unquote(token), salt=SALT)
    older = signing.dumps(words[:10], salt=SALT, compress=True)
    answer = Client().get(page, {"choice": older})
    assert answer.context["checked"].is_true
    assert answer.context["checked"].holder == ""
    assert "Holder" not in text_of(answer)
