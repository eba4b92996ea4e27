"""Writes QIF (Quicken Interchange Format), an old format without ids that nearly all finance
programs read.
"""

from collections.abc import Iterator

from banking.statement_files.document import StatementDocument
from banking.statement_files.formats.texts import one_line, plain


def qif(document: StatementDocument) -> Iterator[str]:
    """Yields the parts of a QIF file: first the account, then its entries. Dates have the month
    first, as the format requires.
    """
    yield f"!Account\nN{one_line(document.account_name)}\nTBank\n^\n!Type:Bank\n"
    for line in document.lines:
        yield f"D{line.booked_on:%m/%d/%Y}\nT{plain(line.amount, document.currency)}\n"
        yield f"N{one_line(line.reference)}\n" if line.reference else ""
        yield f"P{_payee(line.title)}\n"
        yield f"M{one_line(line.description)}\n^\n" if line.description else "^\n"


def _payee(title: str) -> str:
    """Returns the payee of an entry. Changes the payee "Opening balance", because programs would
    read such an entry as a balance.
    """
    name = one_line(title)
    return f"{name} (payment)" if name.casefold() == "opening balance" else name
