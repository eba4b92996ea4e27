"""Checks an account statement against the bank's records. Anybody who has the digest or the printed
code of the statement can start this check.
"""

from dataclasses import dataclass
from decimal import Decimal
from threading import BoundedSemaphore
from uuid import UUID

from django.core.signing import BadSignature
from django.db import OperationalError
from django.db.models import Max, Min, Q
from django.utils import timezone

from accounts.models import Account
from banking.statement_files.chosen import NOT_SEALED, ChosenEntries, ReadToken, choice_of
from banking.statement_files.digest import (
    StatementFigures,
    digest_of,
    totals_of_period,
    totals_of_rows,
)
from banking.statement_files.models import MonthlyStatement
from banking.statement_files.monthly import seal_line
from banking.statement_files.places import ids_at
from ledger.db.retry import TIMED_OUT, sqlstate
from ledger.db.snapshot import snapshot
from ledger.text.dates import long_date, long_moment, month_name
from transactions.models import AuditRun, Entry
from transactions.models.entry import EntryQuerySet
from transactions.models.seal import DIGEST_BYTES

SEARCH_SECONDS = 2.0
_search = BoundedSemaphore()  # one search at a time per process


class CheckTooSlow(Exception):
    """Raised if the search for chosen entries takes too long, or if another search is running."""


@dataclass(frozen=True, slots=True)
class CheckedStatement:
    """The bank's current records of a statement, for a comparison with the printed statement.

    - `is_true`: whether the bank's current records agree with the digest of the statement.
    - `may_differ`: true if the records do not agree, but possibly only because the entries come
      from a search. The search may find other entries today.
    - `audit`: a message about the latest audit of the entries, or "" if an audit found an error.
    """

    title: str  # "" for chosen entries
    period: str
    holder: str  # the holder's name at the time of the statement; "" if the code has no name
    account_number: str
    currency: str
    opening: Decimal  # `opening` and `closing` are the account's balances, also for chosen entries
    money_in: Decimal
    money_out: Decimal
    closing: Decimal
    count: int
    selection: str
    seal: str
    digest: str
    is_true: bool
    audit: str
    may_differ: bool = False


def checked_digest(digest: bytes) -> CheckedStatement | None:
    """Returns the bank's records of the numbered statement with this digest, or None if no
    statement has this digest.
    """
    found = MonthlyStatement.objects.select_related("account", "seal").filter(digest=digest)
    statement = found.first()
    return _checked_month(statement) if statement else None


def checked_choice(token: str) -> CheckedStatement | None:
    """Returns the bank's records for the statement of chosen entries that `token` identifies.
    Returns None if the bank did not sign the token, or if the account does not exist.

    Raises: CheckTooSlow if the search takes too long, or if another search is running.
    """
    try:
        read = choice_of(token)
    except (BadSignature, ValueError):
        return None
    account = Account.objects.filter(pk=read.account).first()
    if account is None:
        return None
    with timezone.override(read.zone):  # days begin and end as on the printed statement
        return _checked_choice(account, read)


def _checked_choice(account: Account, read: ReadToken) -> CheckedStatement:
    choice = ChosenEntries(account, read.filters, read.made_at, read.before)
    ids = ids_at(read.places, choice.all_of_account) if read.places else _found_again(choice)
    totals = totals_of_rows(account.pk, ids)
    # A newer seal may cover a period that was not sealed when the file was made.
    seal = choice.seal()
    is_true = read.digest in (choice.digest(totals, seal), choice.digest(totals, None))
    figures = choice.figures(seal)
    first_day, last_day = choice.period()
    return CheckedStatement(
        title="",
        period=f"{long_date(first_day)} to {long_date(last_day)}",
        holder=read.holder, account_number=account.number, currency=account.currency,
        opening=figures.opening or Decimal(0), money_in=totals.money_in,
        money_out=totals.money_out, closing=figures.closing or Decimal(0), count=totals.rows,
        selection=choice.filters.selection,
        seal=f"Sealed by seal {seal.number}." if seal else NOT_SEALED,
        digest=read.digest.hex(), is_true=is_true,
        audit=_audit_of(choice.all_of_account.between(choice.starts_at, choice.ends_at)),
        may_differ=not is_true and bool(read.filters.text) and not read.places,
    )  # fmt: skip


def _found_again(choice: ChosenEntries) -> list[UUID]:
    """Searches again for the entries of a choice, and returns the ids of their transactions. This
    is for a code that does not contain the places of the entries.

    Raises: CheckTooSlow if the search takes too long, or if another search is running. Without
    these limits, anybody with the link could repeat a slow search.
    """
    if not _search.acquire(blocking=False):
        raise CheckTooSlow
    try:
        with snapshot(seconds=SEARCH_SECONDS):
            return list(choice.entries.values_list("transaction_id", flat=True))
    except OperationalError as error:
        if sqlstate(error) != TIMED_OUT:
            raise
        raise CheckTooSlow from error
    finally:
        _search.release()


def _checked_month(statement: MonthlyStatement) -> CheckedStatement:
    account, seal = statement.account, statement.seal
    totals = totals_of_period(account.pk, statement.starts_at, statement.ends_at)
    edges = (statement.starts_at, statement.ends_at)
    balances = [Entry.objects.balance_at(account, edge) or Decimal(0) for edge in edges]
    books = (*balances, totals.money_in, totals.money_out, totals.rows)
    stored = (
        statement.opening, statement.closing, statement.money_in, statement.money_out,
        statement.entry_count,
    )  # fmt: skip
    figures = StatementFigures(
        account.number, account.currency, statement.number, statement.starts_at,
        statement.ends_at, statement.opening, statement.closing, (seal.number, bytes(seal.digest)),
    )  # fmt: skip
    return CheckedStatement(
        title=f"{statement.number}, {month_name(statement.month)}",
        period=f"{long_date(statement.first_day)} to {long_date(statement.last_day)}",
        holder=statement.holder, account_number=account.number, currency=account.currency,
        opening=statement.opening, money_in=statement.money_in, money_out=statement.money_out,
        closing=statement.closing, count=statement.entry_count, selection="",
        seal=seal_line(statement), digest=statement.hex_digest,
        is_true=digest_of(figures, totals) == bytes(statement.digest) and stored == books,
        audit=_audit_of(Entry.objects.for_account(account).between(*edges)),
    )  # fmt: skip


def _audit_of(entries: EntryQuerySet) -> str:
    """Returns a message about the latest audit that read all of these entries. Returns "" if this
    audit, or the latest of all audits, found an error.
    """
    runs = AuditRun.objects.order_by("-finished_at")
    last = runs.first()
    if last is None:
        return "No audit has run yet."
    booked = entries.aggregate(first=Min("created_at"), last=Max("created_at"))
    if booked["last"]:
        from_first = Q(since=None) | Q(since__lte=booked["first"])
        runs = runs.filter(from_first, started_at__gt=booked["last"])
    run = runs.first()
    if last.findings or (run and run.findings):
        return ""
    if run:
        return f"The audit of {long_moment(run.finished_at)} found every seal and row unchanged."
    ended = long_moment(last.finished_at)
    return f"No audit has read all of these entries yet. The last audit ended on {ended}."


def digest_in(text: str) -> bytes | None:
    """Returns the digest that a person typed as hexadecimal digits, as bytes. Ignores spaces, and
    accepts upper case and lower case. Returns None if the text is not a digest.
    """
    try:
        digest = bytes.fromhex("".join(text.split()))
    except ValueError:
        return None
    return digest if len(digest) == DIGEST_BYTES else None
