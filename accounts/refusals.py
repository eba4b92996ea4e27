"""Converts database errors to LedgerErrors. Each constraint or trigger that can refuse a row has a
registered error and message, by its name.

A feature registers its triggers on tables of other apps in its module `table_rules`.
"""

from django.db import DatabaseError

from accounts.exceptions import (
    DetailsInvalid,
    LedgerError,
    MayNotAsk,
    MayNotDecide,
    NeedsApproval,
    RequestDecided,
    ServesOwn,
)

MAY_NOT_ASK = "You may not do this, so you cannot ask another person to approve it."
REFUSALS: dict[str, tuple[type[LedgerError], str]] = {
    "needs_approval": (
        NeedsApproval,
        "This is above today's threshold, so another person must approve it. Nothing was done.",
    ),
    "group_needs_approval": (
        NeedsApproval,
        "Another person must approve this group first. Nothing was done.",
    ),
    "staff_before_groups": (
        NeedsApproval,
        "This person is in a group that needs approval. Remove the group, then request it again.",
    ),
    "staff_serve_others": (
        ServesOwn,
        "This moves your own or your household's money. A colleague has to do this.",
    ),
    "request_is_for_others": (
        ServesOwn,
        "This is for you, your household or one of your accounts. A colleague must ask for it.",
    ),
    "limits_by_stranger": (
        ServesOwn,
        "This account is yours or your household's. Only a colleague can change its limits.",
    ),
    "status_by_stranger": (
        ServesOwn,
        "This account is yours or your household's. A colleague has to do this.",
    ),
    "released_by_stranger": (
        ServesOwn,
        "This hold is on your or your household's account. Only a colleague can release it.",
    ),
    "limits_asked_by_manager": (MayNotAsk, MAY_NOT_ASK),
    "limits_asked_change": (DetailsInvalid, "Change one of the limits, then ask for approval."),
    "limits_asked_once": (
        RequestDecided,
        (
            "You have already asked for limits of this account. Withdraw your first request, or "
            "wait for the decision."
        ),
    ),
    "approval_by_another_person": (
        MayNotDecide,
        "You asked for this, so another person must decide.",
    ),
    "decided_by_manager": (MayNotDecide, "Only managers decide requests."),
    "request_by_its_author": (MayNotAsk, "Staff can ask only in their own name."),
    "limits_by_their_author": (MayNotAsk, "Staff can change limits only in their own name."),
    "status_by_its_author": (MayNotAsk, "Staff can change a status only in their own name."),
    "decided_by_its_author": (MayNotDecide, "Everybody can decide only in their own name."),
    "decided_by_stranger": (
        MayNotDecide,
        "You or your household are part of this request, so another manager must decide.",
    ),
    "asked_by_staff": (
        MayNotDecide,
        "The person who asked may no longer do this, so nobody can approve or do it.",
    ),
    "request_not_expired": (RequestDecided, "This request has expired."),
    "request_used_by_rows": (RequestDecided, "Only the approved action can use an approval."),
    "request_changes_by_decision": (RequestDecided, "This request is already decided."),
}


def register(name: str, kind: type[LedgerError], message: str) -> None:
    """Registers the error, and its message to the user, for the rule with this name."""
    REFUSALS[name] = kind, message


def name_of_rule(error: DatabaseError) -> str:
    """Returns the name of the violated constraint or trigger, or ""."""
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""


def refusal_of(error: DatabaseError) -> LedgerError | None:
    """Returns the registered LedgerError for a failed SQL statement, or None if there is none."""
    kind, message = REFUSALS.get(name_of_rule(error), (None, ""))
    return kind(message) if kind else None
