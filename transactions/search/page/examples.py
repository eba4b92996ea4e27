"""The query language on one screen, by examples that find something."""

from dataclasses import dataclass

from django.utils import timezone

from transactions.search.engine import SearchResult
from transactions.search.language.fields import FIELDS
from transactions.search.language.parser import token

# What is said otherwise over the whole bank, where nobody is "me", and where names are not shown.
OVER_THE_BANK = {
    "to": "who got the money: a name or an account number",
    "has": "what its details have",
}
UNNAMED = {"account": "one account, by its number or the end of it", "has": OVER_THE_BANK["has"]}


@dataclass(frozen=True, slots=True)
class Example:
    """A query, and what it is for."""

    query: str
    says: str


def examples_for(found: SearchResult) -> list[Example]:
    """One for each field, made of the reader's own rows where they are known: those of a page
    without a query. Otherwise the usual ones."""
    facets, scope = found.facets, found.scope
    category = next((name for name, _ in facets.category), "rent")
    channel = next((name for name, _ in facets.channel), "card")
    left_out = {"id"} if scope.names else {"id", "to", "from", "with"}
    if scope.is_bank:
        left_out |= {"tag", "note"}
    else:
        left_out |= {name for name, known in FIELDS.items() if known.bank_only}
    made = _made(found, category)
    says = OVER_THE_BANK if scope.is_bank else {}
    if not scope.names:
        says = UNNAMED
    examples = [
        Example(made.get(name) or known.example, says.get(name) or known.says)
        for name, known in FIELDS.items()
        if name not in left_out
    ]
    by_channel = f"meta.channel:{channel}" if channel.isalnum() else token("meta.channel", channel)
    return [
        *examples,
        Example(
            by_channel, "a word of any detail, or in quotes the whole of it; points lead inside"
        ),
        Example("meta.fx.rate:>1.1", "a number among the details, compared"),
        Example(f"{category} -{by_channel}", "a minus shuts out words, phrases and fields"),
        Example(
            f"{category} or {channel}", "one or the other; what stands beside each binds closer"
        ),
        Example("13.40", "a number is an amount too; -13.40 is money out, +13.40 money in"),
    ]


def _made(found: SearchResult, category: str) -> dict[str, str]:
    """Examples by what there is, by the names of their fields."""
    facets, person = found.facets, _person(found)
    month = next((f"{day:%Y-%m}" for day, _ in facets.month), f"{timezone.localdate():%Y-%m}")
    currency = next((total.currency for total in facets.totals), "EUR")
    account = next((account.name for account in found.scope.accounts), _account(found))
    return {
        "to": token("to", person),
        "from": token("from", person) if found.scope.is_bank else "from:me",
        "with": token("with", person),
        "account": token("account", account),
        "currency": f"currency:{currency}",
        "date": f"date:{month[:4]}-01..{month}",
        "category": token("category", category),
        "has": "has:meta.channel",
        "tag": token("tag", next((name for name, _ in facets.tag), "food")),
    }


def _account(found: SearchResult) -> str:
    """An account of the bank: by its name, or by its number's end where names are not shown."""
    for row in found.rows:
        for account in (row.to_account, row.from_account):
            if account:
                return account.name if found.scope.names else account.number[-4:]
    return "everyday" if found.scope.names else "2875"


def _person(found: SearchResult) -> str:
    """The first name of somebody the reader had to do with lately."""
    reader = found.scope.reader.pk
    for row in found.rows:
        for side in (row.to_account, row.from_account):
            if side and side.user_id != reader and side.user.name:
                return str(side.user.name.split()[0])
    return "mara"
