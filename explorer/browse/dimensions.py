"""The dimensions that can group payments, and the search term for each group."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, CharField, F, Func, Q, Value, When
from django.db.models.functions import Cast, Coalesce, TruncMonth

from ledger.text.dates import month_name
from ledger.text.lines import category_label
from transactions.annotations.categories import category_or_none
from transactions.scope import Scope
from transactions.search.language.parser import parse
from transactions.search.language.terms import having, meta_field, token
from transactions.search.language.values import is_number
from transactions.search.sql.metadata import text_at

LONGEST = 200  # characters of a label
OUTSIDE = '"'  # prefix of the value if the other side is outside the bank; the description follows
CATEGORY, TAG, COUNTERPARTY, MONTH, KEY = "category", "tag", "counterparty", "month", "key"
EMPTY = "(empty)"
META = "meta."  # prefix of a dimension's name if it groups by the values of a metadata key


class Concatenated(Func):
    """The concatenation of texts. It is NULL if one of the texts is NULL."""

    template, arg_joiner, output_field = "(%(expressions)s)", " || ", CharField()


@dataclass(frozen=True, slots=True)
class Dimension:
    """A property by which payments can be grouped, with a name in URLs and a heading.

    `value` returns the SQL expression of the property for a scope. If `value` is None, a payment
    can have several values of the property, such as tags. `spread` is then the SQL of a JOIN that
    adds one row for each value, in the column `value`.

    `term` returns the search term that finds the payments with a value, or "". `label` returns the
    text of a value. A link from a group leads to its payments, grouped by the dimension with the
    name `then`.
    """

    name: str
    title: str
    then: str
    value: Callable[[Scope], Any] | None = None
    spread: str = ""
    term: Callable[[Any], str] = lambda _value: ""
    label: Callable[[Any], str] = str
    of_own: bool = False  # whether the dimension is only for the user's own money


def _category_term(value: Any) -> str:
    return token("category", value) if value else "category:none"


def _other_side(scope: Scope) -> Any:
    """Returns an SQL expression for the counterparty of a payment, as text: the id of the other
    account. If there is no other account, as in a card payment, the text is OUTSIDE followed by the
    description. For a payment between the user's own accounts, the text is the id of the
    recipient's account.
    """
    own = Q(from_account__in=scope.ids)
    other = Case(When(own, then=F("to_account")), default=F("from_account"))
    described = Concatenated(Value(OUTSIDE), F("description"))
    return Coalesce(Cast(other, CharField()), described, output_field=CharField())


def _outside_term(value: Any) -> str:
    """Returns the search term for a value that begins with OUTSIDE. Returns "" for an account,
    because the page loads the accounts and makes their terms.
    """
    return token("with", value.removeprefix(OUTSIDE)) if value.startswith(OUTSIDE) else ""


def _outside_label(value: Any) -> str:
    return value.removeprefix(OUTSIDE) or "Without a description"


CATEGORIES = Dimension(
    CATEGORY, "Category", MONTH,
    value=lambda scope: category_or_none(scope.own_reader),
    term=_category_term,
    label=lambda value: category_label(value) if value else "No category",
)  # fmt: skip
MONTHS = Dimension(
    MONTH, "Month", CATEGORY,
    value=lambda _scope: TruncMonth("created_at"),
    term=lambda value: f"date:{value:%Y-%m}",
    label=month_name,
)  # fmt: skip
TAGS = Dimension(
    TAG, "Tag", MONTH,
    spread="JOIN ({tags}) AS annotated ON annotated.transaction_id = matched.id"
    " CROSS JOIN unnest(annotated.tags) AS found (value)",
    term=lambda value: token("tag", value),
    label=lambda value: f"#{value}",
    of_own=True,
)  # fmt: skip
COUNTERPARTIES = Dimension(
    COUNTERPARTY, "Counterparty", CATEGORY,
    value=_other_side, term=_outside_term, label=_outside_label,
)  # fmt: skip
ACCOUNTS = Dimension(
    COUNTERPARTY, "Account", CATEGORY,
    spread="CROSS JOIN LATERAL (SELECT matched.from_id::text UNION SELECT matched.to_id::text)"
    " AS found (value)",
)  # fmt: skip
KEYS = Dimension(
    KEY, "Metadata", KEY,
    spread="CROSS JOIN LATERAL jsonb_object_keys(matched.metadata) AS found (value)",
    term=lambda value: having([value]),
)  # fmt: skip


def values_of(key: str) -> Dimension | None:
    """Returns the dimension for the values of one metadata key, such as meta.channel. Returns None
    if `key` is not a metadata key.
    """
    items = parse(f"has:{key}").items
    if len(items) != 1 or items[0].kind != "has.meta" or meta_field(items[0].path) != key:
        return None
    path = items[0].path
    return Dimension(
        key, path[-1], MONTH,
        value=lambda _scope: text_at(path),
        term=lambda value: f"-{having(path)}" if value is None else _value_term(key, value),
        label=lambda value: "Without this key" if value is None else value or EMPTY,
    )  # fmt: skip


def _value_term(key: str, value: str) -> str:
    """Returns the search term for one value. A number is quoted, because 1.0 without quotes would
    also find other spellings of the number.
    """
    term = token(key, value) if value else ""
    return f'{key}:"{value}"' if term and is_number(value) else term


def dimensions_for(scope: Scope) -> list[Dimension]:
    """Returns the dimensions of a scope in the order of the page. Tags are private, so the whole
    bank is not grouped by tag.
    """
    sides = ACCOUNTS if scope.is_bank else COUNTERPARTIES
    every = (CATEGORIES, MONTHS, sides, TAGS, KEYS)
    return [each for each in every if not (each.of_own and scope.is_bank)]


def may_see_values(scope: Scope) -> bool:
    """Returns whether the user may see the values of metadata keys, which may be names of
    people.
    """
    return scope.shows_names or not scope.is_bank


def dimension_named(name: str, scope: Scope) -> Dimension:
    """Returns the dimension with this name in a URL. Returns the dimension of categories for an
    unknown name, or if the user may not see the values.
    """
    if name.startswith(META):
        return (may_see_values(scope) and values_of(name)) or CATEGORIES
    return next((each for each in dimensions_for(scope) if each.name == name), CATEGORIES)
