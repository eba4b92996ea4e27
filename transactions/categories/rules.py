"""Saves rules that set the categories of payments, and applies rules to past payments.

A rule sets the category of a payment only if neither the owner nor another rule has set it. So a
category that the owner chose has priority over rules, and an earlier rule has priority over a later
rule. All categories that a rule sets belong to one change, whose id is the id of the rule. The
owner can undo this change. `transactions.categories.new_payments` applies rules to new payments.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db.models import Count, Max

from accounts.models import Account, User
from accounts.refusal_counts import counts_refusals
from accounts.sent_bytes import LEAST, count_stored
from ledger.db.retry import with_retry
from transactions.annotations.models import OwnCategory
from transactions.categories.models import CategoryRule
from transactions.categories.services import changing_categories, give_where_none
from transactions.exceptions import InvalidDetails
from transactions.models.transaction import TransactionQuerySet
from transactions.scope import scope_for
from transactions.search.batches import all_rows
from transactions.search.language.parser import parse
from transactions.search.sql.name_lookup import find_names

MAX_RULES = 50  # per person
TOO_MANY = f"You have {MAX_RULES} rules. Remove one first."
GONE = "This rule has been removed."


def rows_of(owner: User, query: str) -> TransactionQuerySet:
    """Returns the payments of a person that a search finds. An empty search finds no payments."""
    scope, parsed = scope_for(owner), parse(query)
    if parsed.is_empty:
        return scope.transactions().none()
    return all_rows(scope, parsed, find_names(scope, parsed), oldest_first=False).matched


def given_by(rules: Sequence[CategoryRule]) -> dict[UUID, int]:
    """Returns a dict from the id of each rule to the number of payments whose category the rule has
    set. All rules must have the same owner. Sends one query, or no query if there are no rules.
    """
    if not rules:
        return {}
    given = OwnCategory.objects.of(rules[0].owner_id).latest()
    by_rule = given.filter(change__in=[rule.pk for rule in rules]).order_by().values("change")
    return dict(by_rule.annotate(many=Count("pk")).values_list("change", "many"))


@counts_refusals
@with_retry
def save_rule(
    *, owner: User, name: str, query: str, category: str, rule: CategoryRule | None = None
) -> CategoryRule:
    """Saves a new rule after the existing rules, or changes `rule` and switches `rule` on. Returns
    the saved rule. Does not set the category of any payment.

    If a rule with the same name, search and category exists, returns the existing rule, because the
    form may have been sent twice. Raises InvalidDetails if there are already MAX_RULES rules, or if
    `rule` was removed.
    """
    facts = {"name": name, "query": query, "category": category}
    with changing_categories(owner):
        mine = CategoryRule.objects.owned_by(owner)
        if rule is None:
            if same := mine.filter(**facts).first():
                return same
            if mine.count() >= MAX_RULES:
                raise InvalidDetails(TOO_MANY)
            last = mine.aggregate(last=Max("position"))["last"] or 0
            return mine.create(owner=owner, position=last + 1, seen=_seen_now(owner), **facts)
        # `rule` was read before the lock, so its `seen` and `position` may be outdated.
        if not mine.filter(pk=rule.pk).update(**facts, stopped_at=None):
            raise InvalidDetails(GONE)
        return mine.get(pk=rule.pk)


@with_retry
def apply_to_past(*, rule: CategoryRule) -> int:
    """Applies this rule to all past payments. Returns the number of payments whose category the
    rule has set.

    First removes the categories that the rule has set before. Does not change the category of a
    payment if the owner or another rule has set the category. Does nothing if the rule was removed.
    """
    owner = rule.owner
    with changing_categories(owner):
        now = CategoryRule.objects.owned_by(owner).filter(pk=rule.pk).first()
        if now is None:
            return 0
        deleted, _by_table = OwnCategory.objects.of(owner).filter(change=now.pk).delete()
        count = give_where_none(owner, rows_of(owner, now.query), now.category, now.pk)
    count_stored(owner, LEAST * (deleted + count))
    return count


@with_retry
def move_up(*, rule: CategoryRule) -> None:
    """Moves the rule up by one position. The rule is then applied before the rule that was
    above.
    """
    with changing_categories(rule.owner):
        rules = list(CategoryRule.objects.owned_by(rule.owner).in_order())
        at = next((place for place, each in enumerate(rules) if each.pk == rule.pk), 0)
        if at:
            rules[at - 1], rules[at] = rules[at], rules[at - 1]
        for place, each in enumerate(rules, start=1):
            each.position = place
        CategoryRule.objects.bulk_update(rules, ["position"])


@with_retry
def remove_rule(*, rule: CategoryRule) -> None:
    """Deletes a rule, if the rule still exists. The categories that the rule has set stay, and the
    owner can undo them.
    """
    with changing_categories(rule.owner):
        CategoryRule.objects.filter(pk=rule.pk).delete()


def _seen_now(owner: User) -> dict[str, str]:
    """Returns a dict from the id of each of the owner's accounts to the booking time of its last
    entry, both as text.
    """
    return _last_entries(Account.objects.owned_by(owner).exclude(last_entry_at=None))


def _last_entries(accounts: Iterable[Account]) -> dict[str, str]:
    """Returns a dict from the id of each account to the booking time of its last entry, both as
    text. `CategoryRule.seen` has the same form.
    """
    moments = ((each.pk, each.last_entry_at) for each in accounts)
    return {str(pk): at.isoformat() for pk, at in moments if at is not None}
