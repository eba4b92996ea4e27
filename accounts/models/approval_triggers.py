"""The four-eyes rules in the database.

Note [Four eyes]: without approval, one clerk may move at most the threshold amount in a day. All
clerks together may move at most the threshold amount on one account. The same rules apply to raised
limits. An action above the threshold needs an approved request with the same contents. A trigger on
the table of the action finds this request and marks the request as done. If there is no request,
the trigger adds the amount to the sums of the day. The sums are checked at COMMIT, so a review can
post a row and roll it back. A row of the sums is locked until COMMIT, so the amounts of parallel
actions are added correctly. Requests and sums belong to the owner of the tables, so web processes
can neither write nor reset them.

The author of a request or decision must be the person of the signed facts, see Note [Signed facts].
Injected SQL can therefore request and decide only in the name of the signed-in user.

The rules do not apply to the owner of the tables (commands, imports), and not to a bank without
thresholds, such as the practice bank. `migrate` always writes thresholds for the real bank. The day
is a UTC day by the server's clock, which a database session cannot change.
"""

from collections.abc import Iterable

import pgtrigger

from accounts.groups import MONEY_RIGHTS
from accounts.models.author_triggers import NEEDS_PROOF, PROVED_PERSON, by_its_author
from ledger.db.triggers import TRUSTS_CALLER, FirmTrigger, refuse, stays

# The SQL condition that the four-eyes rules apply to the current statement.
APPLIES = f"""(
    EXISTS (SELECT FROM approval_thresholds)
    AND NOT {TRUSTS_CALLER}
)"""
NOBODY = "00000000-0000-0000-0000-000000000000"
# The date is formatted explicitly, because the default format depends on session settings.
TODAY = "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
OVER = 2  # a share above every threshold


def threshold_of(currency: str) -> str:
    """Returns the SQL expression for the threshold of a currency."""
    return f"""coalesce(
        (SELECT amount FROM approval_thresholds WHERE currency = {currency}),
        (SELECT amount FROM approval_thresholds WHERE currency = '*'), 0)"""


def share_of(amount: str, currency: str) -> str:
    """Returns the SQL expression for an amount as a fraction of the threshold of its currency."""
    return f"coalesce({amount} / nullif({threshold_of(currency)}, 0), {OVER})"


def one_of(codenames: Iterable[str]) -> str:
    """Returns the SQL condition that the column codename contains one of these permissions."""
    return f"codename IN ({', '.join(repr(each) for each in codenames)})"


def _able(codename: str) -> str:
    """Returns the SQL condition that a row of `users` is active staff with a permission. `codename`
    is an SQL condition that selects the permission. A superuser has all permissions.
    """
    return f"""is_staff AND deleted_at IS NULL AND (
        is_superuser OR EXISTS (
            SELECT FROM users_groups
            JOIN auth_group_permissions USING (group_id)
            JOIN auth_permission ON auth_permission.id = permission_id
            WHERE users_groups.user_id = users.id AND {codename}
        )
    )"""


# Each active clerk who may move money or change limits has a separate sum. All other people share
# one sum, so an invented or empty author cannot be used to avoid the rule.
def clerk_of(person: str) -> str:
    """Returns the SQL expression for the owner of the sum to which an action of this person
    counts.
    """
    mine = f"SELECT id FROM users WHERE id = {person} AND {_able(one_of(MONEY_RIGHTS))}"
    return f"coalesce(({mine}), '{NOBODY}')"


def may(person: str, codename: str) -> str:
    """Returns the SQL condition that a person is active staff and currently has a permission."""
    return f"EXISTS (SELECT FROM users WHERE id = {person} AND {_able(f'codename = {codename}')})"


def related(person: str, account: str) -> str:
    """Returns the SQL condition that a person, or somebody in the person's household, owns the
    account.
    """
    return f"""EXISTS (
        SELECT FROM accounts
        JOIN users AS holder ON holder.id = accounts.user_id
        JOIN users AS person ON person.id = {person}
        WHERE accounts.id = {account}
          AND (holder.id = person.id OR holder.household_id = person.household_id)
    )"""


def pays_relative(person: str, request: str) -> str:
    """Returns the SQL condition that a payment of a request goes to a person or to the person's
    household: see Note [Payments of a request].
    """
    return f"""EXISTS (
        SELECT FROM approval_payments AS payment
        WHERE payment.request_id = {request}.id AND {related(person, "payment.to_account_id")}
    )"""


def gives_relative(person: str, request: str) -> str:
    """Returns the SQL condition that a request adds a person, or somebody in the person's
    household, to a group.
    """
    return f"""EXISTS (
        SELECT FROM users AS member
        JOIN users AS person ON person.id = {person}
        WHERE member.id = {request}.person_id
          AND (member.id = person.id OR member.household_id = person.household_id)
    )"""


def concerns(person: str, request: str) -> str:
    """Returns the SQL condition that a request concerns a person or the person's household: one of
    them owns an account of the request, gets one of its payments, or would be added to a group.
    """
    return f"""({related(person, f"{request}.from_account_id")}
               OR {related(person, f"{request}.to_account_id")}
               OR {pays_relative(person, request)}
               OR {gives_relative(person, request)})"""


_IS_FOR_OTHERS = refuse("request_is_for_others", "Staff ask for nothing of their own household.")
# Note [Payments of a request]: a request can contain several payments from one account. The app of
# these payments writes their ids, recipients and amounts in the transaction of the request, with a
# trigger on `approval_requests` that runs with the rights of the table owner. After an approval,
# exactly these payments are booked, and the audit checks this. For older requests, a migration
# wrote the payments without checking the households.
PAYMENTS_ARE_FOR_OTHERS = FirmTrigger(
    name="payments_are_for_others",
    level=pgtrigger.Statement,
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
    definer=True,
    func=f"""
        IF NOT {TRUSTS_CALLER} AND EXISTS (
            SELECT FROM added JOIN approval_requests AS request ON request.id = added.request_id
            WHERE {related("request.requested_by_id", "added.to_account_id")}
        ) THEN
            {_IS_FOR_OTHERS}
        END IF;
        RETURN NULL;
    """,
)
OF_PAYMENTS: list[pgtrigger.Trigger] = [
    PAYMENTS_ARE_FOR_OTHERS,
    *stays(
        "approval_payment_stays",
        "approval_payments_stay",
        "A payment of a request never changes.",
        "Payments of requests never change.",
    ),
]

ADD_TO_SUMS = """
    ON CONFLICT (key) DO UPDATE SET share = staff_sums.share + excluded.share
"""

SUM_WITHIN_THRESHOLD = FirmTrigger(
    name="sum_within_threshold",
    when=pgtrigger.After,
    operation=pgtrigger.Insert | pgtrigger.Update,
    deferred=True,
    condition=pgtrigger.Condition("NEW.share > 1"),
    func=refuse(
        "needs_approval",
        "Over the threshold of the day, another person must approve it first.",
    ),
)
OF_SUMS: list[pgtrigger.Trigger] = [
    SUM_WITHIN_THRESHOLD,
    FirmTrigger(
        name="sum_only_grows",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("NEW.key <> OLD.key OR NEW.share < OLD.share"),
        func=refuse("sum_only_grows", "The sum of a day only grows."),
    ),
    *stays(
        "sum_stays",
        "sums_stay",
        "The sum of a day is never deleted.",
        "The sums of a day are never deleted.",
        operation=pgtrigger.Delete,
    ),
]

# The permission that a person needs to make a request, and still needs when the action is done.
PERMISSIONS_TO_ASK = {
    "deposit": "transactions.use_cash_desk",
    "withdrawal": "transactions.use_cash_desk",
    "payment_file": "transactions.use_cash_desk",
    "refund": "transactions.refund_transactions",
    "hold": "transactions.manage_holds",
    "capture": "transactions.manage_holds",
    "limits": "accounts.change_limits",
    "group": "accounts.give_groups",
}
_CASES = " ".join(
    f"WHEN '{kind}' THEN '{permission.partition('.')[2]}'"
    for kind, permission in PERMISSIONS_TO_ASK.items()
)


MAY_DECIDE = may("NEW.decided_by_id", "'decide_approvals'")
MAY_STILL_ASK = may("NEW.requested_by_id", f"CASE NEW.kind {_CASES} END")
REQUEST_BEGINS_PENDING = FirmTrigger(
    name="request_begins_pending",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    condition=pgtrigger.Condition(
        "NEW.status <> 'pending' OR NEW.used_amount <> 0 OR NEW.used_at IS NOT NULL"
    ),
    func=refuse("request_begins_pending", "A request begins undecided."),
)
# The server sets the times. A request chooses only the time until it expires, which
# `approval_expires` limits.
REQUEST_IS_FOR_OTHERS = FirmTrigger(
    name="request_is_for_others",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    definer=True,
    func=f"""
        IF {concerns("NEW.requested_by_id", "NEW")} THEN
            {_IS_FOR_OTHERS}
        END IF;
        NEW.expires_at := clock_timestamp() + (NEW.expires_at - NEW.requested_at);
        NEW.requested_at := CASE WHEN NEW.requested_at IS NOT NULL THEN clock_timestamp() END;
        RETURN NEW;
    """,
)
REQUEST_BY_ITS_AUTHOR = by_its_author(
    "request_by_its_author", "requested_by_id", "A request names the person who is signed in."
)
# Only the columns of the decision and of the use can change, and a decision is final. At the
# approval and at each use, the requester must still have the permission, because the action is done
# in the requester's name.
DECISION_WITHOUT_NOTE = ("status", "decided_by_id", "decided_at", "used_at", "used_amount")
DECISION = (*DECISION_WITHOUT_NOTE, "note")
CHANGES_BY_DECISION = """(
            (OLD.status, NEW.status) IN (
               ('pending', 'approved'), ('pending', 'declined'), ('pending', 'withdrawn'),
               ('approved', 'approved'), ('approved', 'done'))
           AND NOT (OLD.status = 'approved' AND (OLD.decided_by_id, OLD.decided_at, OLD.note)
              IS DISTINCT FROM (NEW.decided_by_id, NEW.decided_at, NEW.note))
           AND NOT (OLD.status = 'pending' AND (NEW.used_at IS NOT NULL OR NEW.used_amount <> 0))
        )"""
_KEPT = "\n".join(f"        before.{column} := NEW.{column};" for column in DECISION)
# The columns with texts are excluded, so that an erasure can change them while this trigger is
# enabled. Otherwise a compromised worker could disable the trigger and leave it disabled for web
# processes.
REQUEST_CHANGES_BY_DECISION = FirmTrigger(
    name="request_changes_by_decision",
    when=pgtrigger.Before,
    operation=pgtrigger.UpdateOf(  # type: ignore[no-untyped-call]
        *DECISION_WITHOUT_NOTE,
        "id",
        "kind",
        "transaction_id",
        "amount",
        "currency",
        "requested_at",
        "expires_at",
        "from_account_id",
        "to_account_id",
        "person_id",
        "requested_by_id",
    ),
    definer=True,
    declare=[("before", "approval_requests%ROWTYPE")],
    func=f"""
        before := OLD;
{_KEPT}
        IF before IS DISTINCT FROM NEW OR NOT {CHANGES_BY_DECISION}
        THEN
            {refuse("request_changes_by_decision", "A request changes only by its decision, once.")}
        END IF;
        IF OLD.status = 'pending' AND NEW.status IN ('approved', 'declined') THEN
            NEW.decided_at := clock_timestamp();
            IF OLD.expires_at <= clock_timestamp() THEN
                {refuse("request_not_expired", "The time to decide this request is over.")}
            END IF;
            IF NOT {MAY_DECIDE} THEN
                {refuse("decided_by_manager", "Only managers decide requests.")}
            END IF;
            IF {concerns("NEW.decided_by_id", "NEW")}
               OR EXISTS (
                   SELECT FROM users AS one JOIN users AS other USING (household_id)
                   WHERE one.id = NEW.decided_by_id AND other.id = NEW.requested_by_id)
            THEN
                {refuse("decided_by_stranger", "Nobody decides for themselves or their household.")}
            END IF;
        END IF;
        IF OLD.status = 'approved' AND pg_trigger_depth() = 1 AND {APPLIES} THEN
            {refuse("request_used_by_rows", "Only the row that was approved uses an approval.")}
        END IF;
        IF NEW.status IN ('approved', 'done') AND NOT {MAY_STILL_ASK} THEN
            {refuse("asked_by_staff", "Who asked may not do this any more.")}
        END IF;
        IF OLD.status = 'pending' AND {NEEDS_PROOF} AND {PROVED_PERSON} IS DISTINCT FROM
           (CASE NEW.status WHEN 'withdrawn' THEN NEW.requested_by_id ELSE NEW.decided_by_id END)
        THEN
            {refuse("decided_by_its_author", "A decision names the person who is signed in.")}
        END IF;
        RETURN NEW;
    """,
)
REQUEST_TEXTS_STAY = FirmTrigger(
    name="request_texts_stay",
    when=pgtrigger.Before,
    operation=pgtrigger.UpdateOf("reason", "parameters", "note"),  # type: ignore[no-untyped-call]
    func=f"""
        IF (OLD.reason, OLD.parameters) IS DISTINCT FROM (NEW.reason, NEW.parameters)
           OR OLD.note IS DISTINCT FROM NEW.note
              AND NOT (OLD.status = 'pending' AND NEW.status <> 'pending')
        THEN
            {refuse("request_texts_stay", "The texts of a request stay.")}
        END IF;
        RETURN NEW;
    """,
)
_TEXTS = "'{message,description,reference,metadata}'::text[]"
# Texts may be erased. Even a compromised worker cannot replace the limits, the group or the payment
# of an approved request, because erasures do not disable this trigger.
REQUEST_ASKS_THE_SAME = FirmTrigger(
    name="request_asks_the_same",
    when=pgtrigger.Before,
    operation=pgtrigger.UpdateOf("parameters"),  # type: ignore[no-untyped-call]
    func=f"""
        IF NEW.parameters - {_TEXTS} IS DISTINCT FROM OLD.parameters - {_TEXTS} THEN
            {refuse("request_asks_the_same", "What a request asks for never changes.")}
        END IF;
        RETURN NEW;
    """,
)
OF_REQUESTS: list[pgtrigger.Trigger] = [
    REQUEST_ASKS_THE_SAME,
    REQUEST_BEGINS_PENDING,
    REQUEST_IS_FOR_OTHERS,
    REQUEST_BY_ITS_AUTHOR,
    REQUEST_CHANGES_BY_DECISION,
    REQUEST_TEXTS_STAY,
    *stays(
        "request_stays",
        "requests_stay",
        "A request is never deleted.",
        "Requests are never deleted.",
        operation=pgtrigger.Delete,
    ),
]
