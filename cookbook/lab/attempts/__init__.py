"""An attempt to break each rule of the books: see `cookbook.lab.attempt_runner`."""

from cookbook.lab.attempts import (
    accounts,
    alerts,
    approvals,
    attachments,
    categories,
    files,
    history,
    monthly_statements,
    outside,
    payees,
    people,
    reconciliation,
    reports,
    rights,
    seals,
    standing_orders,
    tokens,
    transactions,
    words,
)
from cookbook.lab.attempts.attempt import Attempt, ValidRow

__all__ = ["ATTEMPTS", "AT_THE_FIRST_WALL", "ROWS", "Attempt"]

_ALL: tuple[Attempt, ...] = (
    *transactions.ATTEMPTS,
    *accounts.ATTEMPTS,
    *words.ATTEMPTS,
    *seals.ATTEMPTS,
    *files.ATTEMPTS,
    *people.ATTEMPTS,
    *tokens.ATTEMPTS,
    *history.ATTEMPTS,
    *approvals.ATTEMPTS,
    *reports.ATTEMPTS,
    *payees.ATTEMPTS,
    *categories.ATTEMPTS,
    *attachments.ATTEMPTS,
    *standing_orders.ATTEMPTS,
    *alerts.ATTEMPTS,
    *monthly_statements.ATTEMPTS,
    *outside.ATTEMPTS,
    *reconciliation.ATTEMPTS,
)
_TABLES = list(dict.fromkeys(attempt.table for attempt in _ALL))
# Those of a table stand together.
ATTEMPTS: tuple[Attempt, ...] = tuple(sorted(_ALL, key=lambda each: _TABLES.index(each.table)))
WITHOUT_THE_RIGHT: tuple[Attempt, ...] = tuple(rights.ATTEMPTS)
# The rows that tables take as they are, which the attempts change one thing in.
ROWS: tuple[ValidRow, ...] = (
    *accounts.ROWS,
    *transactions.ROWS,
    *words.ROWS,
    *seals.ROWS,
    *files.ROWS,
    *people.ROWS,
    *tokens.ROWS,
    *history.ROWS,
    *reports.ROWS,
    *payees.ROWS,
    *categories.ROWS,
    *attachments.ROWS,
    *standing_orders.ROWS,
    *alerts.ROWS,
    *monthly_statements.ROWS,
    *outside.ROWS,
    *reconciliation.ROWS,
)
