"""Rules by which payments get a category: kept, and applied to the past.

A person's own choice beats a rule, and an earlier rule a later one: a rule gives a category to what
has none of its owner's. All that a rule gave is one change, under the id of the rule, which can be
undone. New payments get theirs by `transactions.categories.new_payments`.
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

MOST_RULES = 50  # of one person
TOO_MANY = f"You have {MOST_RULES} rules. Remove one first."
GONE = "This rule was removed meanwhile."


def rows_of(owner: User, query: str) -> TransactionQuerySet:
    """The payments of a person that a search finds; none for a search without a word."""
    scope, parsed = scope_for(owner), parse(query)
    if parsed.is_empty:
        return scope.transactions().none()
    return all_rows(scope, parsed, find_names(scope, parsed), oldest_first=False).matched


def given_by(rules: Sequence[CategoryRule]) -> dict[UUID, int]:
    """How many payments have a category by each rule, by its id. One query; none without rules."""
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
    """Saves a new rule behind the others, or other facts of `rule`, which switches it on. Gives no
    category. A new rule that is there already, as after a form was sent twice, is not saved again.

    Raises InvalidDetails for one more than MOST_RULES, and if `rule` was removed.
    """
    facts = {"name": name, "query": query, "category": category}
    with changing_categories(owner):
        mine = CategoryRule.objects.owned_by(owner)
        if rule is None:
            if same := mine.filter(**facts).first():
                return same
            if mine.count() >= MOST_RULES:
                raise InvalidDetails(TOO_MANY)
            last = mine.aggregate(last=Max("position"))["last"] or 0
            return mine.create(owner=owner, position=last + 1, seen=_seen_now(owner), **facts)
        # `rule` was read before the lock, so its `seen` and `position` may be outdated.
        if not mine.filter(pk=rule.pk).update(**facts, stopped_at=None):
            raise InvalidDetails(GONE)
        return mine.get(pk=rule.pk)


@with_retry
def apply_to_past(*, rule: CategoryRule) -> int:
    """Judges all payments again by this rule; returns how many have its category from it now.

    What it gave before is taken back first. Payments with another category of the owner's keep it.
    A removed rule changes nothing.
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
    """Moves the rule one place up, so that it is tried earlier."""
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
    """Deletes a rule; safe to call twice. Categories that it assigned stay and can be undone."""
    with changing_categories(rule.owner):
        CategoryRule.objects.filter(pk=rule.pk).delete()


def _seen_now(owner: User) -> dict[str, str]:
    """All that there is of the owner's accounts."""
    return _last_entries(Account.objects.owned_by(owner).exclude(last_entry_at=None))


def _last_entries(accounts: Iterable[Account]) -> dict[str, str]:
    """The booking time of the last entry of each account, as in `CategoryRule.seen`."""
    moments = ((each.pk, each.last_entry_at) for each in accounts)
    return {str(pk): at.isoformat() for pk, at in moments if at is not None}
