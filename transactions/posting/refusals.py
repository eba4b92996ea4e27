"""Converts an error of the database into a LedgerError, by the name of the violated constraint.

The message for a customer describes what happened and what to do. The message contains neither the
text of the database error nor the constraint's name. Unknown names are only logged.
"""

import logging

from django.apps import apps
from django.db import DatabaseError

from accounts import refusals
from transactions import exceptions as refused

logger = logging.getLogger(__name__)
BY_CONSTRAINT: dict[str, type[refused.LedgerError]] = {
    "transactions_pkey": refused.IdempotencyConflict,
    "positive_amount": refused.InvalidAmount,
    "amount_fits_currency": refused.InvalidAmount,
    "account_amounts_finite": refused.InvalidAmount,
    "sides_match_type": refused.SameAccount,
    "from_account_same_currency": refused.CurrencyMismatch,
    "to_account_same_currency": refused.CurrencyMismatch,
    "created_by_exists": refused.InvalidDetails,
    "account_may_move": refused.AccountNotActive,
    "balance_non_negative": refused.InsufficientFunds,
    "available_non_negative": refused.InsufficientFunds,
    "held_non_negative": refused.HoldNotPending,
    "closed_account_is_empty": refused.AccountNotActive,
    "metadata_is_object": refused.InvalidDetails,
    "metadata_within_limit": refused.InvalidDetails,
    "captures_or_reverses": refused.InvalidDetails,
    "hold_captured_once": refused.HoldNotPending,
    "capture_of_pending_hold": refused.HoldNotPending,
    "released_hold_has_reason": refused.HoldNotPending,
    "capture_within_hold": refused.InvalidAmount,
    "reversal_mirrors_original": refused.AlreadyReversed,
    "reversal_within_original": refused.AlreadyReversed,
    "sealed_period_is_closed": refused.InvalidDetails,
}
REFUSED = "The books do not accept this. Nothing was booked. Ask the bank, which has logged it."
SENTENCES = {
    "rows_continue_the_books": (
        "The books accept no entry at this moment, because a clock of the bank seems to be wrong. "
        "Nothing was booked. Try again in a few minutes."
    ),
    "account_may_move": (
        "A frozen account cannot send money. A closed account cannot send or receive money."
    ),
    "amount_fits_currency": "The amount has more decimals than its currency.",
    "sealed_period_is_closed": (
        "That day is sealed and accepts no more transactions. Use a later booking time."
    ),
    "released_hold_has_reason": (
        "This hold has not expired yet. To release the hold now, enter a reason."
    ),
    "note_by_its_author": "A reason names the person who is signed in.",
    "created_by_exists": "The person who books this is not a user of this bank.",
    "transactions_pkey": "This id has already been used for another transaction.",
    "from_account_same_currency": "Both accounts must be in the currency of the transaction.",
    "to_account_same_currency": "Both accounts must be in the currency of the transaction.",
}


def refusal_of(error: DatabaseError) -> refused.LedgerError | None:
    """Returns the LedgerError for a failed SQL statement. Returns None if the database did not
    refuse a value or a row.

    SQLSTATE class 23 means a violated constraint. Class 22 means a value that a column cannot
    store.
    """
    state = getattr(error.__cause__, "sqlstate", None) or ""
    if state == "22003":
        return refused.InvalidAmount("This is more than an account can have. Send less.")
    if state.startswith("22"):
        return refused.InvalidDetails("We cannot store one of the values. Check the metadata.")
    if not state.startswith("23"):
        return None
    if registered := refusals.refusal_of(error):
        return registered
    name = refusals.name_of_rule(error)
    kind = BY_CONSTRAINT.get(name)
    if kind is None:
        logger.error("The database refused rows of the books by the rule %s", name or "unknown")
        kind = refused.RefusedByDatabase
    return kind(sentence_of(name))


def sentence_of(name: str) -> str:
    """Returns the message for a customer whose payment violated the constraint with this name."""
    if name in SENTENCES:
        return SENTENCES[name]
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            # Django's default message contains the name of the constraint.
            if constraint.name == name and (
                constraint.violation_error_message != constraint.default_violation_error_message
            ):
                return str(constraint.violation_error_message)
    return REFUSED
