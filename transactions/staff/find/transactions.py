"""Builds conditions on transactions for the staff search and for the transaction list.

The search accepts the query language (docs/search.md) over the whole bank. It also accepts ids,
account numbers, and names of at most `NAMED_ACCOUNTS` accounts. A search for only an amount reads
only the newest rows, because there is no index on amounts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import Account, User
from accounts.name_search import UNRANKED
from ledger.db.queries.conditions import NO_ROWS, one_of
from ledger.db.queries.tsqueries import LexemeQuery, any_account
from transactions.models import Transaction
from transactions.models.transaction import BOOKED_AT
from transactions.scope import Scope
from transactions.search.language.query import AMOUNT, WORD, Mistake, ParsedQuery, QueryItem
from transactions.search.mistakes import scope_mistakes
from transactions.search.sql.compiler import ConditionCompiler
from transactions.search.sql.condition import Condition
from transactions.search.sql.name_lookup import find_names
from transactions.search.sql.sides import TransactionSides
from transactions.staff.find.search import (
    KindResults,
    StaffQuery,
    accounts,
    ranked,
)

NEWEST = 20_000  # number of newest rows that a search for only an amount reads
HELP = (
    "A transaction's id, an account number, a person or words. Examples: rent · "
    '"blue note" · rent -office · to:grace · amount:>100 · date:2026-03. A single amount, like '
    f"13.40, searches the newest {NEWEST:,} transactions."
)


@dataclass(frozen=True, slots=True)
class TransactionCondition:
    """A condition on transactions, the expression for their rank, and the mistakes in the query."""

    where: Q
    rank: Any
    mistakes: list[Mistake]


def scope_for_staff(reader: User) -> Scope:
    """Returns the scope of the whole bank. The scope allows searches by name only for staff who may
    see people or accounts, and searches by email address only for staff who may see people.
    """
    people, accounts = (
        any(reader.has_perm(f"accounts.{verb}_{thing}") for verb in ("view", "change"))
        for thing in ("user", "account")
    )
    return Scope(reader, is_bank=True, shows_names=people or accounts, finds_addresses=people)


def transaction_condition(
    query: StaffQuery, scope: Scope, named: Iterable[Account] = (), *, is_narrow: bool = False
) -> TransactionCondition:
    """Returns the condition of a search. `named` are accounts that the query found. If the query
    contains only words and phrases, the transactions of these accounts match too.

    A search for only an amount compares only the amounts of the newest transactions, at most
    NEWEST. If `is_narrow` is True, the rows belong to one account, and the search compares the
    amounts of all its rows. Sends one query if a word may be a name.
    """
    parsed = query.parsed
    if parsed.is_empty:
        return TransactionCondition(NO_ROWS, UNRANKED, parsed.mistakes)
    names = find_names(scope, parsed, has_synonyms=False)  # "bar" may be a name
    mistakes = [*parsed.mistakes, *scope_mistakes(parsed, scope, names)]
    compiled = ConditionCompiler(TransactionSides(scope), names).condition(parsed)
    where = compiled.where
    if not is_narrow and (amount := _single_amount(parsed)):
        where = _among_newest(amount, compiled)
    rank = compiled.rank if compiled.words is not None else UNRANKED
    lexemes = any_account(account.pk for account in named) if _is_bare(parsed) else ""
    if lexemes:
        where |= Q(search=LexemeQuery(lexemes))
    return TransactionCondition(where, rank, mistakes)


def transactions(
    query: StaffQuery, scope: Scope, named: Iterable[Account] = ()
) -> tuple[KindResults, TransactionCondition]:
    """Returns the transaction with this id, then the best matches. If results have the same rank,
    the newest comes first.
    """
    condition = transaction_condition(query, scope, named)
    rows = ranked(
        Transaction.objects.with_sides(),
        query.by_id,
        condition.where,
        condition.rank,
        newest=(BOOKED_AT.desc(), "-pk"),
    )
    return KindResults.of(rows, condition.rank), condition


def search(
    rows: QuerySet[Transaction], typed: str, scope: Scope, *, is_narrow: bool = False
) -> tuple[QuerySet[Transaction], TransactionCondition]:
    """Returns the rows that match a typed search, in order, and the condition."""
    query = StaffQuery(typed, addresses=scope.finds_addresses)
    named = accounts(query)[1] if scope.shows_names or query.digits else []
    if not scope.shows_names:
        named = [account for account in named if account.number == query.digits]
    condition = transaction_condition(query, scope, named, is_narrow=is_narrow)
    return rows.filter(query.by_id | condition.where), condition


def _is_bare(query: ParsedQuery) -> bool:
    """Returns whether the query has only words and phrases, which may also be names of accounts."""
    return len(query.words) == len(query.items)


def _single_amount(query: ParsedQuery) -> QueryItem | None:
    items = query.items
    is_single = len(items) == 1 and items[0].kind in (WORD, AMOUNT) and not items[0].is_negated
    has_amount = is_single and (items[0].amount is not None or items[0].reading is not None)
    return items[0] if has_amount else None


def _among_newest(item: QueryItem, condition: Condition) -> Q:
    """Returns the condition for rows that contain the number as a word, and for the newest rows
    with this amount. If the amount has a sign, only the newest rows match. See Note [One of].
    """
    among_newest = one_of(Transaction.objects.newest_first().values("pk")[:NEWEST])
    if item.kind == AMOUNT:
        return condition.where & among_newest
    return Q(search=condition.words) | (condition.where & among_newest)
