"""Approvals: what staff ask another person to approve, and the decision. See Note [Four eyes].

The action itself is done by the service that does it without approval too; the database compares it
with the approved request. Each call here is one database transaction, retried after a lost race.
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

from accounts import current_access
from accounts.exceptions import (
    DetailsInvalid,
    LedgerError,
    MayNotAsk,
    MayNotDecide,
    NeedsApproval,
    RequestDecided,
    ServesOwn,
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
LONGEST_NOTE = 500  # characters, also of a reason
OVER = Decimal(2)  # a share above every threshold
MAY_NOT_ASK = "You may not do this, so you cannot ask another person to approve it."
NOTHING = Decimal(0)  # the amount of what moves no money
REFUSALS: dict[str, tuple[type[LedgerError], str]] = {
    "needs_approval": (
        NeedsApproval,
        "Over the threshold of the day, another person must approve it first. Nothing was done.",
    ),
    "group_needs_approval": (
        NeedsApproval,
        "Another person must approve this group first. Nothing was done.",
    ),
    "staff_before_groups": (
        NeedsApproval,
        "This person is in a group that needs approval. Take the group away, and ask for it again.",
    ),
    "staff_serve_others": (
        ServesOwn,
        "This moves money of yours or of your household; a colleague has to do it.",
    ),
    "request_is_for_others": (
        ServesOwn,
        "This is for you or your household, or an account of yours; a colleague has to ask.",
    ),
    "limits_by_stranger": (
        ServesOwn,
        "This account is yours or your household's; a colleague has to change its limits.",
    ),
    "status_by_stranger": (
        ServesOwn,
        "This account is yours or your household's; a colleague has to do this.",
    ),
    "released_by_stranger": (
        ServesOwn,
        "This hold is of your account or your household's; a colleague has to release it.",
    ),
    "limits_asked_by_manager": (MayNotAsk, MAY_NOT_ASK),
    "limits_asked_change": (DetailsInvalid, "Change one of the limits, then ask for approval."),
    "request_for_file": (
        RequestDecided,
        "The file was checked again meanwhile, and other lines can be paid now. Ask again.",
    ),
    "limits_asked_once": (
        RequestDecided,
        "You asked for limits of this account before. Withdraw that request first, or wait for it.",
    ),
    "approval_by_another_person": (MayNotDecide, "You asked for this; another person decides it."),
    "decided_by_manager": (MayNotDecide, "Only managers decide requests."),
    "request_by_its_author": (MayNotAsk, "Staff ask in their own name alone."),
    "limits_by_their_author": (MayNotAsk, "Staff change limits in their own name alone."),
    "status_by_its_author": (MayNotAsk, "Staff change a status in their own name alone."),
    "decided_by_its_author": (MayNotDecide, "Everybody decides in their own name alone."),
    "decided_by_stranger": (
        MayNotDecide,
        "You or your household asked, pay, are paid or get the group; another manager decides.",
    ),
    "asked_by_staff": (
        MayNotDecide,
        "Who asked may not do this any more, so it is neither approved nor done.",
    ),
    "request_not_expired": (RequestDecided, "The time to decide this request is over."),
    "request_used_by_rows": (RequestDecided, "An approval is used by what it allows alone."),
    "request_changes_by_decision": (RequestDecided, "This request was decided before."),
}
_TO_ASK = {name.partition(".")[2] for name in PERMISSIONS_TO_ASK.values()}
DECIDED = "This request was decided or withdrawn before, or its time is over."


class SumOf(NamedTuple):
    """Whose sum of the day: that of a clerk, or of an account. `what` is MONEY or LIMITS."""

    what: str
    whose: User | Account

    @property
    def key(self) -> str:
        """As the database names it, after the day."""
        kind = "clerk" if isinstance(self.whose, User) else "account"
        return f"{self.what} {kind} {self.whose.pk}"


def refusal_of_staff(error: IntegrityError) -> LedgerError | None:
    """The LedgerError for a rule of four eyes that refused a statement; None for other rules."""
    diag = getattr(error.__cause__, "diag", None)
    kind, sentence = REFUSALS.get(getattr(diag, "constraint_name", None) or "", (None, ""))
    return kind(sentence) if kind else None


def check_now(*_row: object) -> None:
    """Has the database check now what it would check at COMMIT, after a step of staff has its
    locks. Raises AccessEnded as `current_access.refuse_if_ended` does.
    """
    current_access.refuse_if_ended()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def write_thresholds(*, using: str = DEFAULT_DB_ALIAS, **_signal: Any) -> bool:
    """Writes the setting LEDGER_FOUR_EYES_OVER into the database, after `migrate` and before the
    server starts. Returns whether that changed anything.

    The lock makes an insert into currencies wait, or waits for it, because a trigger writes the
    threshold of a new currency.
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
    """What the setting LEDGER_FOUR_EYES_OVER says for the currencies of this bank.

    Currencies outside ISO 4217 have a threshold of 0 unless the setting names them, so that all of
    it needs approval: the one for all others counts in units of national currencies.
    """
    added = Currency.objects.using(using).exclude(code__in=ISO_CURRENCIES)
    of_others = dict.fromkeys(added.values_list("code", flat=True), Decimal(0))
    return {**of_others, **settings.LEDGER_FOUR_EYES_OVER}


def thresholds() -> dict[str, Decimal]:
    """The thresholds that the database holds, by currency; those of all others under "*"."""
    return dict(ApprovalThreshold.objects.values_list("currency", "amount"))


def threshold_of(currency: str) -> Decimal:
    """The amount that one person may do alone in a day, in this currency."""
    known = thresholds()
    return known.get(currency, known.get("*", Decimal(0)))


def share_of(amount: Decimal, currency: str) -> Decimal:
    """An amount as a part of the threshold of its currency, as the database counts it."""
    threshold = threshold_of(currency)
    if not amount:
        return Decimal(0)
    return amount / threshold if threshold else OVER


def needs_approval(*, what: str, clerk: User, accounts: Iterable[Account], share: Decimal) -> bool:
    """Whether an action of this share needs another person, after what was done alone today.

    `what` is MONEY or LIMITS. Read before the action, so the database may still refuse it.
    """
    whose = [SumOf(what, clerk), *(SumOf(what, account) for account in accounts)]
    return share > 0 and max(done_alone_today(whose).values()) + share > 1


def done_alone_today(whose: Iterable[SumOf]) -> dict[SumOf, Decimal]:
    """What was done alone today, as a part of the threshold, for each of these. One query."""
    today = datetime.now(UTC).date().isoformat()
    keys = {each: f"{today} {each.key}" for each in whose}
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
    """Asks another person to approve an action, which must then have exactly these contents.

    `person` is who gets a group. Raises DetailsInvalid without a reason or for one longer than
    LONGEST_NOTE, RequestDecided if this action was asked for before, ServesOwn if it is for who
    asks, or for their household, MayNotAsk for who may not do it themselves.
    """
    if not asked_by.has_perm(PERMISSIONS_TO_ASK[kind]):
        raise MayNotAsk(MAY_NOT_ASK)
    if not is_readable(why := _tidied(reason)):
        raise DetailsInvalid("Say why, so that another person can decide.")
    with translated(), db_transaction.atomic(durable=True):
        # No unique index: a request that nobody decided in time stays pending, and may be repeated.
        wait_for_lock(f"approval {transaction_id}")
        current_access.refuse_if_ended()
        if ApprovalRequest.objects.open_for(transaction_id).exists():
            raise RequestDecided("This was asked for before; the list of approvals shows it.")
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
    """Approves a request, so that its action can be done once, before it expires.

    Raises MayNotDecide for who asked, for a relative of theirs or of the account, for who is no
    manager, and if who asked may not do the action any more; RequestDecided if it was decided, or
    is over; DetailsInvalid for a note longer than LONGEST_NOTE.
    """
    return _decide(request, ApprovalRequest.Status.APPROVED, by, note)


def still_allowed(requests: Sequence[ApprovalRequest]) -> set[uuid.UUID]:
    """The ids of those requests whose asker is active staff and may do the action themselves."""
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
    """Declines a request. Raises DetailsInvalid also without a note, else as `approve` does."""
    return _decide(request, ApprovalRequest.Status.DECLINED, by, note)


@counts_refusals
def withdraw(*, request: ApprovalRequest, by: User) -> ApprovalRequest:
    """Takes back what one asked for, while nobody has decided. Raises MayNotDecide for others."""
    if request.requested_by_id != by.pk:
        raise MayNotDecide("Only who asked can withdraw this request.")
    return _changed(request, by, status=ApprovalRequest.Status.WITHDRAWN)


def _decide(
    request: ApprovalRequest, status: ApprovalRequest.Status, by: User, note: str
) -> ApprovalRequest:
    if not by.has_perm("accounts.decide_approvals"):
        raise MayNotDecide("Only managers decide requests.")
    tidied = _tidied(note)
    if status == ApprovalRequest.Status.DECLINED and not tidied:
        raise DetailsInvalid("Say why you decline, so that your colleague knows.")
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
    """The reason or note in one line. Raises DetailsInvalid if it is too long to be stored."""
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
    """Turns a refusal of the database into its LedgerError."""
    try:
        yield
    except IntegrityError as error:
        raise refusal_of_staff(error) or error from error
