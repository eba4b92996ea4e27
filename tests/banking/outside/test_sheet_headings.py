"""Columns of CSV files of other banks: what each means, by its name and its values."""

from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest

from banking.outside.formats.lines import StatementFacts, UnreadableStatement
from banking.outside.formats.sheet import sheet_of
from banking.outside.formats.sheet_lines import sheet_lines
from tests.banking.outside.files import LONDON, guessed, read, refusal_of


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
    assert f"Line 4: \u201c{word}\u201d does not show" in refusal_of(
        f"{text}2026-11-04,A,3.00,{word}\n"
    )
    signed = text.replace("900", "-900")
    assert [line.amount for line in read(f"{signed}2026-11-04,A,-3.00,{word}\n")] == [-900, 5, -3]


def test_another_side_is_refused_by_its_value() -> None:
    text = "Datum;Umsatz;Soll/Haben\n" + "02.11.2026;8,00;S\n" * 20 + "03.11.2026;5,00;X\n"
    assert "Line 22: “X” does not show whether money came in" in refusal_of(text)


@pytest.mark.parametrize("name", ["Original currency", "Foreign Currency"])
def test_the_currency_of_an_amount_abroad_is_not_that_of_the_line(name: str) -> None:
    assert len(read(f"Date,Amount,{name}\n2026-11-02,5,GBP\n2026-11-03,5,USD\n")) == 2


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


def test_a_value_date_under_the_word_valuta_is_no_currency() -> None:
    assert guessed(b"Datum;Valuta;Betrag\n02.11.2026;03.11.2026;5,00\n")["currency"] is None


UNKNOWN = "Statement of Ana\n\nTrx Day,Who else,How much,Cur\n"


ROWS = "11/02/2026,Bus,-5.00,EUR\n11/13/2026,Pay,20.00,EUR\n"


def test_columns_under_unknown_names_are_guessed_by_their_values() -> None:
    body = (UNKNOWN + ROWS).encode()
    assert sheet_of(BytesIO(body), allow_unknown=True).names == (
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


def test_a_value_date_without_marks_is_no_amount() -> None:
    (line,) = read("Date,Value date,Amount\n2026-01-05,20260105,-5.00\n")
    assert line.amount == -5


def test_a_sum_below_a_table_with_unknown_names_does_not_hide_its_columns() -> None:
    found = guessed((UNKNOWN + ROWS + "Sum,,15.00,\n").encode())
    assert [found[role] for role in ("date", "amount", "currency")] == [0, 2, 3]


def test_a_file_without_a_heading_has_numbered_columns() -> None:
    for above in ("", "Statement of Ana\n"):
        sheet = sheet_of(BytesIO((above + ROWS).encode()), allow_unknown=True)
        assert (sheet.names[0], len(sheet.names), sheet.is_named) == ("column 1", 4, False)
        assert [(line.amount, line.description) for line in read(above + ROWS)] == [
            (-5, "Bus"), (20, "Pay"),
        ]  # fmt: skip


def test_no_line_with_a_day_is_taken_for_a_heading() -> None:
    text = "11/01/2026,Cash,n/a,EUR\n" + ROWS
    sheet = sheet_of(BytesIO(text.encode()), allow_unknown=True)
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
    with pytest.raises(UnreadableStatement, match="No line contains the names"):
        sheet_of(BytesIO(text.encode()))
    with pytest.raises(UnreadableStatement, match="No line contains the names"):
        sheet_of(BytesIO(text.encode()), allow_unknown=True)


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
