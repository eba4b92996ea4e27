"""Rows of CSV files of other banks: which are lines, and which files are refused."""

import re
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest

from banking.outside.formats.csv_columns import guess_of_file
from banking.outside.formats.lines import MAX_BYTES, UnreadableStatement
from banking.outside.formats.reading import format_of, measure
from banking.outside.formats.sheet import refuse_too_many_rows, sheet_of
from tests.banking.outside.files import AMERICAN, GERMAN, guessed, read, refusal_of

ENGLISH = "Date,Description,Amount\n2026-11-02,Bus,-5.00\n2026-11-03,Pay,20.00\n"


def test_a_german_file_with_lines_above_its_heading() -> None:
    first, *_, last = read(GERMAN)
    assert (first.booked_on, first.amount) == (date(2026, 11, 30), Decimal("-84.00"))
    assert (first.other, first.description) == (
        "Stadtwerke", "Lastschrift \u00b7 Strom, Abschlag 11/26"
    )  # fmt: skip
    assert (last.number, last.amount) == (8, Decimal("1932.80"))


def test_an_american_file_with_two_columns_of_amounts() -> None:
    out, come = read(AMERICAN)
    assert (out.booked_on, out.amount) == (date(2026, 11, 13), Decimal("-24.10"))
    assert (come.amount, come.other, come.reference) == (2150, "PAYROLL", "2409")


def test_a_sum_below_the_table_is_no_line() -> None:
    assert len(read(ENGLISH + ",Sum,\n")) == 2


@pytest.mark.parametrize("written", ["EUR", "eur", "€", ""])
@pytest.mark.parametrize("name", ["Currency", "Währung", "Waehrung", "Devise", "Moneda", "Munt"])
def test_another_currency_is_refused_by_its_line(name: str, written: str) -> None:
    text = f"Date,Description,Amount,{name}\n2026-11-02,Bus,-5.00,{written}\n"
    assert len(read(text)) == 1
    refusal = refusal_of(text + "2026-11-03,London,-40.00,GBP\n")
    assert refusal.startswith("Line 3 is in GBP, but this account is in EUR.")


def test_a_file_whose_lines_have_two_currencies_is_refused_for_no_account_too() -> None:
    text = "Date,Amount,Currency\n2026-11-02,5,EUR\n2026-11-03,5,£\n"
    with pytest.raises(UnreadableStatement, match="in EUR and in GBP"):
        read(text)


@pytest.mark.parametrize(
    ("heading", "amount", "account", "refused"),
    [
        ("Amount", "-5.00 USD", "EUR", "Line 2 is in USD, but this account is in EUR."),
        ("Amount", "USD -5.00", "EUR", "Line 2 is in USD"),
        ("Amount", "-$7.00", "EUR", "Line 2 is in USD"),
        ("Amount", "5.00 GBP", "EUR", "Line 2 is in GBP"),
        ("Amount", "\u20ac5.00", "SEK", "Line 2 is in EUR"),
        ("Amount (EUR)", "5.00", "GBP", "The column \u201cAmount (EUR)\u201d is in EUR"),
        ("Amount (\u00a3)", "5.00", "EUR", "is in GBP"),
        ("Betrag in CHF", "5.00", "EUR", "is in CHF"),
        ("Amount (EUR)", "-5.00 EUR", "EUR", ""), ("Amount", "-$7.00", "USD", ""),
        ("Amount", "-$7.00", "CAD", ""), ("CAD$ Amount", "7.00", "CAD", ""),
        ("Amount ($)", "5.00", "AUD", ""), ("Amount", "\u00a35.00", "GBP", ""),
        ("Bel\u00f8p (kr)", "5.00", "NOK", ""), ("AMOUNT NET", "5.00", "EUR", ""),
        ("Valor (R$)", "5.00", "BRL", ""),
    ],
)  # fmt: skip
def test_another_currency_beside_an_amount_or_in_its_heading_is_refused(
    heading: str, amount: str, account: str, refused: str
) -> None:
    text = f"Date,Text,{heading}\n2026-11-02,Bus,{amount}\n"
    body = text.encode()
    if refused:
        assert refused in refusal_of(text, account)
    else:
        assert measure(BytesIO(body), "csv", guessed(body), account).count == 1


WITH_STATUS = """\
Type,Started Date,Completed Date,Description,Amount,Currency,State,Balance
CARD_PAYMENT,2026-11-02 09:10:11,2026-11-03 08:00:00,Bakery,-5.00,EUR,COMPLETED,95.00
CARD_PAYMENT,2026-11-03 10:11:12,,Fuel,-100.00,EUR,REVERTED,
TOPUP,2026-11-04 11:12:13,2026-11-04 11:12:14,Top-up,20.00,EUR,COMPLETED,115.00
CARD_PAYMENT,2026-11-05 12:13:14,,Bar,-7.00,EUR,PENDING,
"""


@pytest.mark.parametrize("date", ["Started Date", "Completed Date"])
def test_lines_that_are_not_booked_are_left_out_and_counted(date: str) -> None:
    body = WITH_STATUS.encode()
    mapping = guessed(body) | {"date": sheet_of(BytesIO(body)).names.index(date)}
    found = measure(BytesIO(body), "csv", mapping, "EUR")
    assert (found.count, found.facts.unbooked) == (2, 2)
    assert (found.facts.opening, found.facts.closing) == (100, 115)


def test_a_fee_beside_the_amount_is_taken_off_money_in_and_out() -> None:
    rows = "2026-11-02,-5.00,0.50,94.50\n2026-11-03,20.00,1.00,113.50\n2026-11-04,-3.50,,110.00\n"
    text = f"Date,Amount,Fee,Balance\n{rows}"
    assert [str(line.amount) for line in read(text)] == ["-5.50", "19.00", "-3.50"]
    assert balances_of(text) == (100, 110)
    newest_first = "Date,Amount,Fee,Balance\n" + "\n".join(reversed(rows.splitlines()))
    assert sum(line.amount for line in read(newest_first)) == 10
    without_fees = "Date,Amount,Fee,Balance\n2026-11-02,-5,0,95\n2026-11-03,20,0,115\n"
    assert guessed(without_fees.encode())["fee"] == 2


def test_a_fee_that_the_balances_do_not_tell_is_left_to_the_person() -> None:
    within = "2026-11-02,100.00,0.00,100.00\n2026-11-03,-20.00,1.00,80.00\n"
    text = f"Date,Amount,Fee,Balance\n{within}"
    for other in (
        text,
        text.replace("Balance", "Total"),
        text.replace("Fee", "Total fees"),
        text.replace("1.00,80", "-1.00,81"),
    ):
        assert guessed(other.encode())["fee"] is None


def balances_of(text: str) -> tuple[Decimal | None, Decimal | None]:
    body = text.encode()
    facts = measure(BytesIO(body), "csv", guessed(body), "EUR").facts
    return facts.opening, facts.closing


OLDEST_FIRST = [
    "2026-11-02,-5.00,95.00", "2026-11-02,20.00,115.00", "2026-11-03,-15.00,100.00",
]  # fmt: skip


@pytest.mark.parametrize("name", ["Balance", "Saldo", "Kontostand", "Solde", "Saldo na mutatie"])
@pytest.mark.parametrize("rows", [OLDEST_FIRST, OLDEST_FIRST[::-1], OLDEST_FIRST[:1]])
def test_the_balances_of_a_column_are_those_before_and_after_all_lines(
    name: str, rows: list[str]
) -> None:
    text = f"Date,Amount,{name}\n" + "\n".join(rows)
    assert balances_of(text) == (100, 95 if len(rows) == 1 else 100)


@pytest.mark.parametrize(
    "rows",
    [
        ["2026-11-02,-5.00,95.00", "2026-11-03,20.00,116.00"],
        ["2026-11-02,-5.00,95.00", "2026-11-02,5.00,100.00"],
        ["2026-11-02,-5.00,95.00", "2026-11-03,20.00,"],
        ["2026-11-02,-5.00,"],
    ],
    ids=["not leading to it", "of one day, either first", "without the last", "without any"],
)
def test_balances_of_a_column_that_are_not_certain_are_left_out(rows: list[str]) -> None:
    assert balances_of("Date,Amount,Balance\n" + "\n".join(rows)) == (None, None)


def test_a_row_with_a_balance_and_no_amount_is_left_out() -> None:
    top = '11/01/2026,Beginning balance as of 11/01/2026,,"100.00"\n'
    rows = '11/02/2026,SHOP,"-5.00","95.00"\n11/13/2026,PAY,"7.00","102.00"\n'
    body = f"Date,Description,Amount,Running Bal.\n{top}{rows}".encode()
    found = measure(BytesIO(body), "csv", guessed(body), "USD")
    assert (found.count, found.facts.unbooked) == (2, 1)
    assert (found.facts.opening, found.facts.closing) == (100, 102)


@pytest.mark.parametrize(
    ("names", "first", "row"),
    [
        ("Debit,Inbound,Balance", "5.00,,95.00", ",7.00,102.00"),
        ("Debit,Inbound,Balance", "5.00,,95.00", ",,102.00"),
        ("Amount,Inbound,Balance", "-5.00,,95.00", ",7.00,102.00"),
        ("Amount,Balance", "-5.00,95.00", ",see above"),
    ],
)
def test_a_row_whose_amount_may_be_in_another_column_is_refused(
    names: str, first: str, row: str
) -> None:
    refusal = refusal_of(f"Date,{names}\n2026-11-02,{first}\n2026-11-13,{row}\n")
    assert refusal.startswith("Line 3")


def test_a_text_among_the_balances_refuses_nothing() -> None:
    rows = [f"2026-11-{day:02},1.00,{day}.00" for day in range(1, 25)]
    rows[22] = "2026-11-23,1.00,see above"
    assert balances_of("Date,Amount,Balance\n" + "\n".join(rows)) == (0, 24)


HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "cut within a line": (ENGLISH + "2026-11-04,Cof", "cut off"),
    "cut within a quote": (ENGLISH + '2026-11-04,"Cof', "quote"),
    "twice": (ENGLISH + ENGLISH, "twice"),
    "no lines": ("Date,Description,Amount\n", "no payments"),
    "1e400": (ENGLISH + "2026-11-04,Gift,1e400\n", "not an amount"),
    "a formula as a text": (ENGLISH + "2026-11-04,=cmd|'/C calc'!A0,5\n", "formula"),
    "a formula as an amount": (ENGLISH + "2026-11-04,Gift,=1+1\n", "not an amount"),
    "NUL": (ENGLISH + "2026-11-04,a\x00b,5\n", "We cannot read this file"),
    "UTF-16 without a mark": (ENGLISH.encode("utf-16-le"), "We cannot read this file"),
    "broken UTF-8": (ENGLISH.encode() + b"2026-11-04,Caf\xc3\xa9 \xff,5\n", "neither"),
    "no encoding": (ENGLISH.encode() + b"2026-11-04,\x81,5\n", "neither"),
    "a line of 10 MB": (ENGLISH + "2026-11-04," + "a" * 10_000_000 + ",5\n", "characters"),
    "too many decimals": (ENGLISH + "2026-11-04,Gift,5.001\n", "decimals"),
    "more digits than money has": (ENGLISH + f"2026-11-04,Gift,{'9' * 16}\n", "not an amount"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_damaged_or_hostile_file_is_refused_by_a_sentence(name: str) -> None:
    text, word = HOSTILE[name]
    assert word in refusal_of(text)


PACKED = [
    b"PK\x03\x04zip",
    b"\x1f\x8bgzip",
    b"%PDF-1.7",
    b"\xd0\xcf\x11\xe0",
    b"\xff\xfeD\x00",
    b"",
    b" \n",
]


@pytest.mark.parametrize("body", PACKED)
def test_other_kinds_of_files_are_refused(body: bytes) -> None:
    with pytest.raises(UnreadableStatement):
        format_of(BytesIO(body))


@pytest.mark.parametrize("row", ["AMZN,-1,234.50,8", "REWE,-12,50,100"])
def test_more_cells_than_the_heading_has_are_refused(row: str) -> None:
    assert "but the heading has 4" in refusal_of(f"Date,Text,Amount,Balance\n2026-01-20,{row},50\n")
    (line,) = read("Date,Text,Amount,Balance\n2026-01-20,Shop,-1.00,8.00,,\n")
    assert line.amount == -1


def test_a_comma_within_a_figure_before_empty_cells_is_refused() -> None:
    heading, shop = "Date,Text,Amount,Note\n", "2026-01-20,Shop,-12.00,\n"
    assert "but the heading has 4" in refusal_of(f"{heading}{shop}2026-01-21,Rent,-1,250.50,\n")
    assert len(read(f"{heading}{shop}{shop}".replace(",\n", ",,\n"))) == 2
    assert len(read(f"{heading}{shop}2026-01-21,Rent,-1250.50,,\n")) == 2
    total = "Total\n"
    assert len(read(f"{heading}{shop}{shop}{total}".replace(",\n", ",,\n"))) == 2


def test_lines_that_are_not_booked_in_other_words_and_columns() -> None:
    german = "Buchungstag;Betrag;Info\n02.01.2026;-5,00;Umsatz gebucht\n"
    assert len(read(german + "03.01.2026;-6,00;Umsatz vorgemerkt\n")) == 1
    told = "02.01.2026;-5,00;Payment for a cancelled order\n03.01.2026;-6,00;Failed twice\n"
    assert len(read(f"Buchungstag;Betrag;Info\n{told}")) == 2
    assert len(read("Date,Amount\n2026-01-02,-5.00\nPending,-6.00\n")) == 1


@pytest.mark.parametrize("word", ["Varaus", "Reserverat"])
def test_a_reservation_in_place_of_a_day_is_no_line(word: str) -> None:
    rows = f"2026/11/13;-5,00;Shop\n{word};-7,00;Shop\n"
    assert len(read(f"Kirjausp\u00e4iv\u00e4;M\u00e4\u00e4r\u00e4;Otsikko\n{rows}")) == 1


def test_a_row_of_stars_is_no_line() -> None:
    stars = "********,********,********\n"
    assert len(read(ENGLISH.replace("Amount\n", f"Amount\n{stars}") + stars)) == 2


def test_a_text_below_the_table_is_no_line() -> None:
    bare = "Date,Text,Amount\n2026-01-20,Shop,-1.00\n"
    assert len(read(f"{bare}Disclaimer: all without warranty\n")) == 1
    assert "cells, but the heading has 3" in refusal_of(f"{bare}2026-01-2")


def test_a_file_of_too_many_bytes_is_refused() -> None:
    line = b"2026-11-02," + b"a" * 10_000 + b",5\n"
    body = b"Date,Description,Amount\n" + line * (MAX_BYTES // len(line) + 1)
    with pytest.raises(UnreadableStatement, match=re.escape("32 MB")):
        sheet_of(BytesIO(body))


def test_a_sheet_has_up_to_so_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("banking.outside.formats.reading.MAX_LINES", 1)
    assert "more than 1 lines" in refusal_of(ENGLISH)


def test_a_row_has_up_to_so_many_characters_also_over_many_lines() -> None:
    def with_text(length: int) -> str:
        return ENGLISH + '2026-11-04,"' + ("\u0101" * 99 + "\n") * (length // 100) + '",1.00\n'

    assert len(read(with_text(19_000))) == 3
    assert "characters" in refusal_of(with_text(20_000))


def test_a_row_has_up_to_so_many_cells() -> None:
    assert len(read(f"Date,Text,Amount\n2026-11-04,Bus,1.00{',' * 97}\n")) == 1
    assert "101 cells" in refusal_of(f"{ENGLISH}2026-11-04,Bus,1.00{',' * 98}\n")


def test_a_sheet_has_up_to_so_many_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("banking.outside.formats.sheet.MAX_CELLS", 6)
    assert len(read(ENGLISH)) == 2
    assert "more than 6 cells" in refusal_of(f"{ENGLISH}2026-11-04,Bus,1.00\n")


def test_the_encoding_of_a_file_is_found_once() -> None:
    class CountedFile(BytesIO):
        size = 0

        def read(self, size: int | None = -1, /) -> bytes:
            part = super().read(size)
            self.size += len(part)
            return part

    body = (ENGLISH + "2026-11-04,Café,1.00\n" * 9000).encode("cp1252")
    source = CountedFile(body)
    sheet_of(source)
    assert source.size == 2 * len(body)  # with the search for words in other encodings
    guess_of_file(source, sheet_of(source))
    assert source.size == 2 * len(body)


@pytest.mark.parametrize("more", ["\n" * 20, "***\n" * 20, ",x,\n" * 20])
def test_a_sheet_has_up_to_so_many_rows_that_are_no_line(
    more: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = ("Date,Description,Amount\n1/2/26,Bus,-5\n1/3/26,Pay,20\n" + more).encode()
    sheet = sheet_of(BytesIO(body))
    monkeypatch.setattr("banking.outside.formats.lines.MAX_PARTS", 22)
    assert len(read(body)) == 2
    monkeypatch.setattr("banking.outside.formats.lines.MAX_PARTS", 21)
    for function in (refuse_too_many_rows, guess_of_file):
        with pytest.raises(UnreadableStatement, match="more than 21 lines"):
            function(BytesIO(body), sheet)


def test_the_beginning_is_looked_at_once_and_not_for_each_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For each line it took a minute for 2 MB with twelve columns."""
    looked = list[object]()

    def noted(row: object) -> bool:
        looked.append(row)
        return True

    monkeypatch.setattr("banking.outside.formats.sheet_lines.is_row", noted)
    body = b"Date,Amount,Text\n" + b"2026-11-05,-1.50,Shop\n" * 300
    assert len(read(body)) == 300
    assert len(looked) <= 100
