"""The triggers by which a row about limits sets the limits of its account."""

import pgtrigger

from accounts.models.approval_triggers import (
    ADD_TO_SUMS,
    APPLIES,
    OVER,
    TODAY,
    clerk_of,
    related,
    share_of,
)
from ledger.db.triggers import FirmTrigger, refuse, stays


def _raised(limit: str) -> str:
    """SQL: the share by which a limit on payments rises. Without one, nothing can rise; to remove
    one is over every threshold.
    """
    before, after = f"NEW.{limit}_before", f"NEW.{limit}"
    return f"""CASE WHEN {before} IS NULL THEN 0 WHEN {after} IS NULL THEN {OVER}
        ELSE {share_of(f"greatest({after} - {before}, 0)", "held.currency")} END"""


_OVERDRAFT = "greatest(NEW.overdraft_limit - NEW.overdraft_limit_before, 0)"
RAISED = f"""{share_of(_OVERDRAFT, "held.currency")}
    + {_raised("transfer_limit")} + {_raised("daily_limit")}"""

# See Note [Four eyes]. A row sets the limits: the web role has no right to those columns.
LIMIT_CHANGE_IS_ALLOWED = FirmTrigger(
    name="limit_change_is_allowed",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    definer=True,
    declare=[("held", "accounts%ROWTYPE"), ("raised", "numeric")],
    func=f"""
        SELECT * INTO held FROM accounts WHERE id = NEW.account_id FOR NO KEY UPDATE;
        NEW.overdraft_limit_before := held.overdraft_limit;
        NEW.transfer_limit_before := held.transfer_limit;
        NEW.daily_limit_before := held.daily_limit;
        NEW.created_at := CASE WHEN NEW.created_at IS NOT NULL THEN clock_timestamp() END;
        IF NOT {APPLIES} THEN
            RETURN NEW;
        END IF;
        IF {related("NEW.changed_by_id", "NEW.account_id")} THEN
            {refuse("limits_by_stranger", "Staff do not change limits of their household.")}
        END IF;
        UPDATE approval_requests SET status = 'done', used_at = clock_timestamp(),
               used_amount = amount
        WHERE transaction_id = NEW.id AND kind = 'limits' AND status = 'approved'
          AND expires_at > clock_timestamp() AND from_account_id = NEW.account_id
          AND requested_by_id = NEW.changed_by_id
          AND (parameters->>'overdraft_limit')::numeric = NEW.overdraft_limit
          AND (parameters->>'transfer_limit')::numeric IS NOT DISTINCT FROM NEW.transfer_limit
          AND (parameters->>'daily_limit')::numeric IS NOT DISTINCT FROM NEW.daily_limit;
        raised := {RAISED};
        IF NOT FOUND AND raised > 0 THEN
            INSERT INTO staff_sums (key, share) VALUES
                ({TODAY} || ' limits account ' || NEW.account_id, raised),
                ({TODAY} || ' limits clerk ' || {clerk_of("NEW.changed_by_id")}, raised)
            {ADD_TO_SUMS};
        END IF;
        RETURN NEW;
    """,
)
LIMITS_FOLLOW_CHANGES = FirmTrigger(
    name="limits_follow_changes",
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    definer=True,
    func="""
        UPDATE accounts SET overdraft_limit = NEW.overdraft_limit,
               transfer_limit = NEW.transfer_limit, daily_limit = NEW.daily_limit
        WHERE id = NEW.account_id;
        RETURN NULL;
    """,
)

ALL = [
    LIMIT_CHANGE_IS_ALLOWED,
    LIMITS_FOLLOW_CHANGES,
    *stays("limit_change_stays", "limit_changes_stay", "A change of limits stays as it is."),
]
