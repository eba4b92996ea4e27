"""One search over people, accounts and transactions, for staff: exact hits first, then by rank.

Each kind is one query. Words are met by indexes (`users_search`, `accounts_search`,
`transactions_search`); of what they find, the newest `RANKED` rows are ranked, so that a word
of half the bank costs as much as one of a hundred rows.
"""

import re
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, reduce
from operator import and_, or_
from typing import Any

from django.contrib.postgres.search import (
    SearchQuery,
    SearchRank,
    SearchVector,
    SearchVectorExact,
)
from django.db import models
from django.db.models import Case, F, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from accounts.lines import tidy_line
from accounts.models import ACCOUNT_WORDS, PERSON_WORDS, Account, User
from transactions.admin_search import NEWEST, amount_apart
from transactions.annotation_search import one_of
from transactions.models import Transaction
from transactions.tsqueries import LexemeQuery, any_of

RANKED = 1_000  # rows of a kind that are ranked, the newest
SHOWN = 10  # of a kind
NAMED_ACCOUNTS = 50  # accounts whose names may stand for words in a transaction
LONGEST = 200  # characters of a query
MOST_WORDS = 8
WORD = re.compile(r"[^\W_]+")
FEWEST_DIGITS = 4  # of an account number, from its beginning
NOTHING = Q(pk=None)
UNRANKED: Any = Value(0.0, models.FloatField())
HOLDER_WORDS = SearchVector("user__name", weight="A", config="simple") + SearchVector(
    "user__email", weight="B", config="simple"
)


@dataclass(frozen=True, slots=True)
class Kind:
    """What was found of one kind. `exact` are hits by id, number or address."""

    exact: list[Any] = field(default_factory=list)
    ranked: list[Any] = field(default_factory=list)
    is_cut: bool = False  # there are more than these

    @classmethod
    def of(cls, rows: list[Any]) -> "Kind":
        shown = rows[:SHOWN]
        exact = [row for row in shown if row.is_exact]
        ranked = [row for row in shown if not row.is_exact]
        return cls(exact, ranked, len(rows) > SHOWN)


class Asked:
    """What somebody typed, read once for all kinds."""

    def __init__(self, typed: str) -> None:
        self.text = tidy_line(typed)[:LONGEST]

    @property
    def is_empty(self) -> bool:
        return not self.text

    @cached_property
    def id(self) -> uuid.UUID | None:
        """The id that it is, if it is one."""
        try:
            return uuid.UUID(self.text)
        except ValueError:
            return None

    @property
    def by_id(self) -> Q:
        """The row of that id; none where it is no id."""
        return Q(pk=self.id) if self.id else NOTHING

    @cached_property
    def digits(self) -> str:
        """The digits of an account number as it is written anywhere; "" for anything else."""
        digits = "".join(c for c in self.text if not c.isspace() and c not in "-.")
        return digits if digits.isascii() and digits.isdigit() else ""

    @cached_property
    def beginnings(self) -> list[SearchQuery]:
        """A query for each word, of which a beginning is enough; an address is one word."""
        words: list[str] = []
        for part in self.text.lower().split():
            words += [part] if "@" in part else WORD.findall(part)
        quoted = (word.replace("\\", "").replace("'", "''") for word in words[:MOST_WORDS])
        return [LexemeQuery(f"'{word}':*") for word in quoted if word]

    @cached_property
    def any_beginning(self) -> Any:
        """One query to rank by: however many of the words are in a name."""
        return reduce(or_, self.beginnings)


def people(asked: Asked) -> Kind:
    """By id or address; then by the words of name and address, the best first."""
    exact, found, rank = asked.by_id | Q(email=asked.text.lower()), NOTHING, UNRANKED
    if asked.beginnings:
        found = Q(SearchVectorExact(PERSON_WORDS, reduce(and_, asked.beginnings)))
        rank = SearchRank(PERSON_WORDS, asked.any_beginning)
    return Kind.of(_ranked(User.objects.all(), exact, found, rank))


def accounts(asked: Asked) -> tuple[Kind, list[Account]]:
    """By id or number; then by words, each in the account's name or its holder's.

    Also every account that was found, where they are few enough to stand for their
    transactions; none where they are more than `NAMED_ACCOUNTS`.
    """
    exact, found, rank = asked.by_id, NOTHING, UNRANKED
    if asked.digits:
        exact |= Q(number=asked.digits)
        if len(asked.digits) >= FEWEST_DIGITS:
            found |= Q(number__startswith=asked.digits)
    if asked.beginnings:
        found |= reduce(and_, (_of_holder_or_account(word) for word in asked.beginnings))
        # Once more all in the holder's name: of a single common word not every holder is looked at.
        found |= _of_holder(reduce(and_, asked.beginnings))
        rank = SearchRank(ACCOUNT_WORDS, asked.any_beginning)
        rank += SearchRank(HOLDER_WORDS, asked.any_beginning)
    base = Account.objects.select_related("user")
    rows = _ranked(base, exact, found, rank, most=NAMED_ACCOUNTS + 1)
    return Kind.of(rows), rows if len(rows) <= NAMED_ACCOUNTS else []


def transactions(asked: Asked, named: list[Account]) -> Kind:
    """By id; by the words of its texts, or the accounts those name; by an amount.

    An amount stands beside words, or alone among the newest rows: see `admin_search`.
    """
    words: Any = SearchQuery(asked.text, config="simple", search_type="websearch")
    rank = SearchRank(F("search"), words)  # those by an account alone have none: the newest first
    if named:
        words |= LexemeQuery(any_of(account.pk for account in named))
    found = Q(search=words)
    rest, amount = amount_apart(asked.text)
    if amount is not None:
        found |= _of_amount(amount, rest)
    return Kind.of(_ranked(Transaction.objects.with_sides(), asked.by_id, found, rank))


def _of_amount(amount: Decimal, rest: str) -> Q:
    if rest:
        beside = SearchQuery(rest, config="simple", search_type="websearch")
        return Q(amount=amount, search=beside)
    newest = Transaction.objects.order_by("-pk").values("pk")[NEWEST - 1 : NEWEST]
    return Q(amount=amount, pk__gte=Coalesce(Subquery(newest), Value(uuid.UUID(int=0))))


def _ranked(
    base: QuerySet[Any], exact: Q, found: Q, rank: Any, *, most: int = SHOWN + 1
) -> list[Any]:
    """The exact ones, then the best of the newest `RANKED`, in one query."""
    newest = base.filter(exact | found).order_by("-pk").values("pk")[:RANKED]
    is_exact = Case(When(exact, then=True), default=False, output_field=models.BooleanField())
    best = base.filter(pk__in=newest).annotate(is_exact=is_exact, rank=rank)
    return list(best.order_by("-is_exact", "-rank", "-pk")[:most])


def _of_holder_or_account(word: SearchQuery) -> Q:
    """A word in the account's name or in the holder's, as one bitmap of two indexes."""
    return Q(SearchVectorExact(ACCOUNT_WORDS, word)) | _of_holder(word)


def _of_holder(words: Any) -> Q:
    """Accounts of the newest `RANKED` people with these words. ARRAY, not IN: Note [One of]."""
    people = User.objects.filter(SearchVectorExact(PERSON_WORDS, words)).order_by("-pk")
    return one_of(people.values("pk")[:RANKED], "user")
