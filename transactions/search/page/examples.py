"""Example queries for the help on the search page. The examples use values from the reader's
rows.
"""

from dataclasses import dataclass

from django.utils import timezone

from transactions.search.engine import SearchResult
from transactions.search.language.fields import FIELDS
from transactions.search.language.terms import token

# Descriptions for the whole bank, where the value "me" does not work. The second mapping is for
# readers who may not see names.
BANK_DESCRIPTIONS = {
    "to": "who received the money: a name or an account number",
    "has": "a metadata key",
}
UNNAMED_DESCRIPTIONS = {
    "account": "an account, by the last three or four digits of its number",
    "has": BANK_DESCRIPTIONS["has"],
}


@dataclass(frozen=True, slots=True)
class Example:
    """An example query, and a description of the payments that it finds."""

    query: str
    description: str


def examples_for(result: SearchResult) -> list[Example]:
    """Returns one example for each field, and some examples of the rest of the query language.

    `result` is the result of a search with an empty text. The examples contain values from the rows
    and facets of `result`, so that each example finds something.
    """
    facets, scope = result.facets, result.scope
    category = next((name for name, _ in facets.category if token("category", name)), "rent")
    channel = next((name for name, _ in facets.channel if token("meta.channel", name)), "card")
    left_out = {"id"} if scope.shows_names else {"id", "to", "from", "with"}
    left_out |= set() if scope.finds_texts else {"ref"}
    if scope.is_bank:
        left_out |= {"tag", "note"}
    else:
        left_out |= {name for name, field in FIELDS.items() if field.bank_only}
    from_rows = _examples_from_rows(result, category)
    descriptions = BANK_DESCRIPTIONS if scope.is_bank else {}
    if not scope.shows_names:
        descriptions = UNNAMED_DESCRIPTIONS
    examples = [
        Example(from_rows.get(name) or field.example, descriptions.get(name) or field.description)
        for name, field in FIELDS.items()
        if name not in left_out
    ]
    by_channel = f"meta.channel:{channel}" if channel.isalnum() else token("meta.channel", channel)
    if not scope.finds_texts:
        by_category = token("category", category)
        return [
            *examples,
            Example(by_channel, "the channel; the values of other metadata find nothing"),
            Example(f"{by_category} -{by_channel}", "a minus excludes a field"),
            Example(f"{by_category} or {by_channel}", "either side of “or” may match"),
            Example("13.40", "an amount; -13.40 is money out, +13.40 money in"),
        ]
    return [
        *examples,
        Example(by_channel, "a word of a metadata value, or in quotes the whole value"),
        Example("meta.fx.rate:>1.1", "a number in the metadata; points separate nested keys"),
        Example(f"{category} -{by_channel}", "a minus excludes a word, a phrase or a field"),
        Example(f"{category} or {channel}", "either side of “or” may match"),
        Example("13.40", "a word or an amount; -13.40 is money out, +13.40 money in"),
    ]


def _examples_from_rows(result: SearchResult, category: str) -> dict[str, str]:
    """Returns an example query for each field. The keys are names of fields."""
    facets, person = result.facets, _first_name(result)
    month = next((f"{day:%Y-%m}" for day, _ in facets.month), f"{timezone.localdate():%Y-%m}")
    currency = next((total.currency for total in facets.totals), "EUR")
    account = next((account.name for account in result.scope.accounts), _account(result))
    return {
        "to": token("to", person),
        "from": token("from", person) if result.scope.is_bank else "from:me",
        "with": token("with", person),
        "account": token("account", account),
        "currency": f"currency:{currency}",
        "date": f"date:{month[:4]}-01..{month}",
        "category": token("category", category),
        "has": "has:meta.channel",
        "tag": token("tag", next((name for name, _ in facets.tag), "food")),
    }


def _account(result: SearchResult) -> str:
    """Returns the name of an account in the rows, or the last four digits of its number if the
    reader may not see names. Returns an invented value if no row has an account.
    """
    shows_names = result.scope.shows_names
    for row in result.rows:
        for account in (row.to_account, row.from_account):
            if account:
                return account.name if shows_names else account.number[-4:]
    return "everyday" if shows_names else "2875"


def _first_name(result: SearchResult) -> str:
    """Returns the first name of another person in the newest rows, or "mara" if there is no such
    person.
    """
    reader = result.scope.reader.pk
    for row in result.rows:
        for side in (row.to_account, row.from_account):
            if side and side.user_id != reader and side.user.name:
                return str(side.user.name.split()[0])
    return "mara"
