"""The job that sets the categories of new payments by the rules of their owners.

Note [When rules are applied]: a booking neither reads rules nor writes categories. The job
`apply_rules` sets the categories later. Each rule stores the last booking time that it has
processed in each account, and the job continues after this time. No payment is missed, because
booking times strictly increase within an account, see Note [News from the books]. A rule processes
a payment only after the rules before it.

Note [Time of rules]: a search can take seconds for one payment, and the worker has other jobs. So a
rule is applied to at most PART payments per database transaction. In each run, the job first
applies each person's rules for a short time, so that one person's slow rules do not delay other
people. Then it continues with the people who need more time, with a longer limit for each person,
until the run ends. The next run continues. The job switches a rule off if the rule cannot process
PART payments within the longer limit.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from django.db import OperationalError, connection
from django.db import transaction as db_transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Account, User
from ledger.db.local_settings import locally
from ledger.db.retry import LOCK_TIMED_OUT, TIMED_OUT, sqlstate, with_retry
from ledger.jobs.apart import apart
from transactions.categories.models import CategoryRule
from transactions.categories.rules import rows_of
from transactions.categories.services import give_where_none, wait_for_categories
from transactions.models import Transaction

PART = 200  # payments per part
RUN_SECONDS = 30.0
QUICK_SECONDS, PERSON_SECONDS = 0.3, 5.0  # of a person's first turn, and of the second turn
BEFORE_ALL = datetime(1, 1, 2, tzinfo=UTC)

_BEHIND = """
    SELECT rule.owner_id FROM category_rules AS rule
    JOIN accounts AS mine ON mine.user_id = rule.owner_id
    WHERE rule.stopped_at IS NULL AND mine.last_entry_at
        > coalesce((rule.seen ->> mine.id::text)::timestamptz, '-infinity')
    GROUP BY rule.owner_id ORDER BY random()
"""


class Turn(NamedTuple):
    """The result of applying one person's rules to the new payments of this person. `given` is the
    number of payments that got a category. `is_done` is true if all new payments of the person were
    processed.
    """

    given: int
    is_done: bool


class UnseenTime(NamedTuple):
    """An account with booking times that a rule has not processed. These are the times after
    `since`, up to and including `last`.
    """

    account: UUID
    since: datetime
    last: datetime


class NextPart(NamedTuple):
    """The next payments to which a rule is applied. `seen` contains the new items for
    `CategoryRule.seen`, which are stored when the rule has processed these payments.
    """

    ids: list[UUID]
    seen: dict[str, str]


def apply_rules() -> int:
    """Sets the categories of new payments by the rules of their owners. Returns the number of
    payments that got a category. Safe to run twice and in parallel.

    An error in one person's rules is raised only after the rules of all other people were applied.
    See Note [Time of rules].
    """
    until = monotonic() + RUN_SECONDS
    with connection.cursor() as cursor:
        cursor.execute(_BEHIND)
        owners = [owner for (owner,) in cursor.fetchall()]
    count = 0
    with apart("Rules of person") as person_apart:
        for seconds in (QUICK_SECONDS, PERSON_SECONDS):
            unfinished = []
            for owner in owners:
                if monotonic() >= until:
                    break
                with person_apart(owner):
                    turn = _turn_of(owner, seconds, is_last=seconds == PERSON_SECONDS)
                    count += turn.given
                    if not turn.is_done:
                        unfinished.append(owner)
            owners = unfinished
    return count


def _turn_of(owner_id: UUID, seconds: float, *, is_last: bool) -> Turn:
    """Applies a person's rules, in their order, to the payments that each rule
    has not processed.
    """
    until = monotonic() + seconds
    owner = User.objects.get(pk=owner_id)  # also a person whose sign-in is closed
    accounts = list(Account.objects.owned_by(owner).exclude(last_entry_at=None))
    count = 0
    for rule in CategoryRule.objects.owned_by(owner).filter(stopped_at=None).in_order():
        while _behind(rule, accounts):
            if monotonic() >= until:
                return Turn(count, is_done=False)
            try:
                count += _apply_to_part(rule, accounts, seconds)
            except CategoryRule.DoesNotExist:  # the rule was removed, or its owner was erased
                break
            except OperationalError as error:
                if sqlstate(error) not in (TIMED_OUT, LOCK_TIMED_OUT):
                    raise
                if not is_last or sqlstate(error) == LOCK_TIMED_OUT:
                    return Turn(count, is_done=False)
                _stop(rule)
                break
    return Turn(count, is_done=True)


@with_retry
def _apply_to_part(rule: CategoryRule, accounts: Sequence[Account], seconds: float) -> int:
    """Applies the stored rule to the next PART payments. Returns the number of payments that got a
    category.

    Raises DoesNotExist if the rule was removed or switched off, and OperationalError if an SQL
    statement takes longer than `seconds`.
    """
    running = CategoryRule.objects.filter(stopped_at=None)
    with db_transaction.atomic(durable=True), _limited(seconds):
        wait_for_categories(rule.owner_id)
        rule.refresh_from_db(from_queryset=running)
        part = _next_part(_behind(rule, accounts))
        rows = rows_of(rule.owner, rule.query).filter(pk__in=part.ids)
        count = give_where_none(rule.owner, rows, rule.category, rule.pk)
        rule.seen = {**rule.seen, **part.seen}
        if not running.filter(pk=rule.pk).update(seen=rule.seen):
            raise CategoryRule.DoesNotExist
        return count


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Limits the time of each SQL statement in the block. The limit for waiting for a lock is half
    as long, so that a long wait and a slow search raise different errors.
    """
    limit = int(seconds * 1000)
    with locally(statement_timeout=f"{limit}ms", lock_timeout=f"{limit // 2}ms"):
        yield


def _stop(rule: CategoryRule) -> None:
    """Switches a rule off, unless the rule's search was changed in the meantime."""
    same = CategoryRule.objects.filter(pk=rule.pk, query=rule.query, stopped_at=None)
    same.update(stopped_at=timezone.now())


def _behind(rule: CategoryRule, accounts: Sequence[Account]) -> list[UnseenTime]:
    """Returns the accounts that have payments which the rule has not processed. If `seen` does not
    contain an account, all payments of the account are new.
    """
    found = []
    for account in accounts:
        seen = rule.seen.get(str(account.pk))
        since = datetime.fromisoformat(seen) if seen else BEFORE_ALL
        if account.last_entry_at is not None and account.last_entry_at > since:
            found.append(UnseenTime(account.pk, since, account.last_entry_at))
    return found


def _next_part(unseen: Iterable[UnseenTime]) -> NextPart:
    """Returns the next payments of the accounts, oldest first within each account, at most PART in
    total.
    """
    ids, seen = list[UUID](), dict[str, str]()
    for account, since, last in unseen:
        left = PART - len(ids)
        if not left:
            break
        new = Transaction.objects.filter(created_at__gt=since, created_at__lte=last)
        rows = chain.from_iterable(
            new.filter(side).order_by("created_at").values_list("created_at", "pk")[:left]
            for side in (Q(from_account=account), Q(to_account=account))
        )
        part = sorted(rows)[:left]
        ids += [pk for _at, pk in part]
        seen[str(account)] = (part[-1][0] if len(part) == left else last).isoformat()
    return NextPart(ids, seen)
