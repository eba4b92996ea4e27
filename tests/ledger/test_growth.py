"""What reads texts of others takes at most twelve times as long for ten times the length."""

import io
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from importlib import import_module
from inspect import isfunction, signature
from itertools import cycle, islice
from pkgutil import walk_packages

import pytest
from django.core.exceptions import ValidationError
from rest_framework.exceptions import ParseError

import banking.outside.formats
import ledger.text
from accounts.exceptions import LedgerError
from accounts.numbers import clean_account_number
from api import parsing
from banking.outside.formats import cells, qif, reading
from banking.outside.formats.csv_columns import guess_of_file
from banking.outside.formats.lines import StatementFacts, UnreadableStatement
from banking.outside.formats.sheet import sheet_of
from banking.outside.models import OutsideImport
from banking.payment_files import parser as payment_files
from banking.statement_files.formats import fonts, pdf
from banking.statement_files.formats.fonts import PLAIN
from banking.statement_files.formats.texts import swift
from ledger.db.queries.plan_tree import tree_of
from ledger.templatetags import code
from ledger.web import error_text
from tests.growth import LONG, MOST, times_as_long
from transactions.annotations.services import tidy_tag, tidy_text
from transactions.search.language.parser import parse

LONGEST_LINE = 2_000  # bytes, more than a description may have
REFUSALS = (
    LedgerError, UnreadableStatement, payment_files.UnreadableFile, ParseError, ValidationError,
    ValueError, KeyError,
)  # fmt: skip
INVISIBLE = "".join(map(chr, [*range(1, 9), *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0xAD]))
# What a text repeats: each has broken some reader of texts, here or elsewhere.
PARTS = (
    "a", " ", "\t", "\n", "\r\n", "0", "1,", "-", "+", ".", "a ", "a b", '"', "'", "\\", "(", "[[",
    "{", "<", "<a>", "</a", "&", "%25", "%", "=", ";", ":", "/", "^\n", "!", "!type: ", "meta.a:",
    "\u202ea", INVISIBLE, f"{INVISIBLE}\n", "e\u0301", "\u0301", "\u0430a ", "\U0001d41a", "\u2800",
    "1.", "12/11/", "EUR ", "or ", "-(", "D12/11\nT-1\n^\n", ":61:", '"a",', "2026-11-05,1.50,a\n",
    "\u0344\u0334", "\u0f73", "eyJ-", "eyJaaaaaaaa.", "a:aaaa:", "/key/a", "ledger_aaaaaaaa_",
)  # fmt: skip


def read_statement(format: str, text: str) -> None:
    for _ in reading.lines_of(io.BytesIO(text.encode()), format, None, StatementFacts()):
        pass


def read_table(text: str) -> None:
    """As a file of comma-separated values whose columns somebody accepts as they are guessed."""
    source = io.BytesIO(text.encode())
    sheet = sheet_of(source, allow_unknown=True)
    for _ in reading.lines_of(source, "csv", guess_of_file(source, sheet), StatementFacts()):
        pass


def functions_of_one_text() -> dict[str, Callable[[str], object]]:
    """Finds the public functions for texts of others that need nothing but a text."""
    found = dict[str, Callable[[str], object]]()
    for package in (ledger.text, banking.outside.formats):
        for each in walk_packages(package.__path__, f"{package.__name__}."):
            module = import_module(each.name)
            for name, function in vars(module).items():
                own = isfunction(function) and function.__module__ == module.__name__
                if own and not name.startswith("_") and takes_one_text(function):
                    found[f"{each.name.rpartition('.')[2]}.{name}"] = function
    return found


def takes_one_text(function: Callable[..., object]) -> bool:
    needed = [
        each.annotation for each in signature(function).parameters.values()
        if each.default is each.empty
    ]  # fmt: skip
    return needed in ([str], [str | None])


# These take quadratic time; what they are given is limited, or the bank's own.
SHORT_ONLY = {
    "fuzzy.folded": "names and search words, which fields and URLs limit",
    "lines.composed": "texts with a limited number of accents on a letter",
    "sql_layout.lay_out": "statements of the bank and of one line of the explorer",
}
READERS: dict[str, Callable[[str], object]] = {
    **{name: run for name, run in functions_of_one_text().items() if name not in SHORT_ONLY},
    "tidy_text": tidy_text,
    "tidy_tag": tidy_tag,
    "account number": clean_account_number,
    "letters of SWIFT": swift,
    "search": parse,
    "query plan": tree_of,
    "line of a log": error_text.without_secrets,
    "figure of a statement": lambda text: cells.read_figure(1, text, "."),
    "day of a statement": lambda text: cells.read_day(1, text, "dmy"),
    "table of a statement": lambda text: sheet_of(io.BytesIO(text.encode()), allow_unknown=True),
    "statement in csv": read_table,
    "kind of QIF's records": qif._kind_of,
    "mark of decimals": lambda text: cells.decimal_of([text]),
    "JSON": parsing.loads,
    "payment file": lambda text: payment_files.measure(io.BytesIO(text.encode())),
    **{
        f"statement in {format}": partial(read_statement, format)
        for format in OutsideImport.Format.values if format != OutsideImport.Format.CSV
    },
}  # fmt: skip


# What stands before and behind a repeated part.
AROUND = {
    "": (".", "1"), "1": ("$", ""), "%": ("25", "41"), "%3": ("%3", "5"), "!type:a": (" ", "x"),
    "!Type:Bank\nD12/11\nP": (INVISIBLE, "\n^\n"),
    ":20:x\n:86:": ("?2", "\n"), "Date;Amount\n12.11.2026;1": (" ", "x\n"),
    '{"a": "': ("\\u0041", '"}'), "to,amount\n": (";", "\n"),
    "  ->  a": ("  (cost=0.0..1.0 rows=1 width=1)", "."),
    "  ->  a  (cost=": (".", " rows=1 width=1)"),
    "  ->  a  (cost=0.0..1.0 rows=1 width=1) (actual time=": (".", " rows=1 loops=1)"),
    "Date,Amount,Text\n": ("2026-11-05,1.50,a\n", ""),
}  # fmt: skip


DETAILS = '<NtryDtls><TxDtls><Amt Ccy="EUR">0.01</Amt></TxDtls></NtryDtls>'
STRUCTURED = "<Strd><CdtrRefInf><Ref>RF18</Ref></CdtrRefInf><AddtlRmtInf>a</AddtlRmtInf></Strd>"
PAID = "<STMTTRN><DTPOSTED>20260102</DTPOSTED><TRNAMT>1</TRNAMT></STMTTRN>"
# Documents in which two parts are repeated, each with each: what reads one part for each of the
# other takes quadratic time.
DOCUMENTS = {
    "camt053": (
        (
            "<Document><Acct><Id><IBAN>DE1</IBAN></Id></Acct><Ntry><BookgDt><Dt>2026-01-02</Dt>"
            '</BookgDt><Amt Ccy="EUR">{sum}</Amt>'
        ),
        ("<a/>", "<NtryDtls/>", DETAILS, "<NtryDtls><TxDtls/><TxDtls/></NtryDtls>"),
        "<CdtDbtInd>CRDT</CdtDbtInd></Ntry></Document>",
    ),
    "camt053, one payment": (
        (
            '<Document><Ntry><BookgDt><Dt>2026-01-02</Dt></BookgDt><Amt Ccy="EUR">1</Amt>'
            "<CdtDbtInd>CRDT</CdtDbtInd><NtryDtls><TxDtls><RmtInf>"
        ),
        ("<a/>", "<Strd/>", "<Ustrd>a</Ustrd>", STRUCTURED),
        "</RmtInf></TxDtls></NtryDtls></Ntry></Document>",
    ),
    "ofx2": (
        "<OFX><BANKTRANLIST>",
        ("<a/>", "<STMTTRN><a/></STMTTRN>", PAID, "<NAME>a</NAME>", "<LEDGERBAL/>"),
        "</BANKTRANLIST></OFX>",
    ),
    "mt940": (
        ":20:a\n:25:1\n:60F:C260101EUR0,\n",
        (":61:2601020102C1,NTRFNONREF\n", ":86:a\n", "?20a\n", "a\n", ":62F:C260101EUR0,\n"),
        "-\n",
    ),
}


def of_length(part: str, begin: str = "", end: str = "") -> Callable[[int], str]:
    """Returns a function of a number of bytes, which repeats the part in about so many."""
    each = len(part.encode()) / len(part)
    return lambda length: f"{begin}{''.join(islice(cycle(part), int(length / each)))}{end}"


def test_readers_are_found_by_what_they_take() -> None:
    found = functions_of_one_text().keys()
    assert {"lines.tidy_line", "csv_cells.guarded", "cells.is_day", *SHORT_ONLY} <= found


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_of_texts_takes_linear_time(reader: str) -> None:
    def run(text: str) -> None:
        with suppress(*REFUSALS):
            found = READERS[reader](text)
            deque(found if isinstance(found, Iterator) else (), maxlen=0)  # reads all of it

    texts = {part: of_length(part) for part in PARTS}
    texts |= {begin: of_length(part, begin, end) for begin, (part, end) in AROUND.items()}
    times = {name: times_as_long(run, text) for name, text in texts.items()}
    assert {name: found for name, found in times.items() if found > MOST} == {}


@pytest.mark.parametrize("language", code.LEXERS)
def test_code_is_coloured_in_linear_time(language: str) -> None:
    parts = ("a.", "1.", "0x", "$a$", "(", "'", "/*", '{"a":')
    lines = {part: (part * code.LONGEST_LINE)[: code.LONGEST_LINE - 30] for part in parts}
    texts = {part: of_length(f"{line}\n") for part, line in lines.items()}
    times = {
        name: times_as_long(lambda text: code.highlight(text, language), text, code.LONGEST)
        for name, text in texts.items()
    }
    assert {name: found for name, found in times.items() if found > MOST} == {}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_reader_of_statements_reads_no_part_for_each_other_one(document: str) -> None:
    begin, parts, end = DOCUMENTS[document]
    read = partial(read_statement, document.partition(",")[0])

    def run(text: str) -> None:
        with suppress(*REFUSALS):
            read(text)

    def of(one: str, other: str) -> Callable[[int], str]:
        def text(length: int) -> str:
            times, others = length // 2 // len(one), length // 2 // len(other)
            payments = times * (one == DETAILS) + others * (other == DETAILS)
            whole = f"{begin}{one * times}{other * others}{end}"
            return whole.replace("{sum}", f"{payments / 100:.2f}")

        return text

    pairs = {(one, other): of(one, other) for one in parts for other in parts}
    times = {pair: times_as_long(run, text) for pair, text in pairs.items()}
    assert {pair: found for pair, found in times.items() if found > MOST} == {}


@pytest.mark.parametrize("word", ["i", "\u0628\u062c", "\u0915\u093f", "\u0628a\u05d0"])
@pytest.mark.parametrize("space", ["", " "])
def test_a_line_of_a_pdf_is_divided_in_linear_time(
    monkeypatch: pytest.MonkeyPatch, word: str, space: str
) -> None:
    """In words of Latin, Arabic, Devanagari and mixed letters, and in one word. Counts the letters
    that are measured: their time grows with the form of letters, too.
    """
    fonts.load()
    width, measured = fonts.width, 0

    def counted(text: str, font: str, size: float) -> float:
        nonlocal measured
        measured += len(text)
        return width(text, font, size)

    monkeypatch.setattr(fonts, "width", counted)
    text = of_length(f"{word}{space}")(LONGEST_LINE)
    assert len([*pdf._wrapped(text, PLAIN, pdf.SMALL, pdf.WORDS_WIDTH)]) > 1
    assert len(text) / 2 < measured < MOST * len(text)


def test_json_with_a_name_twice_is_refused_in_linear_time() -> None:
    def text(length: int) -> str:
        names = [f'"{number:06}":1' for number in range(length // 11)]
        return f"{{{','.join([*names, names[-1]])}}}"

    with pytest.raises(ParseError):
        parsing.loads(text(LONG))
    assert times_as_long(_refused, text) <= MOST


def _refused(text: str) -> None:
    with suppress(ParseError):
        parsing.loads(text)
