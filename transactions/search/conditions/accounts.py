"""Which of a reader's accounts `account:` means, and what is said where it means none."""

from collections.abc import Iterable

from accounts.models import Account
from transactions.scope import Scope
from transactions.search.conditions.names import (
    MOST_NAMED,
    NO_MATCH,
    SIDES,
    NameMatches,
    account_ending,
    account_number,
    holder_id,
    is_me,
)
from transactions.search.language.fields import FIELDS, near
from transactions.search.language.parser import token
from transactions.search.language.tree import NOTES, Mistake, ParsedQuery, QueryItem

PRIVATE = "Notes and tags are for whoever wrote them: they are found among your own payments."
ME = "{}:me asks for your own money; over the whole bank write a name or an account's number."
UNNAMED = (
    "People's names are not shown to you; write the number of an account, like {}:482109375549.",
    "Names are not shown to you; write the number of an account or its end, like {}:5549.",
)


def accounts_meant(item: QueryItem, accounts: Iterable[Account]) -> list[Account]:
    """The accounts of a reader that `account:` names: by digits of the number, or the name."""
    if digits := account_ending(item):
        return [account for account in accounts if account.number.endswith(digits)]
    words = item.text.casefold().split()
    return [account for account in accounts if _begin(words, account.name.casefold().split())]


def account_mistakes(query: ParsedQuery, accounts: Iterable[Account]) -> list[Mistake]:
    """What is said of an `account:` that no account of the reader's fits, and of what is asked
    of the whole bank alone."""
    known = list(accounts)
    names = [account.name for account in known]
    found = []
    for item in query.items:
        if item.kind == "account" and not accounts_meant(item, known):
            said = f"None of these accounts is called “{item.text}”."
            by_word = {word: name for name in names for word in name.casefold().split()}
            close = [by_word[word] for word in near(item.text.casefold(), list(by_word))]
            meant = close or names[:1]
            fixes = [query.replacing(item.source, token("account", name)) for name in meant]
            found.append(Mistake(said, tuple(fixes), is_asked=True))
        elif item.kind in FIELDS and FIELDS[item.kind].bank_only:
            said = f"{item.kind}: is asked of the whole bank, by those who may read all of it."
            rest = query.without(item.source)
            found.append(Mistake(said, (rest,) if rest else (), is_asked=True))
    return found


def names_mistakes(query: ParsedQuery, scope: Scope, names: NameMatches) -> list[Mistake]:
    """What is said of names that are nobody's the reader may ask about, and of notes there."""
    if not scope.is_bank:
        return account_mistakes(query, scope.accounts)
    said = [_of_bank(item, scope, names) for item in query.items]
    if any(item.kind in NOTES for item in query.items):
        said.insert(0, PRIVATE)
    return [Mistake(sentence, is_asked=True) for sentence in dict.fromkeys(filter(None, said))]


def _of_bank(item: QueryItem, scope: Scope, names: NameMatches) -> str:
    """What is said of an item that nothing over the whole bank can answer, "" for others."""
    if is_me(item):
        return ME.format(item.kind)
    ending = account_ending(item)
    if ending and names.get(item.source, NO_MATCH).are_many:
        return f"More than {MOST_NAMED} accounts end in {ending}; write more of the number."
    if scope.names or item.kind not in (*SIDES, "account"):
        return ""
    is_known = ending or account_number(item) or holder_id(item)
    return "" if is_known else UNNAMED[item.kind == "account"].format(item.kind)


def _begin(words: list[str], name: list[str]) -> bool:
    return all(any(part.startswith(word) for part in name) for word in words)
