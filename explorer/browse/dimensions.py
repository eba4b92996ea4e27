"""The dimensions by which payments are grouped, and the search term of each group."""

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
OUTSIDE = '"'  # prefix of the description of a side outside the bank
CATEGORY, TAG, COUNTERPARTY, MONTH, KEY = "category", "tag", "counterparty", "month", "key"
EMPTY = "(empty)"
META = "meta."  # prefix of a metadata key's path, for its values


class Concatenated(Func):
    """Concatenated texts; NULL if one is NULL."""

    template, arg_joiner, output_field = "(%(expressions)s)", " || ", CharField()


@dataclass(frozen=True, slots=True)
class Dimension:
    """A way to group: its name in URLs, its heading, and its SQL on a payment.

    `value` returns the expression for a scope. If it is None, `spread` is SQL that joins the values
    as the column `value`. `term` returns the search term of a value, or "", and `label` returns its
    text. `then` is the next dimension for its payments.
    """

    name: str
    title: str
    then: str
    value: Callable[[Scope], Any] | None = None
    spread: str = ""
    term: Callable[[Any], str] = lambda _value: ""
    label: Callable[[Any], str] = str
    of_own: bool = False  # only for the user's own money


def _category_term(value: Any) -> str:
    return token("category", value) if value else "category:none"


def _other_side(scope: Scope) -> Any:
    """Returns the id of the other side's account as text. If there is none, as in a card payment,
    returns a quote and the description. Between the user's own accounts, returns the recipient.
    """
    own = Q(from_account__in=scope.ids)
    other = Case(When(own, then=F("to_account")), default=F("from_account"))
    described = Concatenated(Value(OUTSIDE), F("description"))
    return Coalesce(Cast(other, CharField()), described, output_field=CharField())


def _outside_term(value: Any) -> str:
    """Returns the term of a description. The page adds the terms of accounts, which it reads."""
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
    """Returns the dimension of one metadata key's values. The key is written as in the search:
    meta.channel.
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
    """Returns the term of one text. Without quotes, 1.0 would find every equal number."""
    term = token(key, value) if value else ""
    return f'{key}:"{value}"' if term and is_number(value) else term


def dimensions_for(scope: Scope) -> list[Dimension]:
    """Returns the dimensions of a scope, in the order of the page. Tags are private, so the whole
    bank has none.
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
    """Returns the dimension with the name in a URL. Returns categories for an unknown name, and for
    values that the user may not see.
    """
    if name.startswith(META):
        return (may_see_values(scope) and values_of(name)) or CATEGORIES
    return next((each for each in dimensions_for(scope) if each.name == name), CATEGORIES)
