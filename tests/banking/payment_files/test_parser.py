"""What a file of payments may look like, and what is said about one that does not."""

import io
import tempfile

import pytest

from banking.payment_files import parser
from banking.payment_files.parser import EXAMPLE, UnreadableFile, measure, rows_of
from tests.banking.payment_files.files import HEADING, csv_of

LINE = "482109375557,950.00,Rent,R-11"


def rows(content: bytes) -> list[tuple[int, str, str, str, str]]:
    found = rows_of(io.BytesIO(content))
    return [(row.number, row.to, row.amount, row.description, row.reference) for row in found]


def fault(content: bytes) -> str:
    with pytest.raises(UnreadableFile) as refused:
        measure(io.BytesIO(content))
    return str(refused.value)


READ = [(2, "482109375557", "950.00", "Rent", "R-11")]


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADING}\r\n{LINE}\r\n",
        f"{HEADING}\n{LINE}",
        f"\ufeff{HEADING}\r\n{LINE}\r\n",
        f"{HEADING}\n{LINE}\n".replace(",", ";"),
        f" To , AMOUNT ,Description,reference,\n{LINE},\n",
        "reference,description,amount,to\nR-11,Rent,950.00,482109375557\n",
        f"{HEADING}\n 482109375557 , 950.00 ,\u202eRent\u202c , R-11\n",
    ],
    ids=["crlf", "lf", "bom", "semicolons", "spaces and case", "other order", "odd characters"],
)
def test_the_same_payment_however_it_was_saved(content: str) -> None:
    assert rows(content.encode()) == READ


def test_quotes_hold_commas_quotes_and_line_breaks() -> None:
    content = f'{HEADING}\n4821,"1,240.50","The ""old""\r\nhouse",\n'.encode()
    assert rows(content) == [(2, "4821", "1,240.50", 'The "old" house', "")]


def test_description_and_reference_may_be_left_out_whole_or_in_a_line() -> None:
    assert rows(b"to,amount\n4821,5\n") == [(2, "4821", "5", "", "")]
    assert rows(f"{HEADING}\n4821,5\n".encode()) == [(2, "4821", "5", "", "")]


def test_lines_are_numbered_as_spreadsheets_number_them() -> None:
    content = f"{HEADING}\n\n{LINE}\n,,,\n{LINE}\n".encode()
    assert [number for number, *_ in rows(content)] == [3, 5]


def test_the_example_is_a_file_that_can_be_read() -> None:
    assert [row[2] for row in rows(EXAMPLE.encode())] == ["950.00", "1,240.50"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "The file is empty."),
        (b"\xef\xbb\xbf \r\n", "The file is empty."),
        (HEADING.encode(), "The file has a heading, but no payments below it."),
        (LINE.encode(), "The first line does not name the columns. Begin the file with to,name,"),
        (b"to,amount,iban\n1,2,3\n", "The heading has the column \u201ciban\u201d, which payments"),
        (b"to,,amount\n1,2,3\n", "The heading has a column without a name"),
        (
            b"to,amount,To\n1,2,3\n",
            "The heading has the column \u201cto\u201d twice. Keep only one of these columns.",
        ),
        (b"to,description\n1,2\n", "The heading has no column \u201camount\u201d."),
        ("to,amount\n1,2\nÜ,3\n".encode("latin-1"), "In one of the first lines"),
        (f"{HEADING}\n{LINE}".encode("utf-16"), "This is not UTF-8 text."),
        (b"PK\x03\x04rest of a spreadsheet", "This is a spreadsheet."),
        (f'{HEADING}\n{LINE}\n4821,"5\n'.encode(), "From line 3 on, a quote is opened"),
        (f'{HEADING}\n4821,"5"5\n'.encode(), "In line 2, there is text after a closing quote."),
    ],
)
def test_a_file_that_cannot_be_read_is_answered_in_a_sentence(content: bytes, says: str) -> None:
    assert fault(content).startswith(says)


def test_too_many_lines_and_too_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "MAX_LINES", 2)
    assert measure(csv_of(LINE, LINE))[1] == 2
    assert fault(csv_of(LINE, LINE, LINE).read()).startswith("The file has more than 2")
    monkeypatch.setattr(parser, "MAX_BYTES", 10)
    assert "split" in fault(csv_of(LINE).read()).lower()


def test_a_payment_has_up_to_so_many_characters_also_over_many_lines() -> None:
    line = '4821,"' + ("\u0101" * 99 + "\n") * 199 + '"'
    assert measure(csv_of(line))[1] == 1
    assert "characters" in fault(csv_of(line.replace("\n", "\n" * 9)).read())


def test_a_file_has_up_to_so_many_lines_that_are_no_payment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parser, "MAX_RAW_LINES", 9)
    assert measure(csv_of(LINE, *[""] * 6, LINE))[1] == 2
    assert "empty" in fault(csv_of(LINE, *[""] * 7, LINE).read())
    assert "empty" in fault(csv_of(LINE, *[""] * 9, LINE).read())


def test_the_digest_knows_the_lines_again_and_nothing_else() -> None:
    def digest(content: str) -> str:
        return measure(io.BytesIO(content.encode()))[0]

    first = digest(f"{HEADING}\n{LINE}\n")
    assert digest(f"\ufeff{HEADING}\r\n\r\n{LINE}\r\n".replace(",", ";")) == first
    assert digest(f"{HEADING}\n{LINE}\n{LINE}\n") != first
    assert digest(f"{HEADING}\n{LINE.replace('950', '951')}\n") != first


def test_the_file_stays_open_for_a_second_reading() -> None:
    with tempfile.TemporaryFile() as source:
        source.write(EXAMPLE.encode())
        measure(source)
        assert len(list(rows_of(source))) == 2
