"""What staff ask of transactions, above their list and in the one search over everything.

It is the language of the search (docs/search.md) over the whole bank, with three more ways to
say whose rows: an id, an account number, and the names of at most `NAMED_ACCOUNTS` accounts. An
amount alone is looked for among the newest rows, for no index answers for amounts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import Account, User
from ledger.db.tsqueries import LexemeQuery, any_of
from transactions.annotations.search import one_of
from transactions.models import Transaction
from transactions.models.transaction import BOOKED_AT
from transactions.scope import Scope
from transactions.search.conditions.accounts import names_mistakes
from transactions.search.conditions.names import names_in
from transactions.search.conditions.parts import Condition
from transactions.search.conditions.sides import TransactionSides
from transactions.search.conditions.terms import NOTHING, TermCompiler
from transactions.search.language.tree import AMOUNT, WORD, Mistake, ParsedQuery, QueryItem
from transactions.staff.find.search import (
    NAMED_ACCOUNTS,
    UNRANKED,
    KindResults,
    StaffQuery,
    accounts,
    ranked,
)

NEWEST = 20_000  # rows among which an amount alone is looked for
HELP = (
    "A transaction's id, an account number, a person's name (or email address, where you may see "
    "people), words of the "
    f"description, reference and metadata, names of accounts where at most {NAMED_ACCOUNTS} fit; "
    'or fields: rent, "blue note", rent -office, to:grace amount:>100 date:2026-03. An amount like '
    f"13.40 is looked for beside a name or words (13.40 rent); alone, among the newest {NEWEST:,} "
    "rows."
)


@dataclass(frozen=True, slots=True)
class Meant:
    """The rows that are meant, how well each fits, and what could not be read."""

    where: Q
    rank: Any
    mistakes: list[Mistake]


def scope_for_staff(reader: User) -> Scope:
    """Every row; by names too for those who may see whose accounts there are, and by addresses
    for those who may see people."""
    people, accounts = (
        any(reader.has_perm(f"accounts.{verb}_{thing}") for verb in ("view", "change"))
        for thing in ("user", "account")
    )
    return Scope(reader, is_bank=True, names=people or accounts, addresses=people)


def meaning(
    asked: StaffQuery, scope: Scope, named: Iterable[Account] = (), *, is_narrow: bool = False
) -> Meant:
    """What is asked of transactions; `named` are the accounts that the same words have found.

    `is_narrow` says that the rows are those of one account: an amount is then looked for among
    them all. Takes a query of its own where there are words that may be names.
    """
    query = asked.query
    if query.is_empty:
        return Meant(NOTHING, UNRANKED, query.mistakes)
    names = names_in(scope, query)
    mistakes = [*query.mistakes, *names_mistakes(query, scope, names)]
    condition = TermCompiler(TransactionSides(scope), names).condition(query)
    where = condition.where
    if not is_narrow and (amount := _amount_alone(query)):
        where = _among_newest(amount, condition)
    rank = condition.rank if condition.words is not None else UNRANKED
    lexemes = any_of(account.pk for account in named) if _is_bare(query) else ""
    if lexemes:
        where |= Q(search=LexemeQuery(lexemes))
    return Meant(where, rank, mistakes)


def transactions(
    asked: StaffQuery, scope: Scope, named: Iterable[Account] = ()
) -> tuple[KindResults, Meant]:
    """By id, then by what is asked of them: the best first, and of equals the newest."""
    meant = meaning(asked, scope, named)
    rows = ranked(
        Transaction.objects.with_sides(),
        asked.by_id,
        meant.where,
        meant.rank,
        newest=(BOOKED_AT.desc(), "-pk"),
    )
    return KindResults.of(rows, meant.rank), meant


def search(
    rows: QuerySet[Transaction], typed: str, scope: Scope, *, is_narrow: bool = False
) -> tuple[QuerySet[Transaction], Meant]:
    """The rows of a list that are meant, in the list's own order."""
    asked = StaffQuery(typed, addresses=scope.addresses)
    named = accounts(asked)[1] if scope.names or asked.digits else []
    if not scope.names:
        named = [account for account in named if account.number == asked.digits]
    meant = meaning(asked, scope, named, is_narrow=is_narrow)
    return rows.filter(asked.by_id | meant.where), meant


def _is_bare(query: ParsedQuery) -> bool:
    """Whether there are words alone: for those, the names of accounts may stand as well."""
    return len(query.words) == len(query.items)


def _amount_alone(query: ParsedQuery) -> QueryItem | None:
    items = query.items
    is_alone = len(items) == 1 and items[0].kind in (WORD, AMOUNT) and not items[0].is_not
    return items[0] if is_alone and items[0].amount is not None else None


def _among_newest(item: QueryItem, condition: Condition) -> Q:
    """The word among all rows, the amount among the newest, see Note [One of]."""
    among_newest = one_of(Transaction.objects.newest_first().values("pk")[:NEWEST])
    if item.kind == AMOUNT:
        return condition.where & among_newest
    return Q(search=condition.words) | (Q(amount=item.amount) & among_newest)
