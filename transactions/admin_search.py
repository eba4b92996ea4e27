"""What staff type above the list of transactions, turned into questions that indexes answer."""

import re
import uuid
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.postgres.search import SearchQuery
from django.core.exceptions import ValidationError
from django.db.models import F, Q, QuerySet

from accounts.models import Account
from accounts.numbers import clean_account_number
from transactions.admin_list import with_side
from transactions.forms import read_amount
from transactions.models import Transaction
from transactions.tsqueries import LexemeQuery, any_of

NEWEST = 20_000  # rows among which an amount alone is looked for
NAMED_ACCOUNTS = 50  # accounts whose holder's name may stand for a word
SHORTEST_NAME = 3  # of fewer letters, half the bank would be named
AMOUNT = re.compile(r"[0-9][0-9,]*(\.[0-9]+)?", re.ASCII)
HELP = (
    "A transaction's id, an account number, a person's name or email address, or words of the "
    'description, reference and metadata: rent, "blue note", rent -office. An amount like 13.40 '
    f"is looked for beside a name or words (13.40 rent); alone, among the newest {NEWEST:,} rows."
)
MANY_NAMED = (
    f"The name fits more than {NAMED_ACCOUNTS} accounts; shown are the rows of the "
    f"{NAMED_ACCOUNTS} that moved last. Type more of it."
)


@dataclass(frozen=True, slots=True)
class Found:
    """The rows, and what to say where not all that fit are among them."""

    rows: QuerySet[Transaction]
    is_cut: str = ""


def search(rows: QuerySet[Transaction], typed: str, *, is_narrow: bool = False) -> Found:
    """By id, account number, holder, amount or words; each through an index.

    `is_narrow` says that the rows are those of one account: an amount is then looked for
    among them all.
    """
    try:
        return Found(rows.filter(pk=uuid.UUID(typed.strip())))
    except ValueError:
        pass
    account = _numbered(typed)
    if account:
        return Found(with_side(rows, account))
    words, is_cut = _words(typed)
    wanted = Q(search=words)
    rest, amount = amount_apart(typed)
    if amount is not None and rest:
        beside, is_cut = _words(rest)
        wanted |= Q(search=beside) & Q(amount=amount)
    elif amount is not None:
        wanted |= Q(amount=amount) if is_narrow else Q(amount=amount, pk__gte=_oldest_of_newest())
    return Found(rows.filter(wanted), MANY_NAMED if is_cut else "")


def _numbered(typed: str) -> Account | None:
    try:
        return Account.objects.filter(number=clean_account_number(typed)).first()
    except ValueError:
        return None


def _words(text: str) -> tuple[SearchQuery, bool]:
    """Rows with these words, or of an account whose holder they name; whether those were many.

    A holder is found through the lexemes of the accounts, so that the index of the words
    answers for both, see Note [Search column].
    """
    words = SearchQuery(text, config="simple", search_type="websearch")
    name = " ".join(text.split())
    if len(name) < SHORTEST_NAME or "\x00" in name:
        return words, False
    holder = Q(user__name__icontains=name) | Q(user__email__icontains=name)
    accounts = Account.objects.filter(holder).order_by(F("last_entry_at").desc(nulls_last=True))
    named = list(accounts.only("pk")[: NAMED_ACCOUNTS + 1])
    if not named:
        return words, False
    lexemes = any_of(account.pk for account in named[:NAMED_ACCOUNTS])
    return words | LexemeQuery(lexemes), len(named) > NAMED_ACCOUNTS


def amount_apart(typed: str) -> tuple[str, Decimal | None]:
    """The words beside the one amount in the text, and that amount; None without just one."""
    words = typed.split()
    amounts = [word for word in words if AMOUNT.fullmatch(word)]
    if len(amounts) != 1:
        return typed, None
    try:
        amount = read_amount(amounts[0])
    except ValidationError:
        return typed, None
    return " ".join(word for word in words if word != amounts[0]), amount


def _oldest_of_newest() -> uuid.UUID:
    """Where the newest rows begin: an id begins with its time, so this is a stretch of the key."""
    newest = Transaction.objects.order_by("-pk").values_list("pk", flat=True)
    first: uuid.UUID | None = newest[NEWEST - 1 : NEWEST].first()
    return first or uuid.UUID(int=0)
