"""Triggers of the table limit_changes. A new row sets the limits of its account."""

from collections.abc import Callable

import pgtrigger

from accounts.models.account import LIMITS
from accounts.models.approval_triggers import (
    ADD_TO_SUMS,
    APPLIES,
    MAY_STILL_ASK,
    OVER,
    TODAY,
    clerk_of,
    related,
    share_of,
)
from accounts.models.author_triggers import by_its_author
from ledger.db.history.register import EMPTIED, registered
from ledger.db.triggers import FirmTrigger, refuse, stays

# A function with two arguments: the SQL of an amount, and the SQL of its currency. It returns the
# SQL of the amount as a fraction of the threshold.
Share = Callable[[str, str], str]


def _raised(row: str, limit: str, share: Share) -> str:
    """Returns the SQL expression for the increase of a payment limit, as a fraction of the
    threshold. Removing a limit counts as OVER. Setting a limit where there was none counts as 0.
    """
    before, after = f"{row}.{limit}_before", f"{row}.{limit}"
    return f"""CASE WHEN {before} IS NULL THEN 0 WHEN {after} IS NULL THEN {OVER}
        ELSE {share(f"greatest({after} - {before}, 0)", "held.currency")} END"""


def raised_by(row: str, share: Share = share_of) -> str:
    """Returns the SQL expression for the total increase of the limits in a row, as a fraction of
    the threshold. In this SQL, `held` is the row of the account. If the new overdraft limit is
    above the threshold, the increase counts as OVER. Otherwise many small increases would need no
    approval.
    """
    before, after = f"{row}.overdraft_limit_before", f"{row}.overdraft_limit"
    overdraft = f"""CASE WHEN {after} <= {before} THEN 0
        WHEN {share(after, "held.currency")} > 1 THEN {OVER}
        ELSE {share(f"({after} - {before})", "held.currency")} END"""
    limits = [_raised(row, limit, share) for limit in ("transfer_limit", "daily_limit")]
    return " + ".join([overdraft, *limits])


def _as_asked(row: str, limit: str) -> str:
    """Returns the SQL condition that a row changes a limit as requested: from the value at the time
    of the request to the requested value. A limit that is not in the request must not change.
    """
    now, before = f"{row}.{limit}", f"{row}.{limit}_before"
    return f"""CASE WHEN parameters ? '{limit}' THEN
            (parameters->>'{limit}')::numeric IS NOT DISTINCT FROM {now}
            AND (parameters->'before'->>'{limit}')::numeric IS NOT DISTINCT FROM {before}
          ELSE {now} IS NOT DISTINCT FROM {before} END"""


def same_limits(row: str) -> str:
    """Returns the SQL condition that a request of `approval_requests` requests this change: the
    same account and author, and the same limits before and after.
    """
    return f"""transaction_id = {row}.id AND kind = 'limits'
          AND from_account_id = {row}.account_id AND requested_by_id = {row}.changed_by_id
          AND {_as_asked(row, "overdraft_limit")}
          AND {_as_asked(row, "transfer_limit")}
          AND {_as_asked(row, "daily_limit")}"""


# See Note [Four eyes]. Limits are set by inserting a row, because the web role has no right to
# update the columns of the limits.
LIMIT_CHANGE_IS_ALLOWED = FirmTrigger(
    name="limit_change_is_allowed",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    definer=True,
    declare=[("held", "accounts%ROWTYPE")],
    func=f"""
        SELECT * INTO held FROM accounts WHERE id = NEW.account_id FOR NO KEY UPDATE;
        NEW.overdraft_limit_before := held.overdraft_limit;
        NEW.transfer_limit_before := held.transfer_limit;
        NEW.daily_limit_before := held.daily_limit;
        NEW.created_at := CASE WHEN NEW.created_at IS NOT NULL THEN clock_timestamp() END;
        IF {APPLIES} AND {related("NEW.changed_by_id", "NEW.account_id")} THEN
            {refuse("limits_by_stranger", "Staff do not change limits of their household.")}
        END IF;
        RETURN NEW;
    """,
)
# Runs after the row is written, because a row that ON CONFLICT skips must not change anything.
LIMITS_FOLLOW_CHANGES = FirmTrigger(
    name="limits_follow_changes",
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    definer=True,
    declare=[("held", "accounts%ROWTYPE"), ("raised", "numeric")],
    func=f"""
        IF {APPLIES} THEN
            SELECT * INTO held FROM accounts WHERE id = NEW.account_id;
            raised := {raised_by("NEW")};
            UPDATE approval_requests SET status = 'done', used_at = clock_timestamp(),
                   used_amount = amount
            WHERE status = 'approved' AND expires_at > clock_timestamp() AND {same_limits("NEW")};
            IF NOT FOUND AND raised > 0 THEN
                INSERT INTO staff_sums (key, share) VALUES
                    ({TODAY} || ' limits account ' || NEW.account_id, raised),
                    ({TODAY} || ' limits clerk ' || {clerk_of("NEW.changed_by_id")}, raised)
                {ADD_TO_SUMS};
            END IF;
        END IF;
        UPDATE accounts SET overdraft_limit = NEW.overdraft_limit,
               transfer_limit = NEW.transfer_limit, daily_limit = NEW.daily_limit
        WHERE id = NEW.account_id;
        RETURN NULL;
    """,
)

_CHANGES_ONE = " OR ".join(
    f"""NEW.parameters ? '{limit}' AND (NEW.parameters->>'{limit}')::numeric
        IS DISTINCT FROM (NEW.parameters->'before'->>'{limit}')::numeric"""
    for limit in LIMITS
)
# Locks the account, so that the second of two parallel requests finds the first request. With an
# older snapshot, the second transaction would not find it. Therefore only the isolation level "read
# committed" is accepted.
REQUEST_FOR_LIMITS = FirmTrigger(
    name="request_for_limits",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    condition=pgtrigger.Condition("NEW.kind = 'limits'"),
    definer=True,
    func=f"""
        IF NOT {MAY_STILL_ASK} THEN
            {refuse("limits_asked_by_manager", "Only who may change limits asks for them.")}
        END IF;
        IF ({_CHANGES_ONE}) IS NOT TRUE THEN
            {refuse("limits_asked_change", "A request for limits changes one at least.")}
        END IF;
        PERFORM FROM accounts WHERE id = NEW.from_account_id FOR NO KEY UPDATE;
        IF current_setting('transaction_isolation') <> 'read committed' OR EXISTS (
            SELECT FROM approval_requests
            WHERE kind = 'limits' AND status = 'pending' AND expires_at > clock_timestamp()
              AND from_account_id = NEW.from_account_id
              AND requested_by_id = NEW.requested_by_id
        ) THEN
            {refuse("limits_asked_once", "One request for limits of an account waits at a time.")}
        END IF;
        RETURN NEW;
    """,
)

# The author of an approved change is the requester. The signed-in person is often another person:
# the manager who approved the request.
LIMITS_BY_THEIR_AUTHOR = by_its_author(
    "limits_by_their_author",
    "changed_by_id",
    "A change of limits names the person who is signed in.",
    unless="""EXISTS (
        SELECT FROM approval_requests AS request
        WHERE request.transaction_id = added.id AND request.kind = 'limits'
          AND request.requested_by_id = added.changed_by_id AND request.status = 'done'
          AND request.reason = added.reason)""",
)

ALL = [
    LIMIT_CHANGE_IS_ALLOWED,
    LIMITS_BY_THEIR_AUTHOR,
    LIMITS_FOLLOW_CHANGES,
    *registered(erased={"reason": EMPTIED}),
    *stays("limit_change_stays", "limit_changes_stay", "A change of limits stays as it is."),
]
