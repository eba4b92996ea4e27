"""CSV files of other banks: what their columns mean, and which files are refused."""

import re
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest

from tests.transactions.outside.files import AMERICAN, GERMAN, guessed
from transactions.outside.formats.cells import day_order, is_unbooked, read_day, read_figure
from transactions.outside.formats.guess import guess, guess_of_file
from transactions.outside.formats.lines import (
    MOST_BYTES,
    OutsideLine,
    StatementFacts,
    UnreadableStatement,
)
from transactions.outside.formats.reading import format_of, measure
from transactions.outside.formats.sheet import refuse_too_many_rows, sheet_of
from transactions.outside.formats.sheet_lines import sheet_lines

ENGLISH = "Date,Description,Amount\n2026-11-02,Bus,-5.00\n2026-11-03,Pay,20.00\n"


def read(text: str | bytes) -> list[OutsideLine]:
    body = text.encode() if isinstance(text, str) else text
    return list(sheet_lines(BytesIO(body), guessed(body), StatementFacts()))


def refusal_of(text: str | bytes, currency: str = "EUR") -> str:
    body = text.encode() if isinstance(text, str) else text
    source = BytesIO(body)
    with pytest.raises(UnreadableStatement) as refused:
        measure(source, format_of(source), guessed(body), currency)
    return str(refused.value)


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


def test_windows_1252_is_read() -> None:
    assert read(GERMAN.encode("cp1252")) == read(GERMAN)


@pytest.mark.parametrize(
    ("word", "encoding"),
    [
        ("Wp\u0142ata w\u0142asna", "cp1250"),
        ("P\u0159\u00edchoz\u00ed platba", "cp1250"),
        ("\u041e\u043f\u043b\u0430\u0442\u0430", "cp1251"),
        ("\u03a0\u03bb\u03b7\u03c1\u03c9\u03bc\u03ae", "cp1253"),
        ("W\u0142asna", "cp852"),
        ("Geb\u00e4ck", "cp850"),
        ("f\u00fcr", "mac-roman"),
    ],
)
def test_letters_of_another_encoding_are_refused(word: str, encoding: str) -> None:
    text = f"Date,Description,Amount\n2026-11-02,{word},-5.00\n".encode(encoding)
    assert "save it as UTF-8" in refusal_of(text)
    moved = b":20:X\n:25:A\n:28C:1\n:60F:C261101EUR0,\n:61:261102C5,NTRF\n:86:"
    source = BytesIO(moved + word.encode(encoding) + b"\n:62F:C261102EUR5,\n")
    with pytest.raises(UnreadableStatement, match="save it as UTF-8"):
        measure(source, format_of(source), None, "EUR")


@pytest.mark.parametrize(
    "word",
    [
        "Müller Größe § 5 12m² Gas 3m³Wasser € „Laden“",
        "créée à la Noël «cœur» L\u00b4Oréal",
        "¿Qué año? ¡Olé! Nº 5 1ªplanta",
        "hääyöaie Årøy smørrebrød æble",
        "Þórður þýða Ásgeir",
        "L\u2019HAŸ café col·lecció città più però São João",
        "Café ÄÖÜ £5 © Firma®",
    ],
)
def test_words_of_western_europe_are_windows_1252(word: str) -> None:
    text = f"Date,Description,Amount\n2026-11-02,{word},-5.00\n"
    assert read(text.encode("cp1252")) == read(text)


def test_a_sum_below_the_table_is_no_line() -> None:
    assert len(read(ENGLISH + ",Sum,\n")) == 2


@pytest.mark.parametrize(
    ("rows", "amounts"),
    [
        ((("", "100"), ("", "-100"), ("20", ""), ("-20", "")), (100, -100, -20, 20)),
        ((("", "100"), ("", "-100"), ("-20", ""), ("-5", "")), (100, -100, -20, -5)),
        ((("-20", ""), ("5", "")), (20, -5)),
        ((("-20", ""), ("", "100"), ("-5", ""), ("3", "")), (-20, 100, -5, 3)),
        ((("20", "20"),), (0,)),
    ],
    ids=["mixed", "all out with a minus", "the first came back", "the last came back", "both"],
)
def test_a_sign_in_a_column_of_money_in_or_out_is_kept(
    rows: tuple[tuple[str, str], ...], amounts: tuple[int, ...]
) -> None:
    text = "".join(f"2026-11-02,Shop,{out},{come}\n" for out, come in rows)
    found = read(f"Date,Payee,Debit,Credit\n{text}")
    assert tuple(line.amount for line in found) == amounts


@pytest.mark.parametrize(
    ("days", "months"),
    [
        (["11/01/2026", "11/02/2026", "11/12/2026"], {11}),
        (["01/11/2026", "02/11/2026", "12/11/2026"], {11}),
        (["01.11.2026", "01.12.2026"], {11, 12}),
        (["05/11/2026"], {11}),
        (["11/05/2026", "11/30/2026"], {11}),
    ],
)
def test_days_are_read_in_the_order_by_which_a_file_spans_less_time(
    days: list[str], months: set[int]
) -> None:
    found = read("Date,Payee,Amount\n" + "".join(f"{day},Shop,-1.00\n" for day in days))
    assert {line.booked_on.month for line in found} == months


@pytest.mark.parametrize(
    ("names", "row", "day"),
    [
        ("Transaction Date,Post Date", "2026-11-02,2026-11-04", 4),
        ("Trans. Date,Posted Date", "2026-11-02,2026-11-04", 4),
        ("Started Date,Completed Date", "2026-11-02 10:00:00,2026-11-04 10:00:00", 4),
        ("Value Date,Booking Date", "2026-11-02,2026-11-04", 4),
        ("Value Date,Date", "2026-11-02,2026-11-04", 4),
        ("Booking Date,Value Date", "2026-11-02,2026-11-04", 2),
        ("Buchung,Wertstellungsdatum", "2026-11-02,2026-11-04", 2),
        ("Transaction Date,Clearing Date", "2026-11-02,2026-11-04", 4),
        ("Saldo nach Buchung,Buchungstag", "7,2026-11-04", 4),
        ("Date,Posted", "2026-11-02,Yes", 2),
        ("Transaction Date,Post Date", "2026-11-02,", 2),
    ],
)
def test_the_day_of_booking_is_taken_where_there_are_others(names: str, row: str, day: int) -> None:
    (line,) = read(f"{names},Description,Amount\n{row},Bus,-5.00\n")
    assert line.booked_on.day == day


SIDES = [
    ("Soll/Haben", "S", "H"), ("S/H", "s", "h"), ("Debit/Credit", "Debit", "Credit"),
    ("DR/CR", "DR", "CR"), ("D/C", "D", "C"), ("Indicator", "DBIT", "CRDT"),
    ("Af Bij", "Af", "Bij"), ("Direction", "out", "in"), ("+/-", "-", "+"), ("", "S", "H"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "out", "come"), SIDES)
def test_a_column_says_whether_an_amount_came_in_or_went_out(
    name: str, out: str, come: str
) -> None:
    text = f"Datum;Umsatz;Währung;{name}\n02.11.2026;800,00;EUR;{out}\n03.11.2026;5,00;EUR;{come}\n"
    assert [line.amount for line in read(text)] == [-800, 5]


def test_a_side_decides_the_sign_of_an_amount_with_a_minus() -> None:
    text = "Datum;Umsatz;Soll/Haben\n02.11.2026;8,00;S\n03.11.2026;5,00;H\n"
    mapping = guessed(text.encode())
    body = text.replace("8,00", "-8,00").replace("5,00", "-5,00").encode()
    found = sheet_lines(BytesIO(body), mapping, StatementFacts())
    assert [line.amount for line in found] == [-8, 5]


def test_a_side_beside_amounts_with_a_sign_is_not_guessed() -> None:
    text = "Details,Date,Amount\nDEBIT,11/20/2026,-8.00\nCREDIT,11/21/2026,-5.00\n"
    assert guessed(text.replace("Details", "Type").encode())["side"] is None
    assert [line.amount for line in read(text)] == [-8, -5]


def test_a_minus_beside_one_side_is_a_payment_that_was_reversed() -> None:
    rows = (("900.00", "DR"), ("2000.00", "CR"), ("-900.00", "DR"), ("20.00", "DR"))
    text = "".join(f"2026-11-02,Shop,{amount},{side}\n" for amount, side in rows)
    found = read(f"Date,Text,Amount,Dr/Cr\n{text}")
    assert [line.amount for line in found] == [-900, 2000, 900, -20]
    later = read("Date,Text,Amount,Dr/Cr\n" + "2026-11-02,Shop,5.00,CR\n" * 20 + text)
    assert [line.amount for line in later[20:]] == [-900, 2000, 900, -20]


@pytest.mark.parametrize("word", ["Fee", "Debit Card"])
def test_another_word_among_sides_refuses_its_line(word: str) -> None:
    text = "Date,Text,Amount,Type\n2026-11-02,Rent,900.00,Debit\n2026-11-03,Pay,5.00,Credit\n"
    assert f"Line 4: \u201c{word}\u201d does not say" in refusal_of(
        f"{text}2026-11-04,A,3.00,{word}\n"
    )
    signed = text.replace("900", "-900")
    assert [line.amount for line in read(f"{signed}2026-11-04,A,-3.00,{word}\n")] == [-900, 5, -3]


def test_another_side_is_refused_by_its_value() -> None:
    text = "Datum;Umsatz;Soll/Haben\n" + "02.11.2026;8,00;S\n" * 20 + "03.11.2026;5,00;X\n"
    assert "Line 22: “X” does not say whether money came in" in refusal_of(text)


@pytest.mark.parametrize("written", ["EUR", "eur", "€", ""])
@pytest.mark.parametrize("name", ["Currency", "Währung", "Waehrung", "Devise", "Moneda", "Munt"])
def test_another_currency_is_refused_by_its_line(name: str, written: str) -> None:
    text = f"Date,Description,Amount,{name}\n2026-11-02,Bus,-5.00,{written}\n"
    assert len(read(text)) == 1
    refusal = refusal_of(text + "2026-11-03,London,-40.00,GBP\n")
    assert refusal.startswith("Line 3 is in GBP; this account is in EUR.")


def test_a_file_whose_lines_have_two_currencies_is_refused_for_no_account_too() -> None:
    text = "Date,Amount,Currency\n2026-11-02,5,EUR\n2026-11-03,5,£\n"
    with pytest.raises(UnreadableStatement, match="in EUR and in GBP"):
        read(text)


@pytest.mark.parametrize(
    ("heading", "amount", "account", "refused"),
    [
        ("Amount", "-5.00 USD", "EUR", "Line 2 is in USD; this account is in EUR."),
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


@pytest.mark.parametrize("name", ["Original currency", "Foreign Currency"])
def test_the_currency_of_an_amount_abroad_is_not_that_of_the_line(name: str) -> None:
    assert len(read(f"Date,Amount,{name}\n2026-11-02,5,GBP\n2026-11-03,5,USD\n")) == 2


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


@pytest.mark.parametrize(
    ("names", "row"),
    [
        ("Date,Original Amount,Original Currency,Amount,Currency", "-150.00,USD,-138.20,EUR"),
        ("Date,Foreign amount,Amount,Balance", "-150.00,-138.20,861.80"),
        ("Date,Fee amount,Amount", "0.50,-138.20"),
        ("Date,VAT amount,Amount", "0.50,-138.20"),
        ("Date,Gross amount,Fee,Net amount", "-137.70,0.50,-138.20"),
        ("Date,Amount,Fee,Net", "-137.70,0.50,-138.20"),
        ("Date,Gross,Fee,Net", "-137.70,-0.50,-138.20"),
        ("Date,Original Amount,Debit,Credit", "-150.00,138.20,"),
    ],
)
def test_the_amount_is_what_moved_on_the_account(names: str, row: str) -> None:
    (line,) = read(f"{names}\n2026-11-02,{row}\n")
    assert line.amount == Decimal("-138.20")


@pytest.mark.parametrize(
    ("names", "row"),
    [
        ("Naam,Naam tegenpartij", "Ana,Shop"),
        ("Account Name,Payee", "Main,Shop"),
        ("Counterparty,Name", "NL91ABNA0417164300,Shop"),
        ("Counterparty,Name", "NL91 ABNA 0417 1643 00,Shop"),
        ("Counterparty account,Counterparty name", "12-34,Shop"),
        ("Cardholder Name,Merchant", "Ana,Shop"),
        ("Card Holder Name,Merchant", "Ana,Shop"),
        ("Payee,Name", "Shop,Ana"),
    ],
)
def test_the_other_side_is_not_the_owner_nor_an_iban(names: str, row: str) -> None:
    (line,) = read(f"Date,{names},Amount\n2026-11-02,{row},-5.00\n")
    assert line.other == "Shop"


@pytest.mark.parametrize(("name", "is_other"), [("Account Name", False), ("Payee", True)])
def test_one_name_in_all_of_many_rows_is_the_owners(name: str, is_other: bool) -> None:
    text = f"Date,{name},Amount\n" + "2026-11-02,Chk,-5.00\n" * 4
    assert (guessed(text.encode())["other"] is not None) == is_other


@pytest.mark.parametrize("name", ["Orig amount", "Instructed amount", "Amount"])
def test_the_amount_that_leads_from_balance_to_balance_is_taken(name: str) -> None:
    rows = "2026-11-02,10.00,-9.20,-9.29,0.09,90.71\n2026-11-03,5.00,-5.00,-5.20,0.20,85.51\n"
    names = f"Date,{name},Payment amount,Total amount,Fee,Balance"
    assert [str(it.amount) for it in read(f"{names}\n{rows}")] == ["-9.29", "-5.20"]
    assert guessed(f"{names}\n{rows}".encode())["fee"] is None


def test_an_amount_of_another_account_is_read_if_there_is_no_other() -> None:
    assert read("Date,Original Amount\n2026-11-02,-5.00\n")[0].amount == -5


@pytest.mark.parametrize("name", ["Category ID", "Terminal Id", "ID"])
def test_ids_that_several_payments_have_are_not_theirs(name: str) -> None:
    text = f"Date,{name},Amount\n2026-11-02,food,-3.50\n2026-11-03,food,-3.50\n"
    assert guessed(text.encode())["id"] is None
    if name != "ID":
        assert guessed(text.replace("03,food", "03,car").encode())["id"] is None
    none = f"Date,{name},Amount\n2026-11-02,NONREF,-3.50\n2026-11-03,NONREF,-3.50\n"
    assert (guessed(none.encode())["id"] == 1) == (name == "ID")


@pytest.mark.parametrize(
    "name",
    [
        "Beschreibung", "Beskrivelse", "Tekst", "Descrizione", "Causale", "Opis", "Libelle",
        "Descri\u00e7\u00e3o", "Beschreibung1", "Selitys",
    ],
)  # fmt: skip
def test_what_a_payment_was_for_is_read_under_names_of_many_languages(name: str) -> None:
    text = f"Datum;{name};Value;Betrag;Devises\n02.11.2026;Rent;02.11.2026;-5,00;CHF\n"
    assert read(text)[0].description == "Rent"


def test_three_decimals_of_a_currency_are_no_thousands() -> None:
    body = b"Date;Amount\n2026-11-02;12,500\n2026-11-03;-1.012,500\n"
    sheet = sheet_of(BytesIO(body))
    marks = {code: guess(sheet, code)["decimal"] for code in ("KWD", "EUR")}
    assert marks == {"KWD": ",", "EUR": "."}


@pytest.mark.parametrize(
    ("figures", "currency", "mark"),
    [
        (("1.500", "-2.250"), "EUR", ","), (("1,500", "-2,250"), "USD", "."),
        (("1.500", "20.5"), "EUR", "."), (("1.500", "-12"), "CLP", ","),
        (("1.500", "0.500"), "EUR", "."), (("1,500", "1000,000"), "EUR", ","),
        (("-12",) * 25 + ("1.500",), "EUR", ","), (("1.500",) * 25 + ("7.25",), "EUR", "."),
        (("1.500", "-2.250"), "KWD", "."), (("-12", "20"), "EUR", "."),
    ],
)  # fmt: skip
def test_three_digits_after_a_mark_are_thousands_unless_the_file_tells_otherwise(
    figures: tuple[str, ...], currency: str, mark: str
) -> None:
    rows = "".join(f"2026-11-02;{figure}\n" for figure in figures)
    assert guessed(f"Date;Amount\n{rows}".encode(), currency)["decimal"] == mark


def test_a_state_of_a_country_is_no_status_and_another_word_leaves_nothing_out() -> None:
    place = b"Date,State,Amount\n2026-11-02,Texas,-5.00\n2026-11-03,Ohio,-5.00\n"
    assert guessed(place)["status"] is None
    paid = "".join(f"2026-11-{day:02},Booked,-5.00\n" for day in range(1, 22))
    later = "2026-11-22,Looked at,-1.00\n2026-11-23,Pending,-2.00\n"
    assert len(read(f"Date,Status,Amount\n{paid}{later}")) == 22
    unknown = "2026-11-01,On hold,-1.00\n2026-11-02,Booked,-1.00\n2026-11-03,Pending,-2.00\n"
    assert len(read(f"Date,Status,Amount\n{unknown}")) == 2


@pytest.mark.parametrize(
    ("name", "words", "count"),
    [
        ("Status", ("Sent", "Sent", "Failed", "Pending", "Sent"), 3),
        ("State", ("Routed", "Routed", "Failed"), 2),
        ("Status", (*("Routed",) * 25, "Pending"), 25),
        ("State", ("FL", "CA"), 2),
        ("Info", ("Salary", "Rent", "Pending"), 3),
        ("Card status", ("Active", "Expired"), 2),
    ],
)
def test_unknown_words_for_booked_do_not_hide_a_status(
    name: str, words: tuple[str, ...], count: int
) -> None:
    rows = "".join(f"2026-11-02,AWS,-5.00,{word}\n" for word in words)
    assert len(read(f"Date,Description,Amount,{name}\n{rows}")) == count


@pytest.mark.parametrize(
    ("name", "word", "is_left_out"),
    [
        ("Contabilizzazione", "NON CONTABILIZZATO", True), ("Status", "Noch nicht gebucht", True),
        ("Status", "Not completed", True), ("Status", "Unposted", True),
        ("Status", "Not declined", False), ("Status", "Not refunded", False),
    ],
)  # fmt: skip
def test_a_status_may_say_what_is_not(name: str, word: str, is_left_out: bool) -> None:
    booked = "CONTABILIZZATO" if name != "Status" else "Booked"
    text = f"Date,Amount,{name}\n2026-11-02,-5.00,{booked}\n2026-11-03,-6.00,{word}\n"
    assert len(read(text)) == 2 - is_left_out


UNBOOKED = (
    "Declined - insufficient funds", "Declined: not enough funds", "PENDING_REVIEW", "Failed.",
    "Pending: settles tomorrow", "Payment failed, refunded", "In progress", "Scheduled",
    "Authorised (pending)", "TransactionPending", "Cancelled by user now", "Has not been booked",
)  # fmt: skip
TEXTS_OF_BOOKED = ("Completed", "Completed, was pending before", "Paid; no longer pending", "Sent.")


@pytest.mark.parametrize("name", ["Status", "State"])
def test_a_status_may_be_a_text(name: str) -> None:
    for words in (UNBOOKED, UNBOOKED[:1], ("Completed",) * 25 + UNBOOKED):
        rows = "".join(f'2026-11-02,AWS,-5.00,"{word}"\n' for word in (*words, *TEXTS_OF_BOOKED))
        lines = read(f"Date,Description,Amount,{name}\n{rows}")
        assert len(lines) == words.count("Completed") + len(TEXTS_OF_BOOKED)


def test_a_value_date_under_the_word_valuta_is_no_currency() -> None:
    assert guessed(b"Datum;Valuta;Betrag\n02.11.2026;03.11.2026;5,00\n")["currency"] is None


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


FIGURES = [
    ("1.932,80", ",", "1932.80"), ("-84,00", ",", "-84"), ("1,234.50", ".", "1234.50"),
    ("24.10-", ".", "-24.10"), ("(24.10)", ".", "-24.10"), ("+7", ".", "7"), ("0.5", ".", "0.5"),
    ("\N{MINUS SIGN}3.20", ".", "-3.20"), ("1 234,5", ",", "1234.5"), ("EUR 12,00", ",", "12"),
    ("1'200.00", ".", "1200"), ("$12.00", ".", "12"), ("12.00 EUR", ".", "12"),
    ("1,00,007.00", ".", "100007"), ("-12,34,56,789", ".", "-123456789"),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "mark", "value"), FIGURES)
def test_a_figure_is_read_as_banks_write_it(typed: str, mark: str, value: str) -> None:
    assert read_figure(1, typed, mark) == Decimal(value)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "1e400",
        "1e2",
        "=1+1",
        "NaN",
        "Infinity",
        "1.2.3",
        "--5",
        "\u0661",
        "9" * 400,
        "1_000",
        "1,00,07",
    ],
)
def test_what_is_no_figure_is_refused(typed: str) -> None:
    for mark in ".,":
        with pytest.raises(UnreadableStatement):
            read_figure(1, typed, mark)


DAYS = [
    ("30.11.2026", "dmy"), ("11/30/2026", "mdy"), ("2026-11-30", "dmy"), ("20261130", "dmy"),
    ("30.11.26", "dmy"), ("30 Nov 2026", "mdy"), ("Nov 30, 2026", "dmy"),
    ("2026-11-30T10:00:00Z", "mdy"), ("30/11/2026 10:00", "dmy"), ("30-November-2026", "dmy"),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "order"), DAYS)
def test_a_day_is_read_as_banks_write_it(typed: str, order: str) -> None:
    assert read_day(1, typed, order) == date(2026, 11, 30)


@pytest.mark.parametrize("typed", ["", "31.02.2026", "1.1.0001", "soon", "9999-12-31", "0/0/0"])
def test_what_is_no_day_is_refused(typed: str) -> None:
    with pytest.raises(UnreadableStatement):
        read_day(1, typed, "dmy")


@pytest.mark.parametrize(
    ("mark", "typed", "taken"),
    [(".", "1.234", "a point. Is it a comma"), (",", "1,234", "a comma")],
)
def test_too_many_decimals_point_to_the_mark_before_them(mark: str, typed: str, taken: str) -> None:
    body = f'Date,Amount\n2026-11-02,"{typed}"\n'.encode()
    mapping = guessed(body) | {"decimal": mark}
    with pytest.raises(UnreadableStatement, match="was taken to be " + re.escape(taken)):
        measure(BytesIO(body), "csv", mapping, "EUR")


HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "cut within a line": (ENGLISH + "2026-11-04,Cof", "cut off"),
    "cut within a quote": (ENGLISH + '2026-11-04,"Cof', "quote"),
    "twice": (ENGLISH + ENGLISH, "twice"),
    "no lines": ("Date,Description,Amount\n", "no payments"),
    "1e400": (ENGLISH + "2026-11-04,Gift,1e400\n", "not an amount"),
    "a formula as a text": (ENGLISH + "2026-11-04,=cmd|'/C calc'!A0,5\n", "formula"),
    "a formula as an amount": (ENGLISH + "2026-11-04,Gift,=1+1\n", "not an amount"),
    "NUL": (ENGLISH + "2026-11-04,a\x00b,5\n", "NUL"),
    "UTF-16 without a mark": (ENGLISH.encode("utf-16-le"), "NUL"),
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


UNKNOWN = "Statement of Ana\n\nTrx Day,Who else,How much,Cur\n"
ROWS = "11/02/2026,Bus,-5.00,EUR\n11/13/2026,Pay,20.00,EUR\n"


def test_columns_under_unknown_names_are_guessed_by_their_values() -> None:
    body = (UNKNOWN + ROWS).encode()
    assert sheet_of(BytesIO(body), is_asked=True).names == (
        "Trx Day",
        "Who else",
        "How much",
        "Cur",
    )
    found = guessed(body)
    assert [found[role] for role in ("date", "other", "amount", "currency")] == [0, 1, 2, 3]
    lines = [(line.number, line.booked_on.month, line.amount) for line in read(UNKNOWN + ROWS)]
    assert lines == [(4, 11, -5), (5, 11, 20)]


@pytest.mark.parametrize(
    ("names", "out", "come", "then_out"),
    [
        ("Belastung CHF;Gutschrift CHF", "50.00;", ";1'250.50", "850.00;"),
        ("Gutschrift in CHF;Lastschrift in CHF", ";50.00", "1'250.50;", ";850.00"),
        ("Hin;Her", "50.00;", ";1'250.50", "850.00;"),
        ("Her;Hin", ";50.00", "1'250.50;", ";850.00"),
    ],
)
def test_money_in_and_out_of_swiss_files(names: str, out: str, come: str, then_out: str) -> None:
    days = ("2.11.2026", "2.11.2026", "3.11.2026")
    rows = zip(days, (out, come, then_out), ("1000.00", "2250.50", "1400.50"), strict=True)
    text = f"Datum;Text;{names};Valuta;Saldo CHF\n" + "".join(
        f"{day};Shop;{figures};{day};{balance}\n" for day, figures, balance in rows
    )
    assert [line.amount for line in read(text)] == [-50, Decimal("1250.50"), -850]


def test_two_columns_of_figures_that_no_balance_tells_apart_are_left_to_the_person() -> None:
    found = guessed(b"Tag;Text;Hin;Her\n2.11.2026;Shop;50.00;\n3.11.2026;Pay;;20.00\n")
    assert [found[role] for role in ("date", "amount", "out", "in")] == [0, None, None, None]


@pytest.mark.parametrize("name", ["Amount", "Charge"])
def test_amounts_without_a_minus_are_money_out_where_the_balances_say_so(name: str) -> None:
    text = f"Date,What,{name},Balance\n2026-11-02,Bus,5.00,95.00\n2026-11-03,Shop,20.00,75.00\n"
    for rows in (text, text.replace("95", "105").replace("75", "125")):
        amounts = [line.amount for line in read(rows)]
        assert amounts == ([-5, -20] if rows == text else [5, 20])
    assert not guessed(text.replace("Balance", "Total").encode())["flip"]


@pytest.mark.parametrize(
    "text",
    [
        "Datum;Text;Betrag\n02.01.2026;Miete, Januar, Nr. 3;-950,00\n03.01.2026;Lohn;2.000,00\n",
        "Date,Text,Amount\n2026-01-02,a;b;c;d;e;f,-950.00\n2026-01-03,Pay,2000.00\n",
        "Datum;Zweck, Text, Ort, Land;Betrag\n02.01.2026;Miete;-950,00\n03.01.2026;Lohn;2.000,00\n",
        "Tag;Text;Wieviel\n02.01.2026;Miete, Januar, Nr. 3;-950,00\n03.01.2026;Lohn;2.000,00\n",
    ],
)
def test_marks_within_texts_and_figures_are_no_separators(text: str) -> None:
    assert [line.amount for line in read(text)] == [-950, 2000]


@pytest.mark.parametrize(
    ("names", "out", "come"),
    [
        ("Debit Amount,Credit Amount", "100.00,0.00", "0.00,5000.00"),
        ("Credit Amount,Debit Amount", ",100.00", "5000.00,"),
        ("Bor\u00e7,Alacak", "100.00,0.00", "0.00,5000.00"),
        ("Debit,Credit", "100.00,", ",-5000.00"),
    ],
)
def test_an_amount_of_one_way_is_not_the_signed_amount(names: str, out: str, come: str) -> None:
    found = read(f"Date,What,{names}\n2026-01-05,Shop,{out}\n2026-01-14,Pay,{come}\n")
    assert [line.amount for line in found] == [-100, 5000]


def test_figures_of_zero_beside_the_others_are_left_to_the_person() -> None:
    found = guessed(b"Tag,Text,Hin,Her\n2026-01-05,A,12.50,0.00\n2026-01-14,B,0.00,50.00\n")
    assert [found[role] for role in ("amount", "out", "in")] == [None, None, None]


@pytest.mark.parametrize("row", ["AMZN,-1,234.50,8", "REWE,-12,50,100"])
def test_more_cells_than_the_heading_has_are_refused(row: str) -> None:
    assert "and the heading 4" in refusal_of(f"Date,Text,Amount,Balance\n2026-01-20,{row},50\n")
    (line,) = read("Date,Text,Amount,Balance\n2026-01-20,Shop,-1.00,8.00,,\n")
    assert line.amount == -1


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
    assert "cells, and the heading 3" in refusal_of(f"{bare}2026-01-2")


def test_a_year_of_two_figures_may_come_first() -> None:
    days = "".join(f"{day},Shop,-1.00\n" for day in ("26/01/05", "26/01/06", "26/02/10"))
    found = [line.booked_on for line in read(f"Date,Payee,Amount\n{days}")]
    assert found == [date(2026, 1, 5), date(2026, 1, 6), date(2026, 2, 10)]


@pytest.mark.parametrize(
    ("days", "order", "possible"),
    [
        (["26.11.02", "26.11.13"], "ymd", {"ymd", "dmy"}),
        (["26.11.02", "26.11.03"], "dmy", {"ymd", "dmy"}),
        (["15.01.25", "15.01.26"], "dmy", {"ymd", "dmy"}),
        (["02.11.26", "13.11.26"], "dmy", {"dmy"}),
        (["02.11.26"], "dmy", {"dmy"}),
        (["15.02.26", "30.02.26"], "dmy", {"dmy"}),
        (["26.11.2002", "26.11.2013"], "dmy", {"dmy"}),
    ],
)
def test_a_year_may_come_first_with_dots(days: list[str], order: str, possible: set[str]) -> None:
    found = day_order(days)
    assert (found.order, set(found.possible)) == (order, possible)


def test_a_value_date_without_marks_is_no_amount() -> None:
    (line,) = read("Date,Value date,Amount\n2026-01-05,20260105,-5.00\n")
    assert line.amount == -5


def test_a_sum_below_a_table_with_unknown_names_does_not_hide_its_columns() -> None:
    found = guessed((UNKNOWN + ROWS + "Sum,,15.00,\n").encode())
    assert [found[role] for role in ("date", "amount", "currency")] == [0, 2, 3]


def test_a_file_without_a_heading_has_numbered_columns() -> None:
    for above in ("", "Statement of Ana\n"):
        sheet = sheet_of(BytesIO((above + ROWS).encode()), is_asked=True)
        assert (sheet.names[0], len(sheet.names), sheet.is_named) == ("column 1", 4, False)
        assert [(line.amount, line.description) for line in read(above + ROWS)] == [
            (-5, "Bus"), (20, "Pay"),
        ]  # fmt: skip


def test_no_line_with_a_day_is_taken_for_a_heading() -> None:
    text = "11/01/2026,Cash,n/a,EUR\n" + ROWS
    sheet = sheet_of(BytesIO(text.encode()), is_asked=True)
    assert (sheet.after, sheet.is_named) == (0, False)


@pytest.mark.parametrize(
    "text",
    [
        (UNKNOWN + ROWS) * 2, UNKNOWN + ROWS + "11/04/2026,Co", ROWS * 2, ROWS + "11/04/2026,Co",
        UNKNOWN + ROWS.replace("\n", "\nnote\n", 1) + ROWS,
    ],
)  # fmt: skip
def test_a_damaged_file_with_unknown_names_or_none_is_refused(text: str) -> None:
    with pytest.raises(UnreadableStatement):
        read(text)


def test_the_columns_of_ledgers_own_files_are_known() -> None:
    id = "0193b2c4-7f00-7000-8000-00000000a1b2"
    text = (
        "date,time,value_date,who,account_number,description,reference,amount,balance,currency,"
        f"transaction\n2026-11-02,10:00,2026-11-02,Bakery,123,Bread,R1,-5.00,95.00,EUR,{id}\n"
    )
    (line,) = read(text)
    assert (line.other, line.outside_id, line.description) == ("Bakery", id, "Bread")
    assert guessed(b"Date,Transaction,Amount\n2026-11-02,To the bakery,-5.00\n")["id"] is None


@pytest.mark.parametrize("name", ["Glaeubiger ID", "Creditor ID", "Customer Id", "Incassant ID"])
def test_the_id_of_a_party_is_not_that_of_a_payment(name: str) -> None:
    assert guessed(f"Date,{name},Amount\n2026-11-02,DE98ZZZ,-5.00\n".encode())["id"] is None


def test_a_value_date_is_no_amount() -> None:
    (line,) = read("Date,Value Date,Amount\n2026-11-02,2026-11-03,-5.00\n")
    assert line.amount == -5


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "Date\n2026-11-02\n", "hello", "Amount\n5\n"])
def test_a_file_without_a_heading_is_refused(text: str) -> None:
    with pytest.raises(UnreadableStatement, match="No line names"):
        sheet_of(BytesIO(text.encode()))
    with pytest.raises(UnreadableStatement, match="No line names"):
        sheet_of(BytesIO(text.encode()), is_asked=True)


def test_a_file_of_too_many_bytes_is_refused() -> None:
    line = b"2026-11-02," + b"a" * 10_000 + b",5\n"
    body = b"Date,Description,Amount\n" + line * (MOST_BYTES // len(line) + 1)
    with pytest.raises(UnreadableStatement, match=re.escape("32 MB")):
        sheet_of(BytesIO(body))


@pytest.mark.parametrize(
    ("days", "order"),
    [
        ([f"01.{month:02}.{year}" for year in range(20, 26) for month in range(1, 13)], "dmy"),
        ([f"31.12.{year}" for year in range(19, 26)], "dmy"),
        ([f"15.{month:02}.{year}" for year in range(20, 26) for month in (1, 6)], "dmy"),
        ([f"25.11.{day:02}" for day in range(2, 26)], "ymd"),
    ],
)
def test_years_of_days_with_dots_have_the_day_first_unless_they_are_newer_otherwise(
    days: list[str], order: str
) -> None:
    assert day_order(days).order == order


def test_a_sheet_has_up_to_so_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transactions.outside.formats.reading.MOST_LINES", 1)
    assert "more than 1 lines" in refusal_of(ENGLISH)


def test_a_row_has_up_to_so_many_characters_also_over_many_lines() -> None:
    def with_text(length: int) -> str:
        return ENGLISH + '2026-11-04,"' + ("\u0101" * 99 + "\n") * (length // 100) + '",1.00\n'

    assert len(read(with_text(19_000))) == 3
    assert "characters" in refusal_of(with_text(20_000))


def test_a_row_has_up_to_so_many_cells() -> None:
    assert len(read(f"{ENGLISH}2026-11-04,Bus,1.00{',' * 97}\n")) == 3
    assert "101 cells" in refusal_of(f"{ENGLISH}2026-11-04,Bus,1.00{',' * 98}\n")


def test_a_sheet_has_up_to_so_many_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transactions.outside.formats.sheet.MOST_CELLS", 6)
    assert len(read(ENGLISH)) == 2
    assert "more than 6 cells" in refusal_of(f"{ENGLISH}2026-11-04,Bus,1.00\n")


def test_a_status_is_read_up_to_so_many_characters() -> None:
    assert is_unbooked(f"{'x ' * 90}pending")
    assert not is_unbooked(f"{'x ' * 100}pending")


@pytest.mark.parametrize("more", ["\n" * 20, "***\n" * 20, ",x,\n" * 20])
def test_a_sheet_has_up_to_so_many_rows_that_are_no_line(
    more: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = ("Date,Description,Amount\n1/2/26,Bus,-5\n1/3/26,Pay,20\n" + more).encode()
    sheet = sheet_of(BytesIO(body))
    monkeypatch.setattr("transactions.outside.formats.lines.MOST_PARTS", 22)
    assert len(read(body)) == 2
    monkeypatch.setattr("transactions.outside.formats.lines.MOST_PARTS", 21)
    for function in (refuse_too_many_rows, guess_of_file):
        with pytest.raises(UnreadableStatement, match="more than 21 lines"):
            function(BytesIO(body), sheet)


ZURICH = """\
"Datum";"Buchungstext";"Betrag Detail";"Belastung CHF";"Gutschrift CHF";"Saldo CHF";"Zahlungszweck"
"24.11.2026";"Belastung: 2 Zahlungen";"";"150.00";"";"1350.00";""
"";"Muster AG";"100.00";"";"";"";"Rechnung 1"
"";"Beispiel GmbH";"50.00";"";"";"";"Rechnung 2"
"20.11.2026";"Gutschrift";"";"";"1500.00";"1500.00";"Lohn"
"""
AMERICAN_CHECKING = """\
"Date","Status","Description","Withdrawal","Deposit","RunningBalance"
"11/24/2026","Posted","TRADER","$35.20","","$964.80"
"11/20/2026","Posted","PAYROLL","","$1,000.00","$1,000.00"
"""
WALLET = """\
"Datum","Name","Status","Brutto","Gebühr","Netto","Transaktionscode","Guthaben"
"02.11.2026","Shop","Abgeschlossen","-25,99","0,00","-25,99","9AB","-25,99"
"15.11.2026","Sam","Abgeschlossen","100,00","-2,84","97,16","7AB","71,17"
"""
SWISS_VILLAGE = """\
IBAN;Booked At;Text;Credit/Debit Amount;Balance;Valuta Date
CH9300762011623852957;2026-11-20 00:00:00.0;Lohn;5000.00;5000.00;2026-11-19 00:00:00.0
CH9300762011623852957;2026-11-24 00:00:00.0;Auftrag;-150.00;4850.00;2026-11-23 00:00:00.0
"""
LONDON = """\
Date,Type,Description,Value,Balance,Account Name,Account Number
24/11/2026,"POS","'4567 23NOV26 , SHOP , LONDON",-18.20,1231.80,"'FERREIRA A","'601234-1",
05/11/2026,"BAC","'t Hooft , SALARY",1250.00,1250.00,"'FERREIRA A","'601234-1",
"""


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        (ZURICH, {"out": 3, "in": 4, "balance": 5, "amount": None, "texts": [1, 6]}),
        (AMERICAN_CHECKING, {"out": 3, "in": 4, "balance": 5}),
        (WALLET, {"amount": 5, "balance": 7, "id": 6, "fee": None}),
        (SWISS_VILLAGE, {"date": 1, "amount": 3, "balance": 4}),
        (LONDON, {"amount": 3, "balance": 4, "other": None}),
        ("Abschlussdatum;Buchungsdatum;Betrag;Transaktions-Nr.\n2026-11-23;2026-11-24;-8.70;99T1\n",
         {"date": 1, "id": 3}),
    ],
)  # fmt: skip
def test_columns_of_banks_near_us(text: str, columns: dict[str, Any]) -> None:
    found = guessed(text.encode())
    assert {role: found[role] for role in columns} == columns


def test_an_apostrophe_that_marks_a_text_for_a_spreadsheet_is_left_out() -> None:
    assert [it.description for it in read(LONDON)] == [
        "4567 23NOV26 , SHOP , LONDON",
        "'t Hooft , SALARY",
    ]
    text = "Date,Description,Amount,Reference\n2026-11-24,Air,-4.30,'320263280012345678'\n"
    assert read(text)[0].reference == "320263280012345678"
