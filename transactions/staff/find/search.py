"""Searches people, accounts and transactions for staff. Exact results come first. The other results
are sorted by rank.

Each kind takes one query. `accounts.name_search` finds people and accounts, and the module
`transactions` builds the conditions on transactions. Only the newest `RANKED` matches are ranked,
so a search for a common word is as fast as a search for a rare word.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db import models
from django.db.models import Case, Count, Q, QuerySet, When, Window

from accounts.models import Account, User
from accounts.name_search import IN_ADDRESS, UNRANKED, NameSearch
from accounts.numbers import LENGTH
from ledger.db.queries.conditions import NO_ROWS, one_of
from transactions.search.language.parser import parse
from transactions.search.language.query import QueryItem
from transactions.search.language.values import is_number

RANKED = 1_000  # maximum number of newest matches of each kind that are ranked
SHOWN = 10  # maximum number of shown results of each kind
# If a search finds more accounts than this, it does not search the transactions of these accounts.
NAMED_ACCOUNTS = 50
FEWEST_DIGITS = 4  # minimum number of digits at the start or end of an account number


@dataclass(frozen=True, slots=True)
class KindResults:
    """The results of one kind, such as people. `exact` contains the results whose id, number or
    address is the search text, and `ranked` contains the other results.

    `many` is the number of all matches, at most `RANKED`. `is_ranked` is False if the search
    contains no word by which results can be ranked.
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
        """Whether there are more results than the page shows."""
        return self.many > SHOWN

    @property
    def count(self) -> str:
        """The number of matches that are not exact, such as "12". It is "1,000+" if only the newest
        RANKED matches were counted.
        """
        if self.many >= RANKED:
            return f"{RANKED:,}+"
        return str(self.many - len(self.exact))

    @property
    def extent(self) -> str:
        """A text about the part of the results that is shown, such as "The best 10 of 12.", or ""
        for all results.
        """
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

    `addresses`: whether words also find email addresses. `numbers`: whether parts of account
    numbers find accounts. Both depend on the rights of the user. A complete account number always
    finds its account, with or without spaces.
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
        """The search text as an id, or None if it is not an id."""
        try:
            return uuid.UUID(self.text)
        except ValueError:
            return None

    @property
    def by_id(self) -> Q:
        """The condition for the row whose id is the search text. No row matches if the text is not
        an id.
        """
        return Q(pk=self.id) if self.id else NO_ROWS

    @cached_property
    def digits(self) -> str:
        """The digits of a text with only digits, spaces, hyphens and points, otherwise ""."""
        digits = "".join(c for c in self.text if not c.isspace() and c not in "-.")
        return digits if digits.isascii() and digits.isdigit() else ""

    @property
    def part(self) -> str:
        """Digits that may be the start or the end of an account number, otherwise "". Fewer than
        FEWEST_DIGITS digits do not count. A text with a sign or a point does not count, because it
        may be an amount.
        """
        is_part = self.text[:1].isdigit() and "." not in self.text
        return self.digits if is_part and len(self.digits) >= FEWEST_DIGITS else ""

    @cached_property
    def names(self) -> NameSearch:
        """The search for words in the names of people and accounts."""
        words = [[word for item in group for word in _words(item)] for group in self.parsed.groups]
        return NameSearch(words, addresses=self.addresses)


def _words(item: QueryItem) -> list[str]:
    """Returns the words of this item that may be in names."""
    if item.is_negated or item.kind not in ("word", "phrase"):
        return []
    return item.text.split()


def people(query: StaffQuery) -> KindResults:
    """Returns the people with this id or address, then the people whose name or address contains
    the words, the best matches first. See Note [Ranked names].
    """
    exact, rank = query.by_id | Q(email=query.text.lower()), query.names.person_rank()
    found, similar = query.names.people(), query.names.people(misspelt=True)
    rows = ranked(User.objects.shown(), exact, found, rank, similar=similar)
    return KindResults.of(rows, rank)


def accounts(query: StaffQuery) -> tuple[KindResults, list[Account]]:
    """Returns the accounts that match the query, and the accounts whose transactions also match.

    The first list starts with the account that has this id or number. After it come the accounts
    that contain the words in their name or in their holder's name, the best match first: see Note
    [Ranked names].

    The second list is empty if it would have more than `NAMED_ACCOUNTS` accounts. It does not
    contain accounts with a misspelt word. It also does not contain accounts whose number only ends
    with the digits, because the digits may be an amount.
    """
    exact, rank = query.by_id, query.names.account_rank()
    found = query.names.accounts(most=RANKED)
    if query.digits:
        exact |= Q(number=query.digits)
    if query.part and query.numbers:
        found |= Q(number__startswith=query.part)
    if query.part and (query.numbers or len(query.part) == FEWEST_DIGITS):
        found |= _ending(query.part)
    similar = query.names.accounts(misspelt=True, most=RANKED)
    base = Account.objects.select_related("user")
    rows = ranked(base, exact, found, rank, similar=similar, most=NAMED_ACCOUNTS + 1)
    named = [row for row in rows if _is_named(row, query)]
    return KindResults.of(rows, rank), named if len(named) <= NAMED_ACCOUNTS else []


def ranked(
    base: QuerySet[Any],
    exact: Q,
    found: Q,
    rank: Any,
    *,
    similar: Q = NO_ROWS,
    newest: Sequence[Any] = ("-pk",),
    most: int = SHOWN + 1,
) -> list[Any]:
    """Returns the exact results, then the best of the newest `RANKED` matches. If results have the
    same rank, the newest comes first. The newest `RANKED` rows that match `similar` are ranked,
    too. Sends one query.
    """

    def newest_of(condition: Q) -> Q:
        return one_of(base.filter(condition).order_by(*newest).values("pk")[:RANKED])

    some = newest_of(exact | found)
    if similar != NO_ROWS:
        some |= newest_of(similar)
    is_exact = Case(When(exact, then=True), default=False, output_field=models.BooleanField())
    best = base.filter(some).annotate(is_exact=is_exact, rank=rank, many=Window(Count("*")))
    return list(best.order_by("-is_exact", "-rank", *newest)[:most])


def _ending(digits: str) -> Q:
    """Returns the condition for the newest accounts whose number ends with these digits. See Note
    [One of].
    """
    accounts = Account.objects.filter(number__endswith=digits).order_by("-pk")
    return one_of(accounts.values("pk")[:RANKED])


def _is_named(account: Account, query: StaffQuery) -> bool:
    """Returns whether the search text is the id or the start of the number of the account, or
    contains words of the account's name or of the holder's name.
    """
    is_begun = bool(query.part) and account.number.startswith(query.part)
    is_exact, rank = account.is_exact, account.rank  # type: ignore[attr-defined]
    return is_exact or is_begun or rank >= IN_ADDRESS
