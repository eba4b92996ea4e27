"""Finds mistakes that depend on the scope of a search, such as unknown accounts, or names that the
reader may not see.
"""

from collections.abc import Iterable

from accounts.models import Account
from ledger.text.fuzzy import closest
from transactions.scope import Scope
from transactions.search.language.fields import FIELDS
from transactions.search.language.query import NOTES, Mistake, ParsedQuery, QueryItem
from transactions.search.language.terms import token
from transactions.search.sql.name_lookup import (
    MOST_NAMED,
    NO_MATCH,
    SIDES,
    NameMatches,
    account_ending,
    account_number,
    accounts_named,
    finds_digits,
    holder_id,
    is_me,
)

PRIVATE = "Notes and tags are private. Search for them in your own money."
ME = "{}:me means your own money. In the whole bank, write a name or an account number."
UNREAD = (
    "You may not see names, and texts can contain names. So words, ref: and metadata do not find"
    " payments here. Only category: and meta.channel: do."
)
UNNAMED = (
    "You may not see names. Write an account number, like {}:482109375549, or its end in account:.",
    "You may not see names. Write an account number or its end, like {}:5549.",
)
UNNUMBERED = (
    "You may not see names or whole account numbers. Write the last four digits of a number, like "
    "account:5549."
)


def account_mistakes(query: ParsedQuery, accounts: Iterable[Account]) -> list[Mistake]:
    """Returns a mistake for each `account:` that matches none of the accounts. Also returns a
    mistake for each field that works only in the whole bank.
    """
    own_accounts = list(accounts)
    mistakes = []
    for item in query.items:
        if item.kind == "account" and not accounts_named(item, own_accounts):
            mistakes.append(_unknown_account(query, item, own_accounts))
        elif item.kind in FIELDS and FIELDS[item.kind].bank_only:
            sentence = f"{item.kind}: works only in the whole bank, for analysts and staff."
            rest = query.without(item.source)
            mistakes.append(Mistake(sentence, (rest,) if rest else (), is_applied=True))
    return mistakes


def _unknown_account(query: ParsedQuery, item: QueryItem, accounts: list[Account]) -> Mistake:
    names = [account.name for account in accounts]
    names_by_word = {word: name for name in names for word in name.casefold().split()}
    words = closest(item.text.casefold(), list(names_by_word))
    suggested_names = [names_by_word[word] for word in words] or names[:1]
    suggestions = [query.replacing(item.source, token("account", name)) for name in suggested_names]
    sentence = f"No account here is named “{item.text}”."
    return Mistake(sentence, tuple(suggestions), is_applied=True)


def scope_mistakes(query: ParsedQuery, scope: Scope, names: NameMatches) -> list[Mistake]:
    """Returns a mistake for each item of the query that cannot match any row in this scope."""
    if not scope.is_bank:
        return account_mistakes(query, scope.accounts)
    sentences = [_bank_mistake(item, scope, names) for item in query.items]
    if any(item.kind in NOTES for item in query.items):
        sentences.insert(0, PRIVATE)
    return [Mistake(each, is_applied=True) for each in dict.fromkeys(filter(None, sentences))]


def _bank_mistake(item: QueryItem, scope: Scope, names: NameMatches) -> str:
    """Returns the reason why an item cannot match any row in the whole bank, or "" if the item can
    match.
    """
    if is_me(item):
        return ME.format(item.kind)
    if item.is_text and not scope.finds_texts and item.reading is None:
        return UNREAD
    ending = account_ending(item)
    if ending and names.get(item.source, NO_MATCH).are_many:
        may_write_more = finds_digits(scope, f"{ending}0")
        way = "write more of the number" if may_write_more else "open the account from a report"
        return f"More than {MOST_NAMED} accounts end in {ending}, so {way}."
    if scope.shows_names or item.kind not in (*SIDES, "account"):
        return ""
    if finds_digits(scope, ending or account_number(item)) or holder_id(item):
        return ""
    return UNNAMED[item.kind == "account"].format(item.kind) if scope.finds_numbers else UNNUMBERED
