"""Writes Excel's XLSX with XlsxWriter, which keeps only one row at a time in memory."""

from datetime import UTC, datetime
from decimal import Decimal
from tempfile import TemporaryFile
from typing import IO, Any

import xlsxwriter

from banking.statement_files.document import StatementDocument, StatementLine
from ledger.text.currencies import minor_units

COLUMNS = (
    ("Booked", 18), ("Value date", 12), ("Who", 28), ("Account number", 22), ("Description", 40),
    ("Reference", 18), ("Amount", 14), ("Balance", 14), ("Currency", 9), ("Transaction", 38),
)  # fmt: skip
# A number cell has at most 15 digits, so amounts with more digits are written as text.
MAX_DIGITS = 15
OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def xlsx(document: StatementDocument) -> IO[bytes]:
    """Returns the workbook as an open file with the sheets "Entries" and "Statement"."""
    file = TemporaryFile()  # noqa: SIM115 - the caller closes it
    book = xlsxwriter.Workbook(file, OPTIONS)
    made_at = document.made_at.astimezone(UTC).replace(tzinfo=None)
    book.set_properties({"title": document.title, "created": made_at})
    sheet = _Sheet(book, document.currency)
    sheet.write_entries(document)
    sheet.write_figures(document)
    book.close()
    file.seek(0)
    return file


class _Sheet:
    def __init__(self, book: Any, currency: str) -> None:
        self.book, self.decimals = book, minor_units(currency)
        digits = f"#,##0{'.' if self.decimals else ''}{'0' * self.decimals}"
        self.money = book.add_format({"num_format": digits})
        self.day = book.add_format({"num_format": "yyyy-mm-dd"})
        self.moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self.bold = book.add_format({"bold": True})

    def write_entries(self, document: StatementDocument) -> None:
        sheet = self.book.add_worksheet("Entries")
        sheet.freeze_panes(1, 0)
        for column, (title, width) in enumerate(COLUMNS):
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, title, self.bold)
        for row, line in enumerate(document.lines, start=1):
            self._write_line(sheet, row, line, document.currency)

    def _write_line(self, sheet: Any, row: int, line: StatementLine, currency: str) -> None:
        sheet.write_datetime(row, 0, _naive(line.booked_at), self.moment)
        sheet.write_datetime(row, 1, line.value_date, self.day)
        texts = (line.title, line.number, line.description, line.reference)
        for column, text in enumerate(texts, start=2):
            sheet.write_string(row, column, text)
        self._write_money(sheet, row, 6, line.amount)
        self._write_money(sheet, row, 7, line.balance)
        sheet.write_string(row, 8, currency)
        sheet.write_string(row, 9, str(line.id))

    def write_figures(self, document: StatementDocument) -> None:
        sheet = self.book.add_worksheet("Statement")
        sheet.set_column(0, 0, 20)
        sheet.set_column(1, 1, 44)
        figures: list[tuple[str, Any]] = [
            ("Statement", document.title),
            ("Holder", document.holder),
            ("Account", document.account_name),
            ("Account number", document.account_number),
            ("Currency", document.currency),
            ("First day", document.first_day.isoformat()),
            ("Last day", document.last_day.isoformat()),
        ]
        if document.selection:  # chosen entries do not add up to the balances
            figures += [("Selection", document.selection)]
        else:
            figures += [("Opening balance", document.opening)]
            figures += [("Closing balance", document.closing)]
        figures += [("Digest", document.digest)] if document.digest else []
        for row, (title, value) in enumerate(figures):
            sheet.write_string(row, 0, title, self.bold)
            if isinstance(value, Decimal):
                self._write_money(sheet, row, 1, value)
            else:
                sheet.write_string(row, 1, value)

    def _write_money(self, sheet: Any, row: int, column: int, amount: Decimal) -> None:
        text = f"{amount:.{self.decimals}f}"
        if sum(c.isdigit() for c in text) > MAX_DIGITS:
            sheet.write_string(row, column, text)
        else:
            sheet.write_number(row, column, float(text), self.money)


def _naive(moment: datetime) -> datetime:
    """Returns the time in whole seconds and without a time zone, because the times of spreadsheets
    have no time zones.
    """
    return moment.replace(tzinfo=None, microsecond=0)
