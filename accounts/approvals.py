"""Requests for another person's approval of a staff action, and decisions about these requests. See
Note [Four eyes].

The database compares each action with its approved request. Each public function runs in one
database transaction and is retried after a conflict with another transaction.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connection, connections
from django.db import transaction as db_transaction
from django.db.models import Q
from django.utils import timezone

from accounts import current_access, refusals
from accounts.exceptions import (
    DetailsInvalid,
    LedgerError,
    MayNotAsk,
    MayNotDecide,
    RequestDecided,
)
from accounts.models import (
    Account,
    ApprovalRequest,
    ApprovalThreshold,
    Currency,
    StaffSum,
    User,
)
from accounts.models.approval_triggers import PERMISSIONS_TO_ASK
from accounts.refusal_counts import counts_refusals
from ledger.db.locking.named import wait_for_lock
from ledger.db.retry import with_retry
from ledger.text.currencies import ISO_CURRENCIES
from ledger.text.lines import is_readable, tidy_line
from ledger.web import security_log

MONEY, LIMITS = "money", "limits"
LONGEST_NOTE = 500  # characters, for notes and reasons
OVER = Decimal(2)  # a share above every threshold
NOTHING = Decimal(0)  # the amount of a request that does not move money
_TO_ASK = {name.partition(".")[2] for name in PERMISSIONS_TO_ASK.values()}
DECIDED = "This request was already decided or withdrawn, or has expired."


class SumOf(NamedTuple):
    """The key of a daily sum: the sum of one clerk's actions, or the sum of the actions on one
    account. `what` is MONEY or LIMITS.
    """

    what: str
    owner: User | Account

    @property
    def key(self) -> str:
        """The key of the sum in the table, without the day."""
        kind = "clerk" if isinstance(self.owner, User) else "account"
        return f"{self.what} {kind} {self.owner.pk}"


def check_now(*_row: object) -> None:
    """Runs the deferred checks of the database now instead of at COMMIT.

    Raises: AccessEnded, as described at `current_access.refuse_if_ended`.
    """
    current_access.refuse_if_ended()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def write_thresholds(*, using: str = DEFAULT_DB_ALIAS, **_signal: Any) -> bool:
    """Writes the setting LEDGER_FOUR_EYES_OVER into the database. This function is called after
    `migrate` and before the server starts. Returns whether a threshold changed.

    Locks the table of thresholds. Inserts into currencies wait for this lock, because a trigger
    writes the threshold of each new currency into the table.
    """
    rows = ApprovalThreshold.objects.using(using)
    if dict(rows.values_list("currency", "amount")) == wanted_thresholds(using=using):
        return False
    with db_transaction.atomic(using=using):
        with connections[using].cursor() as cursor:
            cursor.execute("LOCK TABLE approval_thresholds IN SHARE ROW EXCLUSIVE MODE")
        wanted = wanted_thresholds(using=using)
        rows.exclude(currency__in=wanted).delete()
        for currency, amount in wanted.items():
            rows.update_or_create(currency=currency, defaults={"amount": amount})
    return True


def wanted_thresholds(*, using: str = DEFAULT_DB_ALIAS) -> dict[str, Decimal]:
    """Returns the thresholds by currency, from the setting LEDGER_FOUR_EYES_OVER.

    The key "*" contains the threshold of all national currencies (ISO 4217) that the setting does
    not list. Other currencies of the bank that are not in the setting have the threshold 0, so
    every amount needs approval.
    """
    added = Currency.objects.using(using).exclude(code__in=ISO_CURRENCIES)
    of_others = dict.fromkeys(added.values_list("code", flat=True), Decimal(0))
    return {**of_others, **settings.LEDGER_FOUR_EYES_OVER}


def thresholds() -> dict[str, Decimal]:
    """Returns the thresholds in the database by currency. The key "*" contains the threshold of all
    other currencies.
    """
    return dict(ApprovalThreshold.objects.values_list("currency", "amount"))


def threshold_of(currency: str) -> Decimal:
    """Returns the amount in this currency that one person may move in a day without approval. The
    same amount applies to raised limits.
    """
    known = thresholds()
    return known.get(currency, known.get("*", Decimal(0)))


def share_of(amount: Decimal, currency: str) -> Decimal:
    """Returns an amount as a fraction of the threshold of its currency. Returns OVER if the
    threshold is 0.
    """
    threshold = threshold_of(currency)
    if not amount:
        return Decimal(0)
    return amount / threshold if threshold else OVER


def needs_approval(*, what: str, clerk: User, accounts: Iterable[Account], share: Decimal) -> bool:
    """Returns whether an action needs approval. `share` is the amount of the action as a fraction
    of the threshold. The action needs approval if `share` plus one of today's sums is more than 1.
    `what` is MONEY or LIMITS.

    Another action may increase the sums after this check, so the database can still refuse the
    action.
    """
    sums = [SumOf(what, clerk), *(SumOf(what, account) for account in accounts)]
    return share > 0 and max(done_today_without_approval(sums).values()) + share > 1


def done_today_without_approval(wanted: Iterable[SumOf]) -> dict[SumOf, Decimal]:
    """Returns the sums of today's actions without approval, as fractions of the threshold. Makes
    one query.
    """
    today = datetime.now(UTC).date().isoformat()
    keys = {each: f"{today} {each.key}" for each in wanted}
    sums = dict(StaffSum.objects.filter(key__in=keys.values()).values_list("key", "share"))
    return {each: sums.get(key, Decimal(0)) for each, key in keys.items()}


@counts_refusals
@with_retry
def ask(
    *,
    kind: ApprovalRequest.Kind,
    transaction_id: uuid.UUID,
    from_account: Account | None,
    to_account: Account | None,
    amount: Decimal,
    currency: str,
    parameters: Mapping[str, Any],
    reason: str,
    asked_by: User,
    person: User | None = None,
) -> ApprovalRequest:
    """Requests another person's approval of an action, and returns the request. The approval is
    valid only for an action with the same contents as the request. `person` is the person who will
    be added to a group, or None for other actions.

    Raises: DetailsInvalid if the reason is empty or longer than LONGEST_NOTE; RequestDecided if
    this action was already requested; ServesOwn if the action is for the requester or for the
    requester's household; MayNotAsk if the requester lacks the permission for the action.
    """
    if not asked_by.has_perm(PERMISSIONS_TO_ASK[kind]):
        raise MayNotAsk(refusals.MAY_NOT_ASK)
    if not is_readable(why := _tidied(reason)):
        raise DetailsInvalid("Enter a reason, so that another person can decide.")
    with translated(), db_transaction.atomic(durable=True):
        # There is no unique index, because an expired request keeps the status "pending" in the
        # table, and the same action may be requested again.
        wait_for_lock(f"approval {transaction_id}")
        current_access.refuse_if_ended()
        if ApprovalRequest.objects.open_for(transaction_id).exists():
            raise RequestDecided("You already asked for this. See the list of approvals.")
        now = timezone.now()
        request = ApprovalRequest.objects.create(
            kind=kind,
            transaction_id=transaction_id,
            person=person,
            from_account=from_account,
            to_account=to_account,
            amount=amount,
            currency=currency,
            parameters=dict(parameters),
            reason=why,
            requested_by=asked_by,
            requested_at=now,
            expires_at=now + timedelta(hours=settings.LEDGER_FOUR_EYES_HOURS),
        )
    security_log.record("approval.requested", person=asked_by, approval=request.pk, kind=kind)
    return request


@counts_refusals
def approve(*, request: ApprovalRequest, by: User, note: str = "") -> ApprovalRequest:
    """Approves a request and returns the request. The requested action can then be done once,
    before the request expires.

    Raises: MayNotDecide if `by` is not a manager, is the requester, or belongs to the household of
    the requester or of the account's owner; MayNotDecide if the requester has lost the permission
    for the action; RequestDecided if the request was decided or has expired; DetailsInvalid if the
    note is longer than LONGEST_NOTE.
    """
    return _decide(request, ApprovalRequest.Status.APPROVED, by, note)


def still_allowed(requests: Sequence[ApprovalRequest]) -> set[uuid.UUID]:
    """Returns the ids of the requests whose requester is still active staff with the permission for
    the action.
    """
    codenames = Q(groups__permissions__codename__in=_TO_ASK)
    found = User.objects.filter(
        pk__in={request.requested_by_id for request in requests},
        is_staff=True,
        deleted_at=None,
    ).filter(Q(is_superuser=True) | codenames)
    held = set(found.values_list("pk", "is_superuser", "groups__permissions__codename"))
    able = {(pk, codename) for pk, _is_superuser, codename in held}
    all_powerful = {pk for pk, is_superuser, _codename in held if is_superuser}
    return {
        request.pk
        for request in requests
        if request.requested_by_id in all_powerful
        or (request.requested_by_id, request.permission_to_ask.partition(".")[2]) in able
    }


@counts_refusals
def decline(*, request: ApprovalRequest, by: User, note: str) -> ApprovalRequest:
    """Declines a request and returns the request.

    Raises: DetailsInvalid for an empty note; otherwise the errors of `approve`.
    """
    return _decide(request, ApprovalRequest.Status.DECLINED, by, note)


@counts_refusals
def withdraw(*, request: ApprovalRequest, by: User) -> ApprovalRequest:
    """Withdraws the user's own request and returns the request.

    Raises: MayNotDecide if another user made the request; RequestDecided if the request was decided
    or has expired.
    """
    if request.requested_by_id != by.pk:
        raise MayNotDecide("Only the person who asked can withdraw this request.")
    return _changed(request, by, status=ApprovalRequest.Status.WITHDRAWN)


def _decide(
    request: ApprovalRequest, status: ApprovalRequest.Status, by: User, note: str
) -> ApprovalRequest:
    if not by.has_perm("accounts.decide_approvals"):
        raise MayNotDecide("Only managers decide requests.")
    tidied = _tidied(note)
    if status == ApprovalRequest.Status.DECLINED and not tidied:
        raise DetailsInvalid("Enter the reason for your colleague.")
    try:
        changed = _changed(
            request, by, status=status, decided_by=by, decided_at=timezone.now(), note=tidied
        )
    except LedgerError:
        security_log.record(
            "approval.decided", outcome="refused", person=by, approval=request.pk, decision=status
        )
        raise
    return changed


def _tidied(text: str) -> str:
    """Returns the reason or note in one line.

    Raises: DetailsInvalid if the text is too long.
    """
    if len(text) > LONGEST_NOTE:
        raise DetailsInvalid(f"Write at most {LONGEST_NOTE} characters.")
    return tidy_line(text)


@with_retry
def _changed(request: ApprovalRequest, by: User, **fields: Any) -> ApprovalRequest:
    with translated(), db_transaction.atomic(durable=True):
        locked = ApprovalRequest.objects.select_for_update(no_key=True).get(pk=request.pk)
        current_access.refuse_if_ended()
        if locked.status != ApprovalRequest.Status.PENDING or locked.is_expired:
            raise RequestDecided(DECIDED)
        for name, value in fields.items():
            setattr(locked, name, value)
        locked.save(update_fields=list(fields))
    security_log.record(
        "approval.decided", person=by, approval=request.pk, decision=fields["status"]
    )
    return locked


@contextmanager
def translated() -> Iterator[None]:
    """Converts an IntegrityError of the block into the corresponding LedgerError. Other errors are
    not changed.
    """
    try:
        yield
    except IntegrityError as error:
        raise refusals.refusal_of(error) or error from error
