"""Which of a reader's accounts `account:` means, and what is said where it means none."""

from collections.abc import Iterable

from accounts.models import Account
from transactions.query_language import NOTES, Item, Mistake, Query, token
from transactions.query_words import FIELDS, near
from transactions.reach import Reach
from transactions.search_names import SIDES, account_number, holder_id


def accounts_meant(item: Item, accounts: Iterable[Account]) -> list[Account]:
    """The accounts of a reader that `account:` names: by digits of the number, or the name."""
    digits = "".join(item.text.split()).replace("-", "")
    if digits.isdigit() and len(digits) >= 3:
        return [account for account in accounts if account.number.endswith(digits)]
    words = item.text.casefold().split()
    return [account for account in accounts if _begin(words, account.name.casefold().split())]


def account_mistakes(query: Query, accounts: Iterable[Account]) -> list[Mistake]:
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
            found.append(Mistake(said, tuple(fixes)))
        elif item.kind in FIELDS and FIELDS[item.kind].bank_only:
            said = f"{item.kind}: is asked of the whole bank, by those who may read all of it."
            rest = query.without(item.source)
            found.append(Mistake(said, (rest,) if rest else ()))
    return found


def names_mistakes(query: Query, reach: Reach) -> list[Mistake]:
    """What is said of names that are nobody's the reader may ask about, and of notes there."""
    if not reach.is_bank:
        return account_mistakes(query, reach.accounts)
    private = "Notes and tags are for whoever wrote them: they are found among your own payments."
    mistakes = [Mistake(private)] if any(item.kind in NOTES for item in query.items) else []
    if reach.names:
        return mistakes
    said = "People's names are not shown to you; write the number of an account, like {}:{}."
    return mistakes + [
        Mistake(said.format(item.kind, "482109375549"))
        for item in query.items
        if item.kind in (*SIDES, "account") and not (account_number(item) or holder_id(item))
    ]


def _begin(words: list[str], name: list[str]) -> bool:
    return all(any(part.startswith(word) for part in name) for word in words)
