"""Rules by which payments get a category: kept, applied to the past, and to new payments.

Note [When rules are applied]: no payment waits for them. A booking reads no rule and writes no
category; the job `apply_rules` gives the new payments theirs, in one statement a rule. Where it
left off is told as in Note [News from the books]: booking times strictly rise within an account, so
a rule that knows the last one it has seen of each account misses nothing. A person's own choice
beats a rule, and an earlier rule a later one: a rule gives a category to what has none of its
owner's. All that a rule gave is one change, under the id of the rule, which can be undone.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from uuid import UUID

from django.db import connection
from django.db import transaction as db_transaction
from django.db.models import Count, Max, Q

from accounts.models import Account, User
from accounts.refusal_counts import counts_refusals
from ledger.db.retry import with_retry
from ledger.jobs.apart import apart
from transactions.annotations.categories import (
    changing_categories,
    give_where_none,
    wait_for_categories,
)
from transactions.exceptions import InvalidDetails
from transactions.models import CategoryRule, OwnCategory
from transactions.models.transaction import TransactionQuerySet
from transactions.scope import scope_for
from transactions.search.batches import all_rows
from transactions.search.language.parser import parse
from transactions.search.sql.name_lookup import find_names

MOST_RULES = 50  # of one person
BEFORE_ALL = datetime(1, 1, 2, tzinfo=UTC)
TOO_MANY = f"You have {MOST_RULES} rules. Remove one first."
GONE = "This rule was removed meanwhile."

_BEHIND = """
    SELECT DISTINCT rule.owner_id FROM category_rules AS rule
    JOIN accounts AS mine ON mine.user_id = rule.owner_id
    WHERE mine.last_entry_at
        > coalesce((rule.seen ->> mine.id::text)::timestamptz, '-infinity')
"""


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
    """Saves a new rule behind the others, or other facts of `rule`. Gives no category. A new rule
    that is there already, as after a form was sent twice, is not saved again.

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
        if not mine.filter(pk=rule.pk).update(**facts):
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
        OwnCategory.objects.of(owner).filter(change=now.pk).delete()
        return give_where_none(owner, rows_of(owner, now.query), now.category, now.pk)


@with_retry
def move_up(*, rule: CategoryRule) -> None:
    """Lets the rule be asked before the one above it."""
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
    """Removes a rule. What it gave stays, and can be undone. Removing it twice does no harm."""
    with changing_categories(rule.owner):
        CategoryRule.objects.filter(pk=rule.pk).delete()


def apply_rules() -> int:
    """Gives new payments the categories of their owners' rules; returns to how many. Safe to run
    twice and in parallel. If the rules of one person fail, applies all others first, then raises
    that error.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BEHIND)
        owners = [owner for (owner,) in cursor.fetchall()]
    count = 0
    with apart("Rules of person") as person_apart:
        for owner in owners:
            with person_apart(owner):
                count += _apply_of(owner)
    return count


@with_retry
def _apply_of(owner_id: UUID) -> int:
    """Applies all rules of a person to what is new since each was applied."""
    with db_transaction.atomic(durable=True):
        wait_for_categories(owner_id)
        owner = User.objects.get(pk=owner_id)  # also of a closed sign-in
        accounts = list(Account.objects.owned_by(owner).exclude(last_entry_at=None))
        count = 0
        for rule in CategoryRule.objects.owned_by(owner).in_order():
            if (new := _new_for(rule, accounts)) is not None:
                rows = rows_of(owner, rule.query).filter(new)
                count += give_where_none(owner, rows, rule.category, rule.pk)
                seen = {**rule.seen, **_up_to(accounts)}
                if not CategoryRule.objects.filter(pk=rule.pk).update(seen=seen):
                    db_transaction.set_rollback(True)  # the owner was erased, and their rules
                    return 0
        return count


def _new_for(rule: CategoryRule, accounts: Iterable[Account]) -> Q | None:
    """The condition on payments that the rule has not seen; None if it has seen all.

    An account that `seen` lacks had no entry when the rule was saved, so all of its are new.
    """
    parts = []
    for account in accounts:
        seen = rule.seen.get(str(account.pk))
        since = datetime.fromisoformat(seen) if seen else BEFORE_ALL
        if account.last_entry_at is not None and account.last_entry_at > since:
            side = Q(from_account=account.pk) | Q(to_account=account.pk)
            parts.append(side & Q(created_at__gt=since, created_at__lte=account.last_entry_at))
    return reduce(or_, parts) if parts else None


def _seen_now(owner: User) -> dict[str, str]:
    """All that there is of the owner's accounts."""
    return _up_to(Account.objects.owned_by(owner).exclude(last_entry_at=None))


def _up_to(accounts: Iterable[Account]) -> dict[str, str]:
    moments = ((each.pk, each.last_entry_at) for each in accounts)
    return {str(pk): at.isoformat() for pk, at in moments if at is not None}
