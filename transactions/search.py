"""Words to a query of the stored `search` column."""

import re

from django.contrib.postgres.search import SearchQuery
from django.db.models import Q

from accounts.models import Account


class LexemeQuery(SearchQuery):
    """A query of lexemes exactly as written; to_tsquery would parse an account's as words."""

    template = "%(expressions)s::tsquery"


NAMED_ACCOUNTS = 50  # accounts whose holder's name may stand for a word


def side_lexeme(account: Account) -> str:
    """The lexeme by which the search column names an account, see Note [Search column]."""
    return f"'@{account.pk.hex[-12:]}'"


def between(one: Account, other: Account) -> SearchQuery:
    """The rows that have both accounts as sides, whichever way the money went."""
    return LexemeQuery(f"{side_lexeme(one)} & {side_lexeme(other)}")


def words_within(text: str, account: Account) -> SearchQuery | None:
    """The words of `text`, each also as a beginning, in the rows of one account; None without.

    A word finds the other side's name as well: through that account's own lexeme, so that one
    GIN index answers it all. The account is still checked beside it.
    """
    words = re.findall(r"\w+", text)
    if not words:
        return None
    exact = SearchQuery(text, search_type="websearch", config="simple")
    begun = SearchQuery(
        " & ".join(f"'{word}':*" for word in words), search_type="raw", config="simple"
    )
    named = Account.objects.filter(_named(text, account))
    lexemes = " | ".join(side_lexeme(other) for other in named.only("pk")[:NAMED_ACCOUNTS])
    found = exact | begun
    if lexemes:
        found = found | LexemeQuery(lexemes)
    return LexemeQuery(side_lexeme(account)) & found


def _named(text: str, account: Account) -> Q:
    """Accounts that a statement shows under a name with this text: the holder's, or one's own."""
    own = Q(user=account.user_id, name__icontains=text) & ~Q(pk=account.pk)
    return own | (Q(user__name__icontains=text) & ~Q(user=account.user_id))
