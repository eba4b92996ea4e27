"""QIF (Quicken Interchange Format): old, without ids, and read by nearly everything."""

from collections.abc import Iterator

from banking.statement_files.document import StatementDocument
from banking.statement_files.formats.texts import one_line, plain


def qif(document: StatementDocument) -> Iterator[str]:
    """The parts of the file: the account, then its entries. Days are as in the United States, month
    first, which is how the format was born.
    """
    yield f"!Account\nN{one_line(document.account_name)}\nTBank\n^\n!Type:Bank\n"
    for line in document.lines:
        yield f"D{line.booked_on:%m/%d/%Y}\nT{plain(line.amount, document.currency)}\n"
        yield f"N{one_line(line.reference)}\n" if line.reference else ""
        yield f"P{_payee(line.title)}\n"
        yield f"M{one_line(line.description)}\n^\n" if line.description else "^\n"


def _payee(title: str) -> str:
    """A payee "Opening balance" would be taken for the balance before the entries."""
    name = one_line(title)
    return f"{name} (payment)" if name.casefold() == "opening balance" else name
