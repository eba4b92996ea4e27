"""Files of other banks for tests, written by hand in the style of real ones."""

from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest

from banking.outside import services
from banking.outside.file_parts import store_file
from banking.outside.formats.columns import ROLES
from banking.outside.formats.csv_columns import guess_of_file
from banking.outside.formats.lines import OutsideLine, StatementFacts, UnreadableStatement
from banking.outside.formats.reading import format_of, measure
from banking.outside.formats.sheet import sheet_of
from banking.outside.formats.sheet_lines import sheet_lines
from banking.outside.models import OutsideAccount, OutsideEntry, OutsideImport, id_of
from tests.factories import UserFactory

LONDON = """\
Date,Type,Description,Value,Balance,Account Name,Account Number
24/11/2026,"POS","'4567 23NOV26 , SHOP , LONDON",-18.20,1231.80,"'FERREIRA A","'601234-1",
05/11/2026,"BAC","'t Hooft , SALARY",1250.00,1250.00,"'FERREIRA A","'601234-1",
"""
GERMAN = """\
"Kontonummer:";"DE02120300000000202051 / Girokonto";
"Kontostand vom 30.11.2026:";"1.843,20 EUR";
"";
"Buchungstag";"Wertstellung";"Buchungstext";"Auftraggeber";"Verwendungszweck";"Betrag (EUR)"
"30.11.2026";"30.11.2026";"Lastschrift";"Stadtwerke";"Strom, Abschlag 11/26";"-84,00"
"02.11.2026";"02.11.2026";"Kartenzahlung";"Café Anna";"Espresso";"-2,80"
"02.11.2026";"02.11.2026";"Kartenzahlung";"Café Anna";"Espresso";"-2,80"
"01.11.2026";"01.11.2026";"Gutschrift";"Muster GmbH";"Gehalt";"1.932,80"
"""
AMERICAN = """\
Posted Date,Reference Number,Payee,Debit,Credit
11/13/2026,2411,"CORNER MARKET, INC",24.10,
11/02/2026,2409,PAYROLL,,"2,150.00"
"""


def outside_account(**changed: Any) -> OutsideAccount:
    """An outside account in euros, or with these changes."""
    owner = changed.pop("owner", None) or UserFactory()
    facts: dict[str, Any] = {"name": "Other bank", "currency": "EUR", "opening": 0}
    return OutsideAccount.objects.create(owner=owner, **(facts | changed))


def uploaded(account: OutsideAccount, text: str | bytes, name: str = "file.csv") -> OutsideImport:
    """An uploaded file; if its columns have to be named, by what they seem to mean."""
    body = text.encode() if isinstance(text, str) else text
    source = services.upload(BytesIO(body), account=account, name=name)
    if source.state == OutsideImport.State.COLUMNS:
        source = services.name_columns(source=source, mapping=guessed(body))
    return services.read_rest(source)


def guessed(body: bytes, currency: str = "") -> dict[str, Any]:
    """What the columns of a CSV file seem to mean."""
    source = BytesIO(body)
    found = guess_of_file(source, sheet_of(source, allow_unknown=True), currency)
    return {role: found.get(role) for role in ROLES} | found


def imported(account: OutsideAccount, text: str | bytes, **how: Any) -> OutsideImport:
    """A file that was imported."""
    return services.confirm(source=uploaded(account, text), **how)


def stored(
    account: OutsideAccount, *lines: tuple[str, Any, str], file: str = "", **changed: Any
) -> OutsideImport:
    """An import with lines of a day, an amount and a description, written as rows, which takes a
    tenth of the time of the services. `file` is kept for it.
    """
    days = [date.fromisoformat(day) for day, _amount, _text in lines]
    facts: dict[str, Any] = {
        "name": "file.csv", "format": "csv", "digest": "", "state": "imported",
        "line_count": len(lines), "read_count": len(lines), "entry_count": len(lines),
        "first_on": min(days, default=None), "last_on": max(days, default=None),
    }  # fmt: skip
    source = OutsideImport.objects.create(account=account, **(facts | changed))
    numbered = enumerate(zip(days, lines, strict=True), start=1)
    read = [OutsideLine(n, day, Decimal(line[1]), line[2]) for n, (day, line) in numbered]
    OutsideEntry.objects.bulk_create(
        OutsideEntry(
            pk=id_of(source, "line", line.number), account=account, source=source,
            number=line.number, position=line.number, booked_on=line.booked_on,
            amount=line.amount, description=line.description,
            fingerprint=services.fingerprint(line), is_entered=source.state == "imported",
        )
        for line in read
    )  # fmt: skip
    if file:
        store_file(BytesIO(file.encode()), source)
    return source


def balance_of(account: OutsideAccount) -> Any:
    """The balance as the pages show it."""
    return OutsideAccount.objects.with_balance().get(pk=account.pk).balance


def read(text: str | bytes) -> list[OutsideLine]:
    """The lines of a CSV file, with the columns that it seems to have."""
    body = text.encode() if isinstance(text, str) else text
    return list(sheet_lines(BytesIO(body), guessed(body), StatementFacts()))


def refusal_of(text: str | bytes, currency: str = "EUR") -> str:
    """The sentence that refuses a CSV file."""
    body = text.encode() if isinstance(text, str) else text
    source = BytesIO(body)
    with pytest.raises(UnreadableStatement) as refused:
        measure(source, format_of(source), guessed(body), currency)
    return str(refused.value)
