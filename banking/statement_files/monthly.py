"""Makes documents and files of numbered statements."""

from collections.abc import Iterable
from uuid import UUID

from django.http import HttpResponseBase

from accounts.models import User
from banking.statement_files.document import StatementDocument, lines_of
from banking.statement_files.files import file_response, made_in_turn, refuse_too_long
from banking.statement_files.models import MonthlyStatement
from ledger.text.dates import long_date
from transactions.models import Entry
from transactions.models.entry import EntryQuerySet
from transactions.statements.page import stream_entries


def entries_of_month(statement: MonthlyStatement) -> EntryQuerySet:
    """Returns the entries of a numbered statement, oldest first."""
    entries: EntryQuerySet = Entry.objects.for_account(statement.account)
    return entries.between(statement.starts_at, statement.ends_at).for_files()


def statement_of(owner: User, account: UUID, number: int) -> MonthlyStatement | None:
    """Returns the statement with this number, or None if it does not exist or the account belongs
    to another person.
    """
    found = MonthlyStatement.objects.select_related("account", "seal")
    return found.filter(account=account, account__user=owner, number=number).first()


def file_of_month(statement: MonthlyStatement, kind: str, *, check_page: str) -> HttpResponseBase:
    """Returns a numbered statement as a file in this format.

    Raises: FileTooLong if the statement has more entries than the format allows.
    """
    refuse_too_long(kind, statement.entry_count)
    rows = entries_of_month(statement)
    entries = stream_entries(
        rows, is_complete=lambda: rows.order_by().count() == statement.entry_count
    )
    document = monthly_document(statement, entries, check_page=check_page)
    name = f"statement-{statement.account.number}-{statement.number:05}-{statement.month:%Y-%m}"
    with made_in_turn(kind, statement.account):
        return file_response(document, name, kind)


def monthly_document(
    statement: MonthlyStatement, entries: Iterable[Entry], *, check_page: str
) -> StatementDocument:
    """Returns the document of a numbered statement. The document of a statement never changes: the
    names and the time zone were stored when the statement was issued.
    """
    account, zone = statement.account, statement.zone
    return StatementDocument(
        account_number=account.number, account_name=statement.account_name,
        holder=statement.holder, currency=account.currency, number=statement.number,
        month=statement.month,
        first_day=statement.first_day, last_day=statement.last_day, opening=statement.opening,
        closing=statement.closing, money_in=statement.money_in, money_out=statement.money_out,
        lines=lines_of(entries, holder=account.user_id, zone=zone, names=statement.names),
        made_at=statement.issued_at.astimezone(zone), digest=statement.hex_digest,
        check_page=check_page,
        check_url=f"{check_page}?digest={statement.hex_digest}", seal=seal_line(statement),
    )  # fmt: skip


def seal_line(statement: MonthlyStatement) -> str:
    """Returns a sentence about the seal, such as "Sealed up to 31 October 2026 by seal 12.", for
    pages and files.
    """
    seal = statement.seal
    return f"Sealed up to {long_date(seal.last_day)} by seal {seal.number}."
