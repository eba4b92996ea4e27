"""How the PDF looks: its pages, what is too long, how it is checked, what it says of itself."""

import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pypdf
import pytest
from django.test import Client
from reportlab.graphics.barcode.qr import QrCodeWidget

from accounts.models import Account
from banking.statement_files.document import FileTooLong
from banking.statement_files.formats import fonts
from banking.statement_files.formats import pdf as pdf_format
from banking.statement_files.formats.fonts import BOLD, PLAIN
from banking.statement_files.formats.pdf import pdf
from banking.statement_files.models import MonthlyStatement
from tests.banking.statement_files.shared import (
    ADDRESS,
    document,
    got,
    pdf_links,
    pdf_text,
    whole,
)
from tests.pages import text_of


def pages_of(content: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages]


def test_each_page_begins_with_the_balance_before_it_and_with_the_day() -> None:
    day = date(2026, 1, 5)
    pages = pages_of(pdf(document([day] * 100 + [day + timedelta(days=1)] * 2)))
    assert len(pages) > 2
    last = 0
    for number, text in enumerate(pages):
        rows = text.split("\n")
        assert rows.count("Balance brought forward") == (number > 0)
        if number:
            place = rows.index("Balance brought forward")
            assert rows[place + 1] == f"{1000 + last:,}.00"
            assert rows[place + 2] == "05 Jan 2026"
        assert text.count("05 Jan 2026") == 1
        last += text.count("Mara")
    assert last == 102
    assert pages[-1].count("06 Jan 2026") == 1


@pytest.mark.parametrize("count", range(20, 40))
def test_what_proves_a_statement_never_stands_alone_on_a_page(count: int) -> None:
    pages = pages_of(pdf(document([date(2026, 1, 5)] * count)))
    assert "Closing balance" in pages[-1].split("Check this statement")[0]
    assert "".join(pages).count("Mara") == count
    for page in pages[1:]:
        assert page.count("05 Jan 2026") == ("Mara" in page)


def test_the_balance_carried_forward_also_stands_before_the_closing_balance() -> None:
    for count in range(30, 45):  # one of them fills the page
        text = "".join(pages_of(pdf(document([date(2026, 1, 5)] * count)))[1:])
        if "Closing balance" in text and "Mara" not in text:
            assert text.index("Balance brought forward") < text.index("Closing balance")
            break
    else:
        pytest.fail("no page had the closing balance alone")


def test_no_row_stands_below_the_foot_of_a_page() -> None:
    rows = [pdf_format._edge(f"{number}", "1.00") for number in range(200)]
    pages = list(pdf_format._pages(rows, pdf_format.LONG_HEAD))
    assert len(pages) > 3
    for number, page in enumerate(pages):
        assert pdf_format._room(page, pdf_format.LONG_HEAD if number == 0 else 0) >= 0


LONG = "A name that is very long indeed " * 12


@pytest.mark.parametrize("field", ["holder", "account_name", "selection"])
def test_what_is_cut_ends_with_three_dots(field: str) -> None:
    short = pages_of(pdf(document([], **{field: "Short"})))[0]
    assert "\u2026" not in short
    rows = pages_of(pdf(document([], **{field: LONG})))[0].split("\n")
    (cut,) = [row for row in rows if "A name that is very long" in row]
    assert cut.endswith("\u2026")
    font, size = (BOLD, 10) if field == "holder" else (PLAIN, 8.5)
    assert fonts.width(cut, font, size) <= pdf_format.RIGHT - pdf_format.LEFT


def test_a_text_that_just_fits_is_not_cut() -> None:
    width = pdf_format.RIGHT - pdf_format.LEFT
    text = "n"
    while fonts.width(f"{text}n", BOLD, 10) <= width:
        text += "n"
    assert pdf_format._cut(text, BOLD, 10) == text
    assert pdf_format._cut(f"{text}n", BOLD, 10).endswith("n\u2026")


@pytest.mark.parametrize("text", ["i" * 400, "\u0628\u062c" * 200, "n\u05d0" * 200, "ab " * 150])
def test_a_line_has_as_much_as_fits(text: str) -> None:
    width = pdf_format.WORDS_WIDTH
    rows = list(pdf_format._wrapped(text, PLAIN, 10, width))
    assert "".join(rows).replace(" ", "") == text.replace(" ", "")
    for row, after in pairwise(rows):
        assert fonts.width(row, PLAIN, 10) <= width
        next_part = " ab" if " " in text else after[0]
        assert fonts.width(f"{row}{next_part}", PLAIN, 10) > width


def test_a_letter_wider_than_a_line_is_a_line() -> None:
    assert list(pdf_format._wrapped("WW i", PLAIN, 10, 5)) == ["W", "W", "i"]


@pytest.mark.parametrize(
    "letters",
    [
        pytest.param("\u0628" * 10, id="Arabic"),
        pytest.param("\u6f22" * 10, id="Chinese"),
        pytest.param("\ud55c" * 10, id="Korean"),
        pytest.param("a\u00e9 " * 3 + "\u6f22", id="Chinese and Latin"),
        pytest.param("\U00012000" * 10, id="cuneiform"),
    ],
)
def test_a_pdf_has_a_limit_of_letters_in_texts_that_are_not_plain(
    monkeypatch: pytest.MonkeyPatch, letters: str
) -> None:
    lines = list(document([date(2026, 1, 5)] * 4).lines)
    slow = [replace(each, description=letters) for each in lines]
    monkeypatch.setattr(pdf_format, "MAX_LETTERS", 40)
    assert list(pdf_format._limited(slow)) == slow
    with pytest.raises(FileTooLong):
        pdf(document([], lines=[*slow, slow[0]]))
    with pytest.raises(FileTooLong):
        pdf(document([], lines=[*slow, replace(lines[0], who=letters)]))
    plain = [replace(each, description="a \u00e9\u03b1\u0436" * 20) for each in lines]
    assert pdf(document([], lines=[*slow, *plain]))


@pytest.mark.parametrize(
    "length", [pdf_format.MAX_CODE_LENGTH, pdf_format.MAX_CODE_LENGTH + 1, 9000]
)
def test_a_code_that_would_be_too_long_is_left_out_and_the_link_stays(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes: list[str] = []

    def widget(text: str, **options: str) -> object:
        codes.append(text)
        return QrCodeWidget(text, **options)

    monkeypatch.setattr(pdf_format, "QrCodeWidget", widget)
    url = f"{ADDRESS}?choice=".ljust(length, "x")
    content = pdf(document([], check_url=url))
    text = pdf_text(content)
    has_code = length <= pdf_format.MAX_CODE_LENGTH
    assert codes == ([url] if has_code else [])
    assert ("scan the code" in text.lower()) is has_code
    assert ("its search is too long" in text) is not has_code
    assert pdf_links(content) == [url]


@pytest.mark.django_db
def test_a_selection_by_a_very_long_text_has_a_pdf_that_can_be_checked(
    ana: Client, account: Account
) -> None:
    text = "".join(chr(0x4E00 + 7 * number) for number in range(2000))
    content = whole(ana.get(f"/accounts/{account.pk}/statement.pdf", {"q": text}))
    (target,) = pdf_links(content)
    assert Client().get(target.removeprefix("http://testserver")).context["checked"].is_true


@pytest.mark.django_db
def test_only_a_digest_that_can_be_typed_stands_beside_the_address(
    ana: Client, account: Account, issued: list[MonthlyStatement]
) -> None:
    assert "/statements/check/" in pdf_text(got(ana, issued[0], "pdf"))
    chosen = pdf_text(whole(ana.get(f"/accounts/{account.pk}/statement.pdf?direction=in")))
    assert "/statements/check/" not in chosen
    assert "Check this statement" in chosen


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["hello", "ab" * 31, "ab" * 33, "zz" * 32])
def test_what_is_no_digest_is_told_what_a_digest_is(typed: str) -> None:
    answer = Client().get("/statements/check/", {"digest": typed})
    assert "A digest has 64 letters and digits" in text_of(answer)
    assert "No numbered statement" not in text_of(answer)


@pytest.mark.django_db
def test_a_digest_of_no_statement_is_called_so() -> None:
    text = text_of(Client().get("/statements/check/", {"digest": "ab" * 32}))
    assert "No numbered statement of this bank has that digest" in text


def test_the_pdf_says_who_made_it_and_when() -> None:
    content = pdf(document([]))
    facts = pypdf.PdfReader(io.BytesIO(content)).metadata
    assert facts is not None
    assert (facts.creator, facts.author) == ("Ledger", "Ledger")
    assert facts.creation_date == datetime(2026, 2, 1, 9, 30, 15, tzinfo=UTC)
    assert pdf(document([])) == content
    assert not re.search(rb"anonymous|\(unspecified\)", content.replace(b"/Keywords ()", b""))


@pytest.mark.django_db
def test_a_numbered_statement_was_created_when_it_was_issued(
    ana: Client, issued: list[MonthlyStatement]
) -> None:
    facts = pypdf.PdfReader(io.BytesIO(got(ana, issued[0], "pdf"))).metadata
    assert facts is not None
    assert facts.creation_date == issued[0].issued_at.replace(microsecond=0)
