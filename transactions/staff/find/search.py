"""One search over customers, accounts and transactions for staff: exact results first, then by
rank.

One query per kind. Words use the indexes `users_search`, `accounts_search` and
`transactions_search`. Only the newest `RANKED` matches are ranked, so a common word is as fast as a
rare one. The module `transactions` builds the conditions on transactions.
"""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
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
from django.db.models import Case, Count, Q, QuerySet, Value, When, Window

from accounts.models import ACCOUNT_WORDS, PERSON_WORDS, Account, User
from accounts.numbers import LENGTH
from ledger.db.queries.tsqueries import prefix_lexeme
from transactions.annotations.search import one_of
from transactions.search.language.parser import parse
from transactions.search.language.query import QueryItem
from transactions.search.language.values import is_number
from transactions.search.sql.condition import NO_ROWS

RANKED = 1_000  # newest rows of a kind that are ranked
SHOWN = 10  # results of each kind
NAMED_ACCOUNTS = 50  # if a search finds more accounts, it does not add their transactions
MOST_WORDS = 8  # maximum words for the search of people and accounts
WORD = re.compile(r"[^\W_]+")
FEWEST_DIGITS = 4  # minimum digits of the start or end of an account number
UNRANKED: Any = Value(0.0, models.FloatField())
HOLDER_NAMES = SearchVector("user__name", weight="A", config="simple")
HOLDER_WORDS = HOLDER_NAMES + SearchVector("user__email", weight="B", config="simple")


@dataclass(frozen=True, slots=True)
class KindResults:
    """Results of one kind. `exact` are those whose id, number or address matches.

    `many` counts all matches, up to `RANKED`. `is_ranked` is False if there is no word to rank by.
    """

    exact: list[Any] = field(default_factory=list)
    ranked: list[Any] = field(default_factory=list)
    many: int = 0
    is_ranked: bool = True

    @classmethod
    def of(cls, rows: list[Any], rank: Any) -> "KindResults":
        shown = rows[:SHOWN]
        exact = [row for row in shown if row.is_exact]
        others = [row for row in shown if not row.is_exact]
        return cls(exact, others, rows[0].many if rows else 0, rank is not UNRANKED)

    @property
    def is_cut(self) -> bool:
        """Whether there are more results."""
        return self.many > SHOWN

    @property
    def extent(self) -> str:
        """Which part of the results is shown, such as "The best 10 of 12.", or "" if all are."""
        if not self.is_cut:
            return ""
        first = "best" if self.is_ranked else "newest"
        if self.many < RANKED:
            return f"The {first} {SHOWN} of {self.many}."
        if not self.is_ranked:
            return f"The newest {SHOWN} of {RANKED:,} or more."
        return f"The best {SHOWN} of the newest {RANKED:,} matches."


class StaffQuery:
    """A search text, parsed once for all kinds.

    `addresses`: words also find email addresses. `numbers`: parts of account numbers are found.
    Both depend on what the user may see. A whole account number is always found, with or without
    spaces.
    """

    def __init__(self, typed: str, *, addresses: bool = False, numbers: bool = True) -> None:
        self.parsed = parse(typed)
        self.text = self.parsed.text
        self.addresses = addresses
        self.numbers = numbers
        if len(self.digits) == LENGTH and not is_number(self.text):
            self.parsed = parse(self.digits)

    @property
    def is_empty(self) -> bool:
        return not self.text

    @cached_property
    def id(self) -> uuid.UUID | None:
        """The id in the text, if any."""
        try:
            return uuid.UUID(self.text)
        except ValueError:
            return None

    @property
    def by_id(self) -> Q:
        """The condition for the row with the id in the text. Without an id it matches nothing."""
        return Q(pk=self.id) if self.id else NO_ROWS

    @cached_property
    def digits(self) -> str:
        """The digits of an account number, or "" for anything else."""
        digits = "".join(c for c in self.text if not c.isspace() and c not in "-.")
        return digits if digits.isascii() and digits.isdigit() else ""

    @property
    def part(self) -> str:
        """Digits that an account number may start or end with, or "" if there are too few, or for
        an amount with a sign or a point.
        """
        is_part = self.text[:1].isdigit() and "." not in self.text
        return self.digits if is_part and len(self.digits) >= FEWEST_DIGITS else ""

    @cached_property
    def groups(self) -> list[list[SearchQuery]]:
        """One prefix query per word, in groups. A row matches if all words of one group match."""
        words = [[word for item in group for word in _words(item)] for group in self.parsed.groups]
        weight = "" if self.addresses else "A"  # only names: see PERSON_WORDS
        return [
            [prefix_lexeme(word, weight) for word in group[:MOST_WORDS]] for group in words if group
        ]

    @property
    def has_many_words(self) -> bool:
        """Whether there are more words than MOST_WORDS."""
        return any(
            sum(len(_words(item)) for item in group) > MOST_WORDS for group in self.parsed.groups
        )

    @cached_property
    def any_beginning(self) -> Any:
        """The tsquery that ranks the results: any of the words."""
        return reduce(or_, (word for group in self.groups for word in group))


def _words(item: QueryItem) -> list[str]:
    """Returns the words of an item to search for in names. An email address is one word."""
    if item.is_negated or item.kind not in ("word", "phrase"):
        return []
    words: list[str] = []
    for part in item.text.lower().split():
        words += [part] if "@" in part else WORD.findall(part)
    return words


def people(query: StaffQuery) -> KindResults:
    """Finds people by id or address, then by words of name and address, best first."""
    exact, found, rank = query.by_id | Q(email=query.text.lower()), NO_ROWS, UNRANKED
    if query.groups:
        for words in query.groups:
            found |= Q(SearchVectorExact(PERSON_WORDS, reduce(and_, words)))
        rank = SearchRank(PERSON_WORDS, query.any_beginning)
    return KindResults.of(ranked(User.objects.shown(), exact, found, rank), rank)


def accounts(query: StaffQuery) -> tuple[KindResults, list[Account]]:
    """Finds accounts by id or number, then by words of the account's or the holder's name.

    Also returns the accounts whose transactions belong to the results. This list is empty if there
    are more than `NAMED_ACCOUNTS`. It leaves out accounts that matched only by the end of the
    number, because the digits may be an amount.
    """
    exact, found, rank = query.by_id, NO_ROWS, UNRANKED
    if query.digits:
        exact |= Q(number=query.digits)
    if query.part and query.numbers:
        found |= Q(number__startswith=query.part)
    if query.part and (query.numbers or len(query.part) == FEWEST_DIGITS):
        found |= _ending(query.part)
    if query.groups:
        for words in query.groups:
            found |= reduce(and_, (_of_holder_or_account(word) for word in words))
            # Also all words together, because a single common word finds only the newest holders.
            found |= _of_holder(reduce(and_, words))
        rank = SearchRank(ACCOUNT_WORDS, query.any_beginning)
        holder = HOLDER_WORDS if query.addresses else HOLDER_NAMES
        rank += SearchRank(holder, query.any_beginning)
    base = Account.objects.select_related("user")
    rows = ranked(base, exact, found, rank, most=NAMED_ACCOUNTS + 1)
    named = [row for row in rows if not _matches_only_at_end(row, query)]
    return KindResults.of(rows, rank), named if len(rows) <= NAMED_ACCOUNTS else []


def ranked(
    base: QuerySet[Any],
    exact: Q,
    found: Q,
    rank: Any,
    *,
    newest: Sequence[Any] = ("-pk",),
    most: int = SHOWN + 1,
) -> list[Any]:
    """Returns exact results, then the best of the newest `RANKED`, newest first if the rank is
    equal. One query.
    """
    some = base.filter(exact | found).order_by(*newest).values("pk")[:RANKED]
    is_exact = Case(When(exact, then=True), default=False, output_field=models.BooleanField())
    best = base.filter(one_of(some)).annotate(is_exact=is_exact, rank=rank, many=Window(Count("*")))
    return list(best.order_by("-is_exact", "-rank", *newest)[:most])


def _ending(digits: str) -> Q:
    """Returns the condition for the newest accounts whose number ends with these digits. See Note
    [One of].
    """
    accounts = Account.objects.filter(number__endswith=digits).order_by("-pk")
    return one_of(accounts.values("pk")[:RANKED])


def _matches_only_at_end(account: Account, query: StaffQuery) -> bool:
    """Returns whether the account's number matches at its end but not at its start."""
    is_begun = account.number.startswith(query.part)
    return bool(query.part) and account.number.endswith(query.part) and not is_begun


def _of_holder_or_account(word: SearchQuery) -> Q:
    """Returns the condition for accounts with a word in their own or their holder's name. Postgres
    combines both indexes.
    """
    return Q(SearchVectorExact(ACCOUNT_WORDS, word)) | _of_holder(word)


def _of_holder(words: Any) -> Q:
    """Returns the condition for accounts of the newest `RANKED` customers with these words. See
    Note [One of].
    """
    people = User.objects.filter(SearchVectorExact(PERSON_WORDS, words)).order_by("-pk")
    return one_of(people.values("pk")[:RANKED], "user")
