"""Cells of CSV files of other banks: encodings, figures, days and words for what is not booked."""

import re
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest

from banking.outside.formats.cells import day_order, is_unbooked, read_day, read_figure
from banking.outside.formats.csv_columns import guess
from banking.outside.formats.lines import UnreadableStatement
from banking.outside.formats.reading import format_of, measure
from banking.outside.formats.sheet import sheet_of
from tests.banking.outside.files import GERMAN, LONDON, guessed, read, refusal_of


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
        "12\u20ac50",
        "20$00",
        "1 \u20ac500",
    ],
)
def test_what_is_no_figure_is_refused(typed: str) -> None:
    for mark in ".,":
        with pytest.raises(UnreadableStatement):
            read_figure(1, typed, mark)


NO_THOUSANDS = [
    ("0.500", ","), ("0,500", "."), ("00.123", ","), ("00,123", "."), ("012.500", ","),
    ("012,500", "."), ("0'500", "."), ("0 500,00", ","), ("-0.500", ","), ("(0,500)", "."),
    ("0.500,25", ","), ("0,500.25", "."), ("0,50,000.00", "."), ("1.50", ","), ("1.5000", ","),
    ("1234.500", ","), ("1234,500", "."), (".500", ","), ("1.500.00", ","), ("1.000 000,00", ","),
    ("1,000'000", "."),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "mark"), NO_THOUSANDS)
def test_a_group_that_thousands_cannot_have_is_refused(typed: str, mark: str) -> None:
    """ "0.500" is a half, whatever mark the other figures of the file have."""
    with pytest.raises(UnreadableStatement):
        read_figure(1, typed, mark)


@pytest.mark.parametrize(
    "figures", [("12,50", "0.500"), ("12.50", "0,500"), ("0.500", "12,50"), ("12,50", "012.500")]
)
def test_a_file_with_both_marks_of_decimals_is_refused(figures: tuple[str, ...]) -> None:
    rows = "".join(f"2026-11-02;{figure};Coffee\n" for figure in figures)
    with pytest.raises(UnreadableStatement):
        read(f"Date;Amount;Text\n{rows}")


@pytest.mark.parametrize("typed", ["0.500", "0,500", "012.500", "00,500"])
def test_a_figure_with_a_leading_zero_tells_the_mark_of_decimals(typed: str) -> None:
    (line,) = read(f"Date;Amount;Text\n2026-11-02;{typed};Coffee\n")
    assert line.amount == Decimal(typed.replace(",", "."))


DAYS = [
    ("30.11.2026", "dmy"), ("11/30/2026", "mdy"), ("2026-11-30", "dmy"), ("20261130", "dmy"),
    ("30.11.26", "dmy"), ("30 Nov 2026", "mdy"), ("Nov 30, 2026", "dmy"),
    ("2026-11-30T10:00:00Z", "mdy"), ("30/11/2026 10:00", "dmy"), ("30-November-2026", "dmy"),
    ("30 novembre 2026", "dmy"), ("30 Novem 2026", "dmy"),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "order"), DAYS)
def test_a_day_is_read_as_banks_write_it(typed: str, order: str) -> None:
    assert read_day(1, typed, order) == date(2026, 11, 30)


@pytest.mark.parametrize(
    "typed",
    [
        "", "31.02.2026", "1.1.0001", "soon", "9999-12-31", "0/0/0",
        "5 marras 2026", "6. Marraskuu 2026", "1 janitor 2026",  # the first two are in November
    ],
)  # fmt: skip
def test_what_is_no_day_is_refused(typed: str) -> None:
    with pytest.raises(UnreadableStatement):
        read_day(1, typed, "dmy")


@pytest.mark.parametrize(
    ("mark", "typed", "taken"),
    [
        (".", "1.234", "a point before the decimals. Check whether the file has a comma there"),
        (",", "1,234", "a comma before the decimals"),
    ],
)
def test_too_many_decimals_point_to_the_mark_before_them(mark: str, typed: str, taken: str) -> None:
    body = f'Date,Amount\n2026-11-02,"{typed}"\n'.encode()
    mapping = guessed(body) | {"decimal": mark}
    with pytest.raises(UnreadableStatement, match=f"the amounts with {re.escape(taken)}"):
        measure(BytesIO(body), "csv", mapping, "EUR")


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


@pytest.mark.parametrize(
    ("days", "order"),
    [
        (["01.02.2025", "12.31.2025"], "mdy"),
        (["12.31.2025", "01.02.2025"], "mdy"),
        (["01.02.25", "12.31.25"], "mdy"),
        (["01.02.2025", "31.12.2025"], "dmy"),
        (["01.02.2025", "02.03.2025"], "dmy"),
        (["12.31.2025", "31.12.2025"], "dmy"),
        (["01.02.2025", "31.12.2025", "2026-01-01"], "dmy"),
    ],
)
def test_the_month_comes_first_with_dots_if_more_can_be_days_so(
    days: list[str], order: str
) -> None:
    assert day_order(days) == (order, (order,))


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


def test_a_status_is_read_up_to_so_many_characters() -> None:
    assert is_unbooked(f"{'x ' * 90}pending")
    assert not is_unbooked(f"{'x ' * 100}pending")


def test_an_apostrophe_that_marks_a_text_for_a_spreadsheet_is_left_out() -> None:
    assert [it.description for it in read(LONDON)] == [
        "4567 23NOV26 , SHOP , LONDON",
        "'t Hooft , SALARY",
    ]
    text = "Date,Description,Amount,Reference\n2026-11-24,Air,-4.30,'320263280012345678'\n"
    assert read(text)[0].reference == "320263280012345678"
