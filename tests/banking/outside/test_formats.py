"""OFX, QIF, camt.053 and MT940: the same statement in each, and which files are refused."""

import io
from datetime import date
from decimal import Decimal
from io import BytesIO

import mt940
import pytest

from banking.outside.formats.cells import is_figure, read_figure
from banking.outside.formats.lines import (
    OutsideLine,
    UnreadableStatement,
    leading_day,
    opened,
)
from banking.outside.formats.mt940 import details_of
from banking.outside.formats.qif import qif_order
from banking.outside.formats.reading import Measured, format_of, lines_of, measure
from banking.outside.formats.xml import elements
from tests.banking.outside.samples import (
    CAMT,
    MT940,
    OFX1,
    OFX2,
    QIF,
    SAMPLES,
    camt,
    camt_batch,
    camt_entry,
    camt_payment,
    ofx2,
)
from tests.optional import WARNINGS_OF_OFXPARSE, read_ofx

EUR = "EUR"


def read(text: str | bytes) -> list[OutsideLine]:
    body = text.encode() if isinstance(text, str) else text
    source = BytesIO(body)
    return list(lines_of(source, format_of(source), None, Measured().facts))


def measured(text: str | bytes, currency: str = EUR) -> Measured:
    source = BytesIO(text.encode() if isinstance(text, str) else text)
    return measure(source, format_of(source), None, currency)


def refusal_of(text: str | bytes, currency: str = EUR) -> str:
    with pytest.raises(UnreadableStatement) as refused:
        measured(text, currency)
    return str(refused.value)


@pytest.mark.parametrize("name", SAMPLES)
def test_each_format_comes_to_the_same_lines_and_balances(name: str) -> None:
    text = SAMPLES[name]
    assert format_of(BytesIO(text.encode())) == name
    lines = [(line.booked_on, line.amount, line.other, line.description) for line in read(text)]
    coffee = (date(2026, 11, 2), Decimal("-2.80"), "Cafe Anna", "Espresso")
    salary = (date(2026, 11, 1), Decimal("1932.80"), "Muster & Co", "Salary")
    assert lines == [salary, coffee, coffee]
    facts = measured(text).facts
    assert facts.opening == 100
    assert facts.closing == (None if name == "qif" else Decimal("2027.20"))
    assert facts.closing_on == (None if name == "qif" else date(2026, 11, 30))


@pytest.mark.parametrize("name", ["ofx1", "ofx2", "camt053"])
def test_the_banks_own_ids_are_read(name: str) -> None:
    assert [line.outside_id for line in read(SAMPLES[name])] == ["A1", "A2", "A3"]


@pytest.mark.parametrize("name", SAMPLES)
def test_windows_line_ends_and_one_long_line_change_nothing(name: str) -> None:
    text = SAMPLES[name]
    assert [line.amount for line in read(text.replace("\n", "\r\n"))] == [
        line.amount for line in read(text)
    ]
    if name in ("ofx2", "camt053"):
        assert read(text.replace("\n", "")) == read(text)


@pytest.mark.parametrize("text", [OFX1, OFX2])
@pytest.mark.filterwarnings(*WARNINGS_OF_OFXPARSE)
def test_ofx_reads_as_ofxparse_does(text: str) -> None:
    oracle = read_ofx(text.encode()).account.statement
    theirs = [(row.date.date(), row.amount, row.id, row.memo) for row in oracle.transactions]
    ours = [(row.booked_on, row.amount, row.outside_id, row.description) for row in read(text)]
    assert ours == theirs
    assert measured(text).facts.closing == oracle.balance


def test_mt940_reads_as_mt_940_does() -> None:
    oracle = mt940.parse(io.StringIO(MT940))
    theirs = [(row.data["entry_date"], row.data["amount"].amount) for row in oracle]
    assert [(row.booked_on, row.amount) for row in read(MT940)] == theirs


def cut(text: str, share: float) -> str:
    return text[: int(len(text) * share)]


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9, 0.97])
@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_that_was_cut_off_is_refused(name: str, share: float) -> None:
    assert refusal_of(cut(SAMPLES[name], share))


@pytest.mark.parametrize("text", ["Shop", "Bakery"])
def test_two_statements_of_a_day_with_the_same_balances_may_have_other_lines(text: str) -> None:
    def statement(text: str) -> str:
        moved = f":61:2611021102D10,00NTRFNONREF\n:86:{text}\n:61:2611021102C10,00NTRFNONREF\n"
        return f":20:X\n:25:A\n:28C:1\n:60F:C261102EUR5,\n{moved}:62F:C261102EUR5,\n-\n"

    source = BytesIO((statement("Shop") + statement(text)).encode())
    if text == "Shop":
        with pytest.raises(UnreadableStatement, match="twice"):
            measure(source, "mt940", None, "EUR")
    else:
        assert measure(source, "mt940", None, "EUR").count == 4


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_that_is_there_twice_is_refused(name: str) -> None:
    assert refusal_of(SAMPLES[name] * 2)


@pytest.mark.parametrize("name", SAMPLES)
def test_wrong_encodings_and_nul_are_refused(name: str) -> None:
    body = SAMPLES[name].encode()
    for damaged in (
        body.replace(b"Cafe", b"Caf\x00e"),
        body.replace(b"Cafe", b"Caf\xc3\xa9 \xff\x81"),
        body.decode().encode("utf-16"),
        body.decode().encode("utf-16-le"),
    ):
        assert refusal_of(damaged)


@pytest.mark.parametrize("amount", ["1e400", "NaN", "=1+1", "", "9" * 16, "--1", "1,2,3"])
@pytest.mark.parametrize("name", ["ofx1", "ofx2", "qif", "camt053"])
def test_what_is_no_amount_is_refused(name: str, amount: str) -> None:
    text = SAMPLES[name]
    assert refusal_of(text.replace("1932.80", amount).replace("1,932.80", amount))


@pytest.mark.parametrize("amount", ["1e400", "NaN", "=1+1", "1932,80,1"])
def test_what_is_no_amount_is_refused_in_mt940(amount: str) -> None:
    assert refusal_of(MT940.replace("1932,80", amount))


@pytest.mark.parametrize("name", SAMPLES)
def test_formulas_are_refused(name: str) -> None:
    assert "formula" in refusal_of(SAMPLES[name].replace("Espresso", "=1+1"))


@pytest.mark.parametrize("name", ["ofx1", "ofx2", "camt053", "mt940"])
def test_another_currency_is_refused(name: str) -> None:
    assert "EUR" in refusal_of(SAMPLES[name], "USD")


@pytest.mark.parametrize("name", SAMPLES)
def test_a_line_of_ten_megabytes_is_refused(name: str) -> None:
    assert refusal_of(SAMPLES[name].replace("Espresso", "E" * 10_000_000))


ENTITIES = {
    "a file of the server": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
    "a page": '<!DOCTYPE x [<!ENTITY e SYSTEM "http://127.0.0.1:1/">]>',
    "a parameter": '<!DOCTYPE x [<!ENTITY % e SYSTEM "file:///etc/passwd"> %e;]>',
    "a billion laughs": '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY e "&a;&a;&a;&a;&a;&a;&a;">]>',
    "a document type": '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">',
}


@pytest.mark.parametrize("kind", ENTITIES)
@pytest.mark.parametrize("text", [OFX2, CAMT])
def test_entities_and_document_types_are_refused(text: str, kind: str) -> None:
    head, rest = text.split("\n", 1)
    hostile = f"{head}\n{ENTITIES[kind]}\n{rest}".replace("Espresso", "&e;")
    assert "entities" in refusal_of(hostile)


@pytest.mark.parametrize("text", [OFX2, CAMT])
def test_xml_that_nests_without_end_is_refused(text: str) -> None:
    deep = "<a>" * 100_000 + "</a>" * 100_000
    assert "nested too deeply" in refusal_of(text.replace("Espresso", deep))


def test_a_huge_entry_is_refused() -> None:
    many = f"<a>{100_000 * 'b'}</a>" * 30
    assert "too large" in refusal_of(CAMT.replace("Espresso", many))
    assert "too large" in refusal_of(ofx2(f"<STMTTRN>{many}</STMTTRN>"))


def test_xml_of_another_kind_is_refused() -> None:
    assert "different type" in refusal_of("<html><body>5</body></html>")
    assert "no longer XML" in refusal_of("<OFX2")


def test_missing_lines_do_not_lead_to_the_closing_balance() -> None:
    assert "do not add up" in refusal_of(CAMT.replace("1932.80", "1932.81"))
    assert "do not add up" in refusal_of(MT940.replace("1932,80", "1932,81"))
    assert "no payments" in refusal_of(camt("", opening="5.00", closing="5.00"))


def test_a_second_account_is_refused() -> None:
    other = OFX1.replace("</STMTRS>", "</STMTRS><BANKACCTFROM><ACCTID>1</BANKACCTFROM>", 1)
    assert "several accounts" in refusal_of(other)
    assert "several accounts" in refusal_of(MT940 + MT940.replace("202051", "999999"))
    assert "second account" in refusal_of(QIF + QIF)


DAYS = [
    ("13/11/2026", "2/11/2026", date(2026, 11, 2)),
    ("11/13/2026", "11/2/2026", date(2026, 11, 2)),
    ("11/01'26", "11/ 2'26", date(2026, 11, 2)),
    ("2026-11-01", "2026-11-02", date(2026, 11, 2)),
    ("01.11.26", "02.11.26", date(2026, 11, 2)),
    ("05.11.2026", "05.11.2026", date(2026, 11, 5)),
]


@pytest.mark.parametrize(("first", "second", "day"), DAYS)
def test_qif_days_are_read_in_the_order_that_all_can_have(
    first: str, second: str, day: date
) -> None:
    text = f"!Type:Bank\nD{first}\nT1,00\n^\nD{second}\nT1.234,50\n^\n"
    line = read(text)[1]
    assert (line.booked_on, line.amount) == (day, Decimal("1234.50"))


@pytest.mark.parametrize(
    ("figures", "amounts"),
    [
        (("-12.50", "1,500"), ("-12.50", "1500")),
        (("1.500", "-12,50"), ("1500", "-12.50")),
        (("1.500", "2"), ("1500", "2")),
        (("-12.50", "-33.125"), None),
        (("-12.50", "1.500,00"), None),
    ],
)
def test_all_figures_of_qif_have_the_same_mark(
    figures: tuple[str, ...], amounts: tuple[str, ...] | None
) -> None:
    text = "!Type:Bank\n" + "".join(f"D01/13/2026\nT{figure}\n^\n" for figure in figures)
    if amounts is None:
        assert refusal_of(text)
    else:
        assert [line.amount for line in read(text)] == [Decimal(amount) for amount in amounts]


@pytest.mark.parametrize("typed", ["12.50 EUR", "CHF 12.50", "12.50USD", "\u20ac12.50"])
def test_a_currency_beside_a_figure_is_no_part_of_it(typed: str) -> None:
    assert read_figure(1, typed, ".") == Decimal("12.50")


@pytest.mark.parametrize("typed", ["12.50 DEB", "12.50 OUT", "DEB 12.50", "EUR 12.50 OUT"])
def test_other_letters_beside_a_figure_are_refused(typed: str) -> None:
    """They may say that money went out."""
    with pytest.raises(UnreadableStatement):
        read_figure(1, typed, ".")
    assert not is_figure(typed)


@pytest.mark.parametrize("status", ["<Prtry>PDNG</Prtry>", "<Cd>INFO</Cd>", "PDNG"])
def test_an_entry_of_camt_that_is_not_surely_booked_is_left_out_and_counted(status: str) -> None:
    entry = CAMT[CAMT.index("<Ntry>") : CAMT.index("</Ntry>")] + "</Ntry>"
    pending = entry.replace("<Sts>BOOK</Sts>", f"<Sts>{status}</Sts>")
    assert pending != entry
    before, found = measured(CAMT), measured(CAMT.replace(entry, entry + pending, 1))
    assert found.facts.unbooked == before.facts.unbooked + 1
    assert found.count == before.count


@pytest.mark.parametrize(
    ("days", "order", "is_open"),
    [
        (("01/01/2026", "01/02/2026", "01/06/2026"), "mdy", True),
        (("01/02/2026", "02/01/2026"), "mdy", True),
        (("01/01/2026", "02/02/2026"), "mdy", False),
        (("01/02/2026", "01/13/2026"), "mdy", False),
        (("05.01.2026",), "dmy", False),
        (("2026-01-05",), "mdy", False),
    ],
)
def test_days_of_qif_that_can_be_read_in_two_ways(
    days: tuple[str, ...], order: str, is_open: bool
) -> None:
    text = "!Type:Bank\n" + "".join(f"D{day}\nT1.00\n^\n" for day in days)
    assert qif_order(BytesIO(text.encode())) == (order, is_open)


def test_lists_beside_the_payments_of_qif_are_left_out() -> None:
    """Quicken writes its categories and memorized payments into the same file."""
    before = "!Option:AutoSwitch\n!Account\nNSavings\nTBank\n^\n!Clear:AutoSwitch\n"
    before += "!Type:Cat\nNFood\nE\n^\n!Type:Class\nNHome\n^\n"
    after = "!Type:Memorized\nKC\nT-50.00\nPJoe Hayes\n^\n"
    found = [(line.amount, line.other) for line in read(before + QIF + after)]
    assert found == [(line.amount, line.other) for line in read(QIF)]
    assert "end of the last record" in refusal_of(QIF + after.removesuffix("^\n"))


def test_qif_of_shares_is_refused() -> None:
    assert "of the kind" in refusal_of(QIF.replace("Bank", "Invst"))


def test_the_day_of_booking_in_mt940_may_be_in_the_year_beside() -> None:
    text = MT940.replace("2611011101CR", "2612310102CR").replace("2611021102DR", "2701021231DR")
    days = [line.booked_on for line in read(text)]
    assert days == [date(2027, 1, 2), date(2026, 12, 31), date(2026, 12, 31)]


@pytest.mark.parametrize(
    ("value", "booked", "day"),
    [
        ("261122", "0102", date(2027, 1, 2)), ("270210", "1231", date(2026, 12, 31)),
        ("270103", "0301", date(2027, 3, 1)), ("271228", "0229", date(2028, 2, 29)),
    ],
)  # fmt: skip
def test_the_day_of_booking_in_mt940_is_the_nearest(value: str, booked: str, day: date) -> None:
    text = MT940.replace("2611011101CR", f"{value}{booked}CR", 1)
    assert read(text)[0].booked_on == day
    assert "is not a valid date" in refusal_of(text.replace(f"{booked}CR", "0231CR", 1))


def test_a_day_that_the_year_of_mt940_lacks_is_not_read_as_one_of_another_year() -> None:
    assert "is not a valid date" in refusal_of(MT940.replace("2611011101CR", "2503010229CR", 1))


def test_a_character_of_ofx_with_a_number_without_end_is_refused() -> None:
    text = SAMPLES["ofx1"].replace("<NAME>", f"<NAME>&#{'1' * 5000};", 1)
    assert "invalid character" in refusal_of(text)


def test_ends_of_lines_of_each_kind_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the usual kind must not hide those of a Mac."""
    monkeypatch.setattr(f"{LINES}.MAX_RAW_LINES", 1000)
    for ends in ("\r" * 2000 + "\n", "\n" * 2000 + "\r", "\r\n" * 2000):
        assert "more than 1,000 lines" in refusal_of(MT940 + ends)
    measured(MT940 + "\r\n" * 900)


def test_what_banks_write_in_place_of_the_usual_fields() -> None:
    assert measured(CAMT.replace("<Cd>OPBD", "<Cd>PRCD")).facts.opening == 100
    assert "does not show whether" in refusal_of(CAMT.replace('"EUR">2.80', '"EUR">-2.80', 1))
    checked = OFX2.replace("<MEMO>Salary", "<CHECKNUM>1207</CHECKNUM><MEMO>Salary")
    assert read(checked)[0].reference == "1207"
    assert read(QIF.replace("T1,932.80", "U1,932.80")) == read(QIF)


def test_reversals_in_mt940_go_the_other_way() -> None:
    text = MT940.replace("CR1932", "RD1932").replace("DR2,80", "RC2,80")
    assert [line.amount for line in read(text)] == [line.amount for line in read(MT940)]


DETAILS = [
    ("166?20EREF+R1?21SVWZ+Rent November?32Mara?33 Lindt", ("Rent November", "Mara Lindt", "R1")),
    ("/EREF/R1//NAME/Mara Lindt//REMI/Rent", ("Rent/", "Mara Lindt/", "R1/")),
    ("Card payment\nLisbon", ("Card payment Lisbon", "", "")),
]


@pytest.mark.parametrize(("text", "found"), DETAILS)
def test_details_of_mt940(text: str, found: tuple[str, str, str]) -> None:
    assert [part.strip("/") for part in details_of(text)] == [part.strip("/") for part in found]


def test_values_without_ends_below_the_header_of_ofx_2_are_read() -> None:
    head = OFX2[: OFX2.index("<OFX>")]
    assert read(head + OFX1[OFX1.index("<OFX>") :]) == read(OFX1)


@pytest.mark.parametrize("text", [OFX1, OFX2])
def test_an_amount_of_ofx_that_is_not_converted_is_refused(text: str) -> None:
    end = "</STMTTRN>"
    for tag, symbol in (("CURRENCY", "USD"), ("CURRENCY", "EUR"), ("ORIGCURRENCY", "USD")):
        money = f"<{tag}><CURRATE>1.1</CURRATE><CURSYM>{symbol}</CURSYM></{tag}>"
        if text == OFX1:
            money = money.replace("</CURRATE>", "\n").replace("</CURSYM>", "\n")
        with_money = text.replace(end, money + end, 1)
        if (tag, symbol) == ("CURRENCY", "USD"):
            assert refusal_of(with_money).startswith("Line 1 has an amount in USD")
        else:
            assert read(with_money) == read(text)


@pytest.mark.parametrize("text", [OFX1, OFX2])
def test_an_empty_balance_of_ofx_is_none(text: str) -> None:
    facts = measured(text.replace("<BALAMT>2027.20", "<BALAMT>")).facts
    assert (facts.opening, facts.closing) == (None, None)


@pytest.mark.parametrize("text", [OFX1, OFX2])
@pytest.mark.parametrize(("day", "is_taken"), [("20261203", True), ("20261204", False)])
def test_a_balance_of_ofx_of_days_after_the_lines_is_not_theirs(
    text: str, day: str, is_taken: bool
) -> None:
    facts = measured(text.replace("<DTASOF>20261201", f"<DTASOF>{day}")).facts
    assert (facts.opening is not None) == (facts.closing is not None) == is_taken


@pytest.mark.parametrize("text", [OFX1, OFX2])
def test_of_two_balances_of_ofx_neither_is_taken(text: str) -> None:
    """They may be of two months, the newest first."""
    end = text.index("</STMTRS>")
    again = text[text.index("<BANKACCTFROM>") : end]
    facts = measured(f"{text[:end]}</STMTRS><STMTRS>{again}{text[end:]}").facts
    assert (facts.opening, facts.closing) == (None, None)


@pytest.mark.parametrize("figure", ["-2,800", "-2.800", "2,000"])
@pytest.mark.parametrize("text", [OFX1, OFX2])
def test_three_decimals_of_ofx_may_be_thousands(text: str, figure: str) -> None:
    assert "not an amount" in refusal_of(text.replace("-2.80", figure, 1))
    assert "not an amount" in refusal_of(text.replace("<BALAMT>2027.20", f"<BALAMT>{figure}"))
    assert refusal_of(text.replace("EUR", "ABC").replace("-2.80", figure, 1))
    for small in ("-0.800", "1234.560"):  # no thousands
        assert Decimal(small) in [line.amount for line in read(text.replace("-2.80", small, 1))]
    dinars = text.replace("EUR", "KWD").replace("-2.80", figure, 1)
    assert Decimal(figure.replace(",", ".")) in [line.amount for line in read(dinars)]


def test_a_memo_of_qif_may_have_a_second_line() -> None:
    record = "D01/13/2026\nT-6.00\nMRent\nThanks to Tom\n^\n"
    (line,) = read(f"!Type:Bank\n{record}")
    assert line.amount == -6


@pytest.mark.parametrize(
    "records",
    [
        "D01/13/2026\nT-6.00\nPB\nD01/14/2026\nT-7.00\nPC\n^\n",
        "D01/13/2026\nT-6.00\nPB\n!Type:Cat\nNFood\n^\n",
    ],
)
def test_a_record_of_qif_without_its_end_is_refused(records: str) -> None:
    """Else the payment of its first lines, or that of the next ones, would be lost."""
    assert "has no end before line 5" in refusal_of(f"!Type:Bank\n{records}")


def test_a_file_whose_newest_statement_stands_first_begins_with_the_oldest() -> None:
    december = MT940.replace("C261101EUR100,00", "C261201EUR2027,20")
    december = december.replace("C261130EUR2027,20", "C261231EUR3954,40")
    for file in (MT940 + december, december + MT940):
        facts = measured(file).facts
        assert (facts.opening, facts.closing) == (Decimal(100), Decimal("3954.40"))


def test_camt_counts_the_entries_that_are_not_booked() -> None:
    found = measure(BytesIO(CAMT.encode()), "camt053", None, "EUR")
    assert (found.count, found.facts.unbooked) == (3, 1)


def test_camt_with_statements_of_two_accounts_is_refused() -> None:
    begin = CAMT.index("<Stmt>")
    statement = CAMT[begin : CAMT.index("</Stmt>") + len("</Stmt>")]
    other = statement.replace("DE02120300000000202051", "DE02500105170137075030")
    refusal = refusal_of(CAMT.replace(statement, statement + other))
    assert "several accounts" in refusal


def test_an_mt940_statement_that_begins_before_the_one_above_ends_is_refused() -> None:
    first = ":60F:C261101EUR100,00\n"
    assert refusal_of(MT940.replace(first, first + first))


@pytest.mark.parametrize("text", [OFX1, OFX2])
def test_an_investment_account_is_refused_as_its_purchases_are_not_read(text: str) -> None:
    bought = "<BUYSTOCK><INVBUY><INVTRAN><FITID>1</FITID></INVTRAN></INVBUY></BUYSTOCK>"
    assert "investment" in refusal_of(text.replace("</BANKTRANLIST>", f"{bought}</BANKTRANLIST>"))


@pytest.mark.parametrize("end", ["-", "-}", "-XXX", "-}{5:{CHK:123456789ABC}}"])
def test_mt940_ends_as_banks_end_it(end: str) -> None:
    assert read(MT940.replace("\n-}", f"\n{end}")) == read(MT940)


def test_an_account_of_mt940_with_a_space_behind_it_is_the_same_account() -> None:
    again = MT940.replace("C261101EUR100,00", "C261201EUR2027,20")
    again = again.replace("C261130EUR2027,20", "C261231EUR3954,40")
    assert len(read(MT940 + again.replace("0000202051", "0000202051 "))) == 6


@pytest.mark.parametrize("mark", "?>~<^")
def test_the_marks_of_a_structured_text_differ_by_bank(mark: str) -> None:
    text = " 106?00KARTENZAHLUNG?20Espr\nesso?32Cafe Anna".replace("?", mark)
    assert details_of(text) == ("Espresso", "Cafe Anna", "")


def test_a_kind_of_two_letters_is_not_part_of_the_reference() -> None:
    text = MT940.replace("NMSCNONREF//A2", "NOV NONREF")
    assert [line.reference for line in read(text)] == ["", "", ""]


OFX_OF_ONE = """OFXHEADER:100
DATA:OFXSGML

<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>{currency}<BANKTRANLIST>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20261101<TRNAMT>{amount}<FITID>1<NAME>x</STMTTRN></BANKTRANLIST>
<LEDGERBAL><BALAMT>{balance}<DTASOF>20261130</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""
MT940_OF_ONE = (
    ":20:X\n:25:1\n:28C:1/1\n:60F:C261101JPY100,55\n"
    ":61:2611101110C30,NTRFNONREF\n:62F:C261130JPY130,55\n-\n"
)


@pytest.mark.parametrize(
    ("text", "currency", "told"),
    [
        (OFX_OF_ONE.format(currency="JPY", amount=-5, balance="100.55"), "JPY", "decimals"),
        (MT940_OF_ONE, "JPY", "decimals"),
        (
            OFX_OF_ONE.format(currency="EUR", amount="-" + "9" * 15, balance="9" * 15),
            "EUR",
            "too large",
        ),
    ],
    ids=["decimals in OFX", "decimals in MT940", "too large"],
)
def test_a_balance_that_no_account_can_have_is_refused(text: str, currency: str, told: str) -> None:
    source = BytesIO(text.encode())
    with pytest.raises(UnreadableStatement, match=f"balance of the file.*{told}"):
        measure(source, format_of(source), None, currency)


@pytest.mark.parametrize(
    "pages",
    [
        ("60M 150 25 62F 175", "60F 100 50 62M 150"), ("60F 100 50 62M 150", "60M 150 25 62F 175"),
        ("60F 150 25 62F 175", "60F 100 50 62F 150"),
        ("60M 175 0 62F 175", "60F 100 50 62M 150", "60M 150 25 62M 175"),
    ],
)  # fmt: skip
def test_pages_of_one_day_lead_from_one_to_the_other_in_any_order(pages: tuple[str, ...]) -> None:
    text = ""
    for opening, before, moved, closing, after in map(str.split, pages):
        text += f":20:X\n:25:1\n:28C:1\n:{opening}:C261102EUR{before},00\n"
        text += f":61:2611021102C{moved},00NTRFNONREF\n:{closing}:C261102EUR{after},00\n-\n"
    facts = measure(BytesIO(text.encode()), "mt940", None, "EUR").facts
    assert (facts.opening, facts.closing) == (100, 175)


def test_pages_of_one_day_that_come_back_to_a_balance_begin_with_the_first_page() -> None:
    text = "".join(
        f":20:X\n:25:1\n:28C:1\n:{opening}:C261102EUR{before},00\n"
        f":61:2611021102{mark}50,00NTRFNONREF\n:{closing}:C261102EUR{after},00\n-\n"
        for opening, before, mark, closing, after in (
            ("60M", 150, "D", "62F", 100), ("60F", 100, "C", "62M", 150),
        )
    )  # fmt: skip
    facts = measure(BytesIO(text.encode()), "mt940", None, "EUR").facts
    assert (facts.opening, facts.closing) == (100, 100)


@pytest.mark.parametrize(
    ("option", "days", "order"),
    [
        ("!Option:MDY", ("05/06/2026", "06/06/2026"), "mdy"),
        ("!option:dmy", ("05/06/2026", "05/07/2026"), "dmy"),
        ("!Option:MDY", ("13/06/2026", "05/06/2026"), "dmy"),
    ],
)
def test_qif_says_the_order_of_its_days(option: str, days: tuple[str, ...], order: str) -> None:
    records = "".join(f"D{day}\nT1.00\n^\n" for day in days)
    found = qif_order(BytesIO(f"{option}\n!Type:Bank\n{records}".encode()))
    assert (found.order, found.is_open) == (order, False)


@pytest.mark.parametrize("code", ["MARF", "PREF", "EREF", "NONREF"])
def test_a_code_in_place_of_a_reference_is_none(code: str) -> None:
    text = MT940.replace("NTRFNONREF//A1", f"NTRF{code}//A1")
    assert read(text)[0].reference == ""
    assert read(MT940.replace("NTRFNONREF//A1", "NTRFRENT1//A1"))[0].reference == "RENT1"


PIA = camt_payment("100.50", "Pia", "Invoice 17")
MAX = camt_payment("200.00", "Max", "Invoice 18", end_to_end="E2")


def texts_read(entries: str, opening: str, closing: str) -> list[tuple[str, ...]]:
    """The amount, name, text, reference and id of each line, if the lines lead to the balance."""
    text = camt(entries, opening=opening, closing=closing)
    assert measured(text).facts.closing == Decimal(closing)
    return [
        (f"{it.amount:f}", it.other, it.description, it.reference, it.outside_id)
        for it in read(text)
    ]


def test_each_payment_of_a_batch_of_camt_is_a_line() -> None:
    after = camt_entry("2026-11-25", "20.00", "DBIT", "C1", "Bank", "Fee")
    batch = camt_batch("300.50", PIA, MAX, text="Batch")
    assert texts_read(batch + after, "1000", "1280.50") == [
        ("100.50", "Pia", "Invoice 17", "", "B1/1"),
        ("200.00", "Max", "Invoice 18", "E2", "B1/2"),
        ("-20.00", "Bank", "Fee", "", "C1"),
    ]
    text = camt(batch + after, opening="1000", closing="1280.50")
    assert [it.number for it in read(text)] == [1, 2, 3]


@pytest.mark.django_db
def test_a_batch_in_a_currency_that_does_not_exist_is_refused() -> None:
    batch = camt(camt_batch("300.50", PIA, MAX), opening="0", closing="300.50")
    assert "in XYZ" in refusal_of(batch.replace("EUR", "XYZ"))


def test_payments_of_a_batch_out_have_its_sign_and_the_ids_that_differ() -> None:
    paid = [
        f"<Refs><EndToEndId>E{n}</EndToEndId></Refs><AmtDtls><TxAmt><Amt Ccy='EUR'>{n}0</Amt>"
        f"</TxAmt></AmtDtls><RltdPties><Cdtr><Nm>Who {n}</Nm></Cdtr></RltdPties>"
        for n in (1, 2)
    ]
    batch = camt_batch("30", *paid, side="DBIT", text="Salaries")
    assert texts_read(batch, "100", "70") == [
        ("-10", "Who 1", "Salaries", "E1", "B1/E1"), ("-20", "Who 2", "Salaries", "E2", "B1/E2"),
    ]  # fmt: skip
    own = [
        each.replace("<EndToEndId>E", "<AcctSvcrRef>OWN</AcctSvcrRef><EndToEndId>E")
        for each in paid
    ]
    assert [it[4] for it in texts_read(camt_batch("30", *own, side="DBIT"), "100", "70")] == [
        "B1/E1", "B1/E2",
    ]  # fmt: skip
    own = [each.replace("OWN", f"OWN{n}") for n, each in enumerate(own)]
    assert [it[4] for it in texts_read(camt_batch("30", *own, side="DBIT"), "100", "70")] == [
        "OWN0", "OWN1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [
        MAX.replace("200.00", "199.00"), MAX.replace("'EUR'", "'CHF'"),
        MAX.replace("<Amt Ccy='EUR'>200.00</Amt>", ""), MAX.replace("200.00", "x"),
        MAX.replace("200.00", "199.995") + "</TxDtls><TxDtls>" + PIA.replace("100.50", "0.005"),
    ],
)  # fmt: skip
def test_a_batch_whose_payments_do_not_come_to_its_amount_is_one_line(other: str) -> None:
    for text, told in (("Batch", "Batch"), ("", f"{2 + other.count('</TxDtls>')} payments")):
        batch = camt_batch("300.50", PIA, other, text=text)
        assert texts_read(batch, "0", "300.50") == [("300.50", "", told, "", "B1")]


@pytest.mark.parametrize("id", ["7", "NONREF", ""])
def test_what_is_no_id_of_a_batch_makes_none_of_its_payments(id: str) -> None:
    ids = {it[4] for it in texts_read(camt_batch("300.50", PIA, MAX, id=id), "0", "300.50")}
    assert ids == ({"7"} if id == "7" else {""})


LINES = "banking.outside.formats.lines"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_has_up_to_so_many_lines(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("banking.outside.formats.reading.MAX_LINES", 3)
    assert measured(SAMPLES[name]).count == 3
    monkeypatch.setattr("banking.outside.formats.reading.MAX_LINES", 2)
    assert "more than 2 lines" in refusal_of(SAMPLES[name])


# What is no line, and the text that it stands before.
NO_LINES = {
    "ofx1": ("</OFX>", "<LEDGERBAL><BALAMT>1</LEDGERBAL>"),
    "ofx2": ("</OFX>", "<LEDGERBAL><BALAMT>1</BALAMT></LEDGERBAL>"),
    "qif": ("D11/01'26", "D11/01'26\nPOpening Balance\nT1.00\n^\n"),
    "camt053": ("</Stmt>", "<Ntry><Sts>PDNG</Sts></Ntry>"),
    "mt940": (":25:", ":21:X\n"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_has_up_to_so_many_parts_that_are_no_line(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, part = NO_LINES[name]
    assert before in SAMPLES[name]
    text = SAMPLES[name].replace(before, part * 40 + before, 1)
    if name != "qif":  # which has its opening balance once
        measured(text)
    monkeypatch.setattr(f"{LINES}.MAX_PARTS", 30)
    measured(SAMPLES[name])
    assert "more than 30 lines" in refusal_of(text)


@pytest.mark.parametrize("name", ["ofx1", "qif", "mt940"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_text_has_up_to_so_many_lines_that_say_nothing(
    name: str, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SAMPLES[name]
    monkeypatch.setattr(f"{LINES}.MAX_RAW_LINES", text.count("\n") + 50)
    measured(text + "\n" * 50)
    assert f"more than {text.count(chr(10)) + 50} lines" in refusal_of(
        (text + "\n" * 60).replace("\n", end)
    )


@pytest.mark.parametrize(
    ("name", "before", "part"), [("ofx1", "<TRNAMT>", "<A{}>b"), ("qif", "T-", "{}b\n")]
)
def test_a_payment_has_up_to_so_many_values(name: str, before: str, part: str) -> None:
    many = (part.format(chr(0x4E00 + n) if name == "qif" else n) for n in range(201))
    text = SAMPLES[name].replace(before, "".join(many) + before, 1)
    assert "kinds of" in refusal_of(text)


def test_no_name_of_xml_has_its_namespace_written_out() -> None:
    """Else a file of 140 KB takes 2 GB: a copy of the namespace for each name."""
    namespace = "u" * 1000
    text = f"<x:Document xmlns:x='{namespace}'><x:Ntry x:a='1' x:b='2'/></x:Document>"
    found = elements(io.BytesIO(text.encode()), frozenset({"Ntry"}), 1_000)
    assert [(name, entry.tag, *entry.attrib) for name, entry in found] == [
        ("root Document", "x:Document", "xmlns:x"),
        ("Ntry", "x:Ntry", "x:a", "x:b"),
    ]


@pytest.mark.parametrize(("name", "place"), [("ofx2", "<STMTTRN>"), ("camt053", "<Ntry>")])
def test_xml_has_up_to_so_many_elements(
    name: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also empty ones, within an entry."""
    text = SAMPLES[name]
    monkeypatch.setattr("banking.outside.formats.xml.MAX_TAGS", text.count("<"))
    measured(text)
    assert "elements" in refusal_of(text.replace(place, place + "<A/>" * text.count("<"), 1))


def test_ofx_has_up_to_so_many_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    text = SAMPLES["ofx1"]
    monkeypatch.setattr("banking.outside.formats.ofx.MAX_TAGS", text.count("<"))
    measured(text)
    assert "tags" in refusal_of(text.replace("<STMTTRN>", "<A>" * 9 + "<STMTTRN>", 1))


def test_a_field_of_many_empty_lines_does_not_end() -> None:
    text = MT940.replace(":28C:", "\n" * 30_000 + ":28C:", 1)
    assert "The end of the field that begins in line" in refusal_of(text)


def test_a_file_has_up_to_so_many_statements_also_empty_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    empty = ":60F:C261101EUR100,00\n:62F:C261101EUR100,00\n"
    text = MT940.replace(":60F:", empty * 2 + ":60F:", 1)
    start = CAMT.index("<Stmt>")
    nothing = "<Stmt><Acct><Id><IBAN>DE02120300000000202051</IBAN></Id></Acct></Stmt>"
    camt_text = CAMT[:start] + nothing * 2 + CAMT[start:]
    for each in (text, camt_text):
        monkeypatch.setattr(f"{LINES}.MAX_STATEMENTS", 3)
        assert measured(each).count == 3
        monkeypatch.setattr(f"{LINES}.MAX_STATEMENTS", 2)
        assert "more than 2 statements" in refusal_of(each)


def test_a_reader_that_was_left_in_the_middle_ends_after_its_file() -> None:
    source = BytesIO(SAMPLES["qif"].encode())
    with opened(source) as text:
        assert text.readline()
        source.close()


STRUCTURED = (
    "<Strd><CdtrRefInf><Ref>{}</Ref></CdtrRefInf><AddtlRmtInf>Invoice 17</AddtlRmtInf></Strd>"
)


@pytest.mark.parametrize("end_to_end", ["NOTPROVIDED", "E2E-7"])
@pytest.mark.parametrize("reference", ["210000000003139471430009017", "RF18539007547034"])
def test_a_structured_reference_of_camt_is_the_lines(reference: str, end_to_end: str) -> None:
    entry = camt_entry("2026-11-02", "5.00", "CRDT", "A1", "Pia", "").replace(
        "<Ustrd></Ustrd>", STRUCTURED.format(reference)
    )
    (line,) = read(camt(entry.replace("NOTPROVIDED", end_to_end), opening="0", closing="5"))
    assert (line.reference, line.description) == (reference, "Invoice 17")


def test_of_several_structured_references_of_camt_none_is_the_lines() -> None:
    both = "".join(STRUCTURED.format(reference) for reference in ("RF1", "RF2"))
    entry = camt_entry("2026-11-02", "5.00", "CRDT", "A1", "Pia", "").replace(
        "<Ustrd></Ustrd>", f"<Ustrd>Thanks</Ustrd>{both}"
    )
    (line,) = read(camt(entry.replace("NOTPROVIDED", "E7"), opening="0", closing="5"))
    assert (line.reference, line.description) == ("E7", "Thanks RF1 Invoice 17 RF2 Invoice 17")


def test_money_out_keeps_our_id_and_has_the_creditors_reference_in_its_text() -> None:
    entry = camt_entry("2026-11-02", "5.00", "DBIT", "A1", "Pia", "").replace(
        "<Ustrd></Ustrd>", STRUCTURED.format("RF18539007547034")
    )
    for id, expected in (
        ("OURS-7", ("OURS-7", "RF18539007547034 Invoice 17")),
        ("NOTPROVIDED", ("RF18539007547034", "Invoice 17")),
    ):
        (line,) = read(camt(entry.replace("NOTPROVIDED", id), opening="5", closing="0"))
        assert (line.reference, line.description) == expected


@pytest.mark.parametrize("element", ["<a/>", '<a b=""/>'])
def test_one_entry_of_xml_with_far_too_many_elements_is_refused(element: str) -> None:
    """Each takes memory until the entry ends."""
    payment = "<DTPOSTED>20261103</DTPOSTED><TRNAMT>1.00</TRNAMT><FITID>1</FITID>"
    ofx = (
        '<?xml version="1.0"?><?OFX OFXHEADER="200" ?><OFX><BANKTRANLIST>'
        f"<STMTTRN>{payment}{element * 1_000}</STMTTRN></BANKTRANLIST></OFX>"
    )
    camt = (
        '<?xml version="1.0"?><Document><BkToCstmrStmt><Stmt>'
        f"<Ntry>{element * 61_000}</Ntry></Stmt></BkToCstmrStmt></Document>"
    )
    for text in (ofx, camt):
        assert "elements" in refusal_of(text)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("930105", date(1993, 1, 5)),
        ("691231", date(2069, 12, 31)),
        ("19930105", date(1993, 1, 5)),
        ("2026-11-30T10:00", date(2026, 11, 30)),
        ("notday", None),
    ],
)
def test_the_day_of_a_balance_is_in_the_century_of_its_movements(
    text: str, day: date | None
) -> None:
    assert leading_day(text) == day
