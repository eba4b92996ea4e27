"""Each format is read back by a library of others and comes to the same rows and sums."""

import csv
import dataclasses
import io
import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element, canonicalize

import mt940
import openpyxl
import pypdf
import pytest
from defusedxml import ElementTree
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from banking.outside.formats.lines import StatementFacts
from banking.outside.formats.reading import format_of, lines_of
from banking.statement_files import files
from banking.statement_files.files import LABELS
from banking.statement_files.formats.camt053 import NAMESPACE
from banking.statement_files.models import MonthlyStatement
from tests.banking.statement_files.conftest import TEXTS
from tests.banking.statement_files.shared import got, pdf_text, whole
from tests.factories import AccountFactory
from tests.optional import WARNINGS_OF_OFXPARSE, optional, read_ofx
from transactions import services
from transactions.models import Entry

pytestmark = pytest.mark.django_db
PERIOD = ["01.02.2026", "28.02.2026"]
CAMT = f"{{{NAMESPACE}}}"


def amounts(statement: MonthlyStatement) -> list[Decimal]:
    entries = Entry.objects.for_account(statement.account)
    entries = entries.between(statement.starts_at, statement.ends_at).order_by("created_at")
    return list(entries.values_list("signed_amount", flat=True))


@pytest.fixture
def statement(issued: list[MonthlyStatement]) -> MonthlyStatement:
    assert issued[1].entry_count > 15
    return issued[1]


@pytest.mark.parametrize("kind", LABELS)
def test_a_file_of_many_entries_takes_as_many_queries_as_one_of_few(
    kind: str, ana: Client, issued: list[MonthlyStatement]
) -> None:
    got(ana, issued[0], kind)  # fills the caches of the process
    counts = set[int]()
    for statement in issued:
        with CaptureQueriesContext(connection) as queries:
            got(ana, statement, kind)
        counts.add(len(queries))
    assert len(counts) == 1
    assert len({statement.entry_count for statement in issued}) > 1


@pytest.mark.filterwarnings(*WARNINGS_OF_OFXPARSE)
def test_ofx(ana: Client, statement: MonthlyStatement) -> None:
    ofx = read_ofx(got(ana, statement, "ofx"))
    read = ofx.account.statement
    assert [row.amount for row in read.transactions] == amounts(statement)
    assert len({row.id for row in read.transactions}) == statement.entry_count
    assert read.balance == statement.closing
    assert [f"{day:%d.%m.%Y}" for day in (read.start_date, read.end_date)] == PERIOD
    assert (ofx.account.account_id, read.currency) == (statement.account.number, "usd")
    assert "Mara “Lindt” Ohara" in {row.payee for row in read.transactions}


def test_qif(ana: Client, statement: MonthlyStatement) -> None:
    head, _, body = got(ana, statement, "qif").decode().partition("!Type:Bank\n")
    assert head == "!Account\nNEveryday & more\nTBank\n^\n"
    records = [
        {line[0]: line[1:] for line in record.split("\n")}
        for record in body.strip().removesuffix("\n^").split("\n^\n")
    ]
    assert [Decimal(record["T"]) for record in records] == amounts(statement)
    assert all(re.fullmatch(r"02/\d\d/2026", record["D"]) for record in records)


def test_mt940(ana: Client, statement: MonthlyStatement) -> None:
    text = got(ana, statement, "sta").decode("ascii")
    read = mt940.parse(text)
    assert [row.data["amount"].amount for row in read] == amounts(statement)
    assert read.data["final_opening_balance"].amount.amount == statement.opening
    assert read.data["final_closing_balance"].amount.amount == statement.closing
    assert read.data["account_identification"] == statement.account.number
    assert read.data["statement_number"] == "00002"
    assert len({row.data["bank_reference"] for row in read}) == statement.entry_count
    details = " ".join(row.data["transaction_details"] for row in read)
    assert "Mara ?Lindt? Ohara" in details
    assert "Muller ? Sohne - 12 EUR" in details
    assert all(len(line) <= 65 + 4 for line in text.split("\r\n"))


@pytest.mark.parametrize(
    "text",
    [
        "123?20Fake purpose?32Mallory",
        "123\u65e520Fake",
        "/NAME/Mallory/REMI/Fake",
        "-1",
        "Opening balance",
    ],
)
def test_no_text_of_a_payment_is_read_as_another_field(ana: Client, text: str) -> None:
    account = AccountFactory(user__email="eve@example.com")
    services.deposit(to_account=account, amount=Decimal(5), description=text)
    ana.force_login(account.user)
    where = f"/accounts/{account.pk}/statement"
    message = whole(ana.get(f"{where}.sta")).decode("ascii")
    (row,) = mt940.parse(message)
    assert row.data.get("applicant_name") is row.data.get("purpose") is None
    assert row.data["amount"].amount == 5
    assert "-1" in message or text != "-1"
    for kind in ("sta", "qif"):
        body = io.BytesIO(whole(ana.get(f"{where}.{kind}")))
        (line,) = lines_of(body, format_of(body), None, StatementFacts())
        assert line.amount == 5
        assert line.other not in ("Mallory", "Fake")


@pytest.mark.filterwarnings(*WARNINGS_OF_OFXPARSE)
def test_a_long_text_is_whole_in_ofx(ana: Client) -> None:
    account = AccountFactory(user__email="eve@example.com")
    text = "Deposit of all that was found in the old piggy bank of my aunt, with love"
    services.deposit(to_account=account, amount=Decimal(5), description=text)
    ana.force_login(account.user)
    ofx = read_ofx(whole(ana.get(f"/accounts/{account.pk}/statement.ofx")))
    (row,) = ofx.account.statement.transactions
    assert (row.payee, row.memo) == (text[:32].strip(), text)


def test_camt053(ana: Client, statement: MonthlyStatement) -> None:
    root = ElementTree.fromstring(got(ana, statement, "xml"))
    found = [signed(entry) for entry in root.iter(f"{CAMT}Ntry")]
    assert found == amounts(statement)
    balances = {bal.findtext(f".//{CAMT}Cd"): signed(bal) for bal in root.iter(f"{CAMT}Bal")}
    assert balances == {"OPBD": statement.opening, "CLBD": statement.closing}
    assert root.findtext(f".//{CAMT}ElctrncSeqNb") == "2"
    texts = {text.text for text in root.iter(f"{CAMT}Ustrd")}
    assert {"Rent <flat 3> & stairs", "李小龍", "=1+1"} <= texts
    assert "".join(t for t in texts if t and t.startswith("aaa")) == "a" * 200


PREFIXES: dict[str | None, str] = {None: NAMESPACE}


@pytest.mark.parametrize("name", ["statements/2.xml", "statement.xml?q=rent&direction=out"])
def test_camt053_keeps_its_schema(ana: Client, statement: MonthlyStatement, name: str) -> None:
    # The classes of pyiso20022 are made from the schema of camt.053.001.08.
    schema = optional("pyiso20022", "pyiso20022.camt.camt_053_001_08").Document
    parser = optional("xsdata", "xsdata.formats.dataclass.parsers").XmlParser()
    writers = optional("xsdata", "xsdata.formats.dataclass.serializers")
    plain = writers.config.SerializerConfig(xml_declaration=False)
    content = whole(ana.get(f"/accounts/{statement.account_id}/{name}"))
    read = parser.from_bytes(content, schema)  # refuses what the schema does not know
    assert list(broken_rules(read)) == []
    # In the order of the schema.
    again = writers.XmlSerializer(config=plain).render(read, ns_map=PREFIXES)
    assert canonical(again) == canonical(content)


def broken_rules(part: Any) -> Iterator[str]:
    """What xsdata reads without a look: elements that must be there, and the forms of values."""
    for each in dataclasses.fields(part):
        value, rules = getattr(part, each.name), each.metadata
        values = value if isinstance(value, list) else [value] if value is not None else []
        least = rules.get("min_occurs", int(rules.get("required", False)))
        if not least <= len(values) <= rules.get("max_occurs", 10**6):
            yield f"{each.name} is there {len(values)} times"
        for one in values:
            text = f"{one:f}" if isinstance(one, Decimal) else str(one)
            if dataclasses.is_dataclass(one):
                yield from broken_rules(one)
            elif not (
                rules.get("min_length", 0) <= len(text) <= rules.get("max_length", 10**6)
                and re.fullmatch(rules.get("pattern", ".*"), text, re.S)
                and len(re.sub(r"\D", "", text)) <= rules.get("total_digits", 10**6)
                and len(text.partition(".")[2]) <= rules.get("fraction_digits", 10**6)
            ):
                yield f"{each.name}: {text}"


def canonical(content: str | bytes) -> str:
    return canonicalize(content, strip_text=True).replace("Z</", "+00:00</")


def signed(element: Element) -> Decimal:
    amount = Decimal(element.findtext(f"{CAMT}Amt") or "")
    return amount if element.findtext(f"{CAMT}CdtDbtInd") == "CRDT" else -amount


def test_xlsx(ana: Client, statement: MonthlyStatement) -> None:
    book = openpyxl.load_workbook(io.BytesIO(got(ana, statement, "xlsx")))
    rows = list(book["Entries"].iter_rows(min_row=2, values_only=True))
    assert [Decimal(str(row[6])) for row in rows] == amounts(statement)
    assert Decimal(str(rows[-1][7])) == statement.closing
    assert all(isinstance(row[0], datetime) and row[0].month == 2 for row in rows)
    cells = [cell for row in book["Entries"].iter_rows() for cell in row]
    assert any(cell.value == "=1+1" for cell in cells)
    assert not any(cell.data_type == "f" for cell in cells)  # no formula
    figures = dict(book["Statement"].iter_rows(values_only=True))
    assert figures["Closing balance"] == float(statement.closing)
    assert figures["Digest"] == statement.hex_digest


def test_csv_and_json(ana: Client, statement: MonthlyStatement) -> None:
    lines = list(csv.DictReader(io.StringIO(got(ana, statement, "csv").decode())))
    assert [Decimal(line["amount"]) for line in lines] == amounts(statement)
    assert "'=1+1" in {line["description"] for line in lines}
    rows = json.loads(got(ana, statement, "json"))
    assert [Decimal(row["amount"]) for row in rows] == amounts(statement)
    assert rows[-1]["balance"] == f"{statement.closing:.2f}"


def test_pdf(ana: Client, statement: MonthlyStatement) -> None:
    content = got(ana, statement, "pdf")
    pdf = pypdf.PdfReader(io.BytesIO(content))
    text = "\n".join(page.extract_text() for page in pdf.pages)
    figures = [figure.replace(",", "") for figure in re.findall(r"^[+-][\d,]+\.\d\d$", text, re.M)]
    assert [Decimal(figure) for figure in figures] == amounts(statement)
    for shown in (
        "Statement 2, February 2026", "Ana <Ribeiro>", "Mara “Lindt” Ohara", "李小龍",
        f"Page 1 of {len(pdf.pages)}", f"{statement.opening:,.2f}", f"{statement.closing:,.2f}",
        statement.hex_digest[:4],
    ):  # fmt: skip
        assert shown in text, shown
    assert pdf.metadata
    assert statement.hex_digest in str(pdf.metadata.subject)
    fonts = {
        font.get_object()["/BaseFont"]
        for page in pdf.pages
        for font in page["/Resources"]["/Font"].values()  # type: ignore[index]
        if "/FontDescriptor" in font.get_object()
    }
    assert any("NotoSans" in name for name in fonts)
    assert got(ana, statement, "pdf") == content  # byte for byte


def test_names_that_change_later_change_no_statement(
    ana: Client, statement: MonthlyStatement
) -> None:
    before = {kind: got(ana, statement, kind) for kind in LABELS if kind != "xlsx"}
    for account in Account.objects.select_related("user"):
        account.user.name = "Somebody Else"
        account.user.save()
        Account.objects.filter(pk=account.pk).update(name="Another")
    assert {kind: got(ana, statement, kind) for kind in before} == before


@pytest.mark.parametrize("kind", LABELS)
def test_what_is_filtered_on_the_page_is_what_the_file_has(
    ana: Client, account: Account, kind: str
) -> None:
    query = "?start=2026-02-01&end=2026-02-28&direction=out&q=rent"
    answer = ana.get(f"/accounts/{account.pk}/statement.{kind}{query}")
    content = whole(answer)
    counts: dict[str, Any] = {
        "pdf": lambda: len(re.findall("^-12.50$", pdf_text(content), re.M)),
        "xlsx": lambda: openpyxl.load_workbook(io.BytesIO(content))["Entries"].max_row - 1,
        "csv": lambda: content.count(b"-12.50"),
        "json": lambda: len(json.loads(content)),
        "ofx": lambda: content.count(b"<STMTTRN>"),
        "qif": lambda: content.count(b"T-12.50"),
        "xml": lambda: content.count(b"<Ntry>"),
        "sta": lambda: content.count(b":61:"),
    }
    rents = Entry.objects.for_account(account).filter(description=TEXTS[0])
    shown = rents.filter(created_at__month=2).count()
    assert counts[kind]() == shown > 0
    if kind in ("xml", "sta"):
        assert re.search(rb"selection:\s+money out", content)
    if kind == "xml":
        assert f"<FrDtTm>{date(2026, 2, 1)}T" in content.decode()


@pytest.mark.parametrize("kind", LABELS)
def test_an_account_without_entries_has_files_too(client: Client, kind: str) -> None:
    empty = AccountFactory()
    client.force_login(empty.user)
    answer = client.get(f"/accounts/{empty.pk}/statement.{kind}")
    assert answer.status_code == 200
    assert whole(answer)


@pytest.mark.parametrize("kind", ["pdf", "xlsx"])
def test_a_file_that_would_be_too_long_is_refused_by_a_sentence(
    ana: Client, statement: MonthlyStatement, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(files.LIMITS, kind, 5)
    for path in (f"statements/{statement.number}.{kind}", f"statement.{kind}"):
        answer = ana.get(f"/accounts/{statement.account_id}/{path}")
        assert answer.status_code == 400
        assert b"up to 5 entries" in answer.content
