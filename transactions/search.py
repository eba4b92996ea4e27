"""Words to a query of the stored `search` column."""

import re
from decimal import Decimal

from django.contrib.postgres.search import SearchQuery
from django.db.models import Q

from accounts.models import Account


class LexemeQuery(SearchQuery):
    """A query of lexemes exactly as written; to_tsquery would parse an account's as words."""

    template = "%(expressions)s::tsquery"


# Digits with a point, perhaps commas between thousands, perhaps a sign.
TYPED_AMOUNT = re.compile(
    "(?P<sign>[-+\u2212]?)"
    "(?P<figure>[0-9]{1,3}(,[0-9]{3}){1,4}(\\.[0-9]{1,4})?|[0-9]{1,15}(\\.[0-9]{1,4})?)"
)
WORD = re.compile(r"[^\W_]+")
OPERATOR = re.compile(r'(^|\s)-\S|"|\bor\b', re.IGNORECASE)


def side_lexeme(account: Account) -> str:
    """The lexeme by which the search column names an account, see Note [Search column]."""
    return f"'@{account.pk.hex[-12:]}'"


def between(one: Account, other: Account) -> SearchQuery:
    """The rows that have both accounts as sides, whichever way the money went."""
    return LexemeQuery(f"{side_lexeme(one)} & {side_lexeme(other)}")


def entries_with(text: str, account: Account) -> Q:
    """The entries of an account that a person means by `text`: words, a name, or an amount.

    Words are matched in the search column, within the account by its lexeme; names only among
    those who stand on the account's own entries. An amount with a sign means that direction
    alone: -13.40 is money out.
    """
    amount = TYPED_AMOUNT.fullmatch(text.strip())
    if amount and amount["sign"]:
        direction = "credit" if amount["sign"] == "+" else "debit"
        return Q(amount=_figure(amount)) & Q(direction=direction)
    found = _named(text, account)
    query = words_within(text, account)
    if query is not None:
        found |= Q(search=query)
    return found | Q(amount=_figure(amount)) if amount else found


def _figure(amount: re.Match[str]) -> Decimal:
    return Decimal(amount["figure"].replace(",", ""))


def words_within(text: str, account: Account) -> SearchQuery | None:
    """The words of `text`, each also as a beginning, in the rows of one account; None without.

    Beginnings are left out where the text has an operator ("phrases", -not, or): they would
    let in what it shuts out.
    """
    words = WORD.findall(text)
    if not words:
        return None
    found = SearchQuery(text, search_type="websearch", config="simple")
    if not OPERATOR.search(text):
        begun = " & ".join(f"'{word}':*" for word in words)
        found = found | SearchQuery(begun, search_type="raw", config="simple")
    return LexemeQuery(side_lexeme(account)) & found


def _named(text: str, account: Account) -> Q:
    """Entries whose other side a statement shows under this name: the holder's, or one's own."""
    own = Q(counterparty__user=account.user_id)
    return (own & Q(counterparty__name__icontains=text)) | (
        ~own & Q(counterparty__user__name__icontains=text)
    )
