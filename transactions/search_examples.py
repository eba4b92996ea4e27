"""The query language on one screen, by examples that find something."""

from dataclasses import dataclass

from django.utils import timezone

from transactions.query_language import token
from transactions.query_words import FIELDS
from transactions.search import Found


@dataclass(frozen=True, slots=True)
class Example:
    """A query, and what it is for."""

    query: str
    says: str


def examples_for(found: Found) -> list[Example]:
    """One for each field, made of the reader's own rows where they are known: those of a page
    without a query. Otherwise the usual ones."""
    facets, person = found.facets, _person(found)
    category = next((name for name, _ in facets.category), "rent")
    channel = next((name for name, _ in facets.channel), "card")
    month = next((f"{day:%Y-%m}" for day, _ in facets.month), f"{timezone.localdate():%Y-%m}")
    currency = next((total.currency for total in facets.totals), "EUR")
    account = next((account.name for account in found.reach.accounts), "everyday")
    year = month[:4]
    made = {
        "to": token("to", person),
        "with": token("with", person),
        "account": token("account", account),
        "currency": f"currency:{currency}",
        "date": f"date:{year}-01..{month}",
        "category": token("category", category),
        "has": "has:meta.channel",
        "tag": token("tag", next((name for name, _ in facets.tag), "food")),
    }
    left_out = {"id"} if found.reach.names else {"id", "to", "from", "with"}
    if found.reach.is_bank:
        left_out |= {"tag", "note"}
    else:
        left_out |= {name for name, known in FIELDS.items() if known.bank_only}
    examples = [
        Example(made.get(name) or known.example, known.says)
        for name, known in FIELDS.items()
        if name not in left_out
    ]
    by_channel = token("meta.channel", channel)
    return [
        *examples,
        Example(by_channel, "any detail of a payment; nested ones with points between"),
        Example("meta.fx.rate:>1.1", "a number among the details, compared"),
        Example(f"{category} -{by_channel}", "a minus shuts out words, phrases and fields"),
        Example(
            f"{category} or {channel}", "one or the other; what stands beside each binds closer"
        ),
        Example("13.40", "a number is an amount too; -13.40 is money out, +13.40 money in"),
    ]


def _person(found: Found) -> str:
    """The first name of somebody the reader had to do with lately."""
    reader = found.reach.reader.pk
    for row in found.rows:
        for side in (row.to_account, row.from_account):
            if side and side.user_id != reader and side.user.name:
                return str(side.user.name.split()[0])
    return "mara"
