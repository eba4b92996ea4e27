"""Attempts to insert wrong transactions, and to change or delete existing transactions."""

from cookbook.lab.attempts.attempt import FOREIGN_KEY, UNIQUE, Attempt, ValidRow
from cookbook.lab.attempts.seals import SEAL

PAYMENT = ValidRow(
    "transactions",
    "a payment",
    {
        "id": "gen_random_uuid()",
        "from_account_id": "ana.id",
        "to_account_id": "mara.id",
        "amount": "100",
        "currency": "'USD'",
        "type": "'transfer'",
        "status": "'completed'",
        "description": "'Rent'",
        "reference": "''",
        "metadata": "'{}'",
        "created_at": "clock_timestamp()",
        "value_date": "CURRENT_DATE",
        "from_balance": "ana.balance - 100",
        "to_balance": "mara.balance + 100",
        "captures_id": "NULL",
        "reverses_id": "NULL",
        "expires_at": "NULL",
        "created_by_id": "NULL",
    },
    ("ana", "mara"),
    nullable=frozenset(
        "from_account_id to_account_id from_balance to_balance captures_id reverses_id expires_at"
        " created_by_id".split()
    ),
)
WITHDRAWAL = ValidRow(
    "transactions",
    "a withdrawal",
    {**PAYMENT.values, "to_account_id": "NULL", "type": "'withdrawal'", "to_balance": "NULL"},
    ("ana",),
)
HOLD = ValidRow(
    "transactions",
    "a hold",
    {**WITHDRAWAL.values, "status": "'pending'", "from_balance": "NULL"},
    ("ana",),
)
CAPTURE = ValidRow(
    "transactions",
    "a capture",
    {
        **WITHDRAWAL.values,
        "from_account_id": "hold.from_account_id",
        "amount": "1",
        "currency": "hold.currency",
        "from_balance": "travel.balance - 1",
        "captures_id": "hold.id",
    },
    ("hold", "travel"),
)
REFUND = ValidRow(
    "transactions",
    "a refund",
    {
        **PAYMENT.values,
        "from_account_id": "NULL",
        "to_account_id": "ana.id",
        "amount": "paid.amount",
        "type": "'deposit'",
        "from_balance": "NULL",
        "to_balance": "ana.balance + paid.amount",
        "reverses_id": "paid.id",
    },
    ("ana", "paid"),
)
ROWS = (PAYMENT, WITHDRAWAL, HOLD, CAPTURE, REFUND)

ATTEMPTS: list[Attempt] = [
    PAYMENT.attempt(
        "positive_amount",
        "Insert a payment with a negative amount",
        amount="-100",
        from_balance="ana.balance + 100",
        to_balance="mara.balance - 100",
    ),
    PAYMENT.attempt(
        "rows_continue_the_books",
        "Insert a payment of 100 that adds 200 to the recipient",
        to_balance="mara.balance + 200",
    ),
    PAYMENT.attempt(
        "balances_when_completed",
        "Insert a completed payment without the recipient's balance",
        to_balance="NULL",
    ),
    PAYMENT.attempt(
        "amount_fits_currency",
        "Insert an amount with a tenth of a cent",
        amount="99.999",
        from_balance="ana.balance - 99.999",
        to_balance="mara.balance + 99.999",
    ),
    PAYMENT.attempt(
        "sides_match_type",
        "Insert a transfer from an account to itself",
        to_account_id="ana.id",
        to_balance="ana.balance + 100",
    ),
    PAYMENT.but("travel").attempt(
        "to_account_same_currency",
        "Insert a transfer from a dollar account to a euro account",
        FOREIGN_KEY,
        to_account_id="travel.id",
        to_balance="travel.balance + 100",
    ),
    PAYMENT.but("travel").attempt(
        "from_account_same_currency",
        "Insert a payment in euros out of a dollar account",
        FOREIGN_KEY,
        to_account_id="travel.id",
        currency="'EUR'",
        to_balance="travel.balance + 100",
    ),
    WITHDRAWAL.but("frozen").attempt(
        "account_may_move",
        "Insert a payment out of a frozen account",
        from_account_id="frozen.id",
        currency="frozen.currency",
        from_balance="frozen.balance - 100",
    ),
    PAYMENT.attempt(
        "transaction_status_valid",
        "Insert a payment with an unknown status",
        status="'maybe'",
        from_balance="NULL",
        to_balance="NULL",
    ),
    PAYMENT.attempt(
        "transaction_values_finite",
        "Insert a payment with an infinite booking time",
        created_at="'infinity'",
    ),
    PAYMENT.attempt(
        "only_holds_expire",
        "Insert a completed payment that expires",
        expires_at="clock_timestamp() + interval '1 day'",
    ),
    PAYMENT.attempt("metadata_is_object", "Insert metadata that is a list", metadata="'[1, 2]'"),
    PAYMENT.attempt(
        "metadata_within_limit",
        "Insert metadata above 16 KiB",
        metadata="jsonb_build_object('note', repeat('pay me ', 3000))",
    ),
    PAYMENT.but("paid").attempt(
        "transactions_pkey", "Insert a second payment with the same id", UNIQUE, id="paid.id"
    ),
    PAYMENT.attempt(
        "created_by_exists",
        "Insert a payment booked by an unknown user",
        FOREIGN_KEY,
        created_by_id="gen_random_uuid()",
    ),
    HOLD.attempt(
        "hold_begins_pending", "Insert a hold that begins as captured", status="'captured'"
    ),
    CAPTURE.attempt(
        "capture_within_hold",
        "Capture more than the hold",
        amount="hold.amount + 1",
        from_balance="travel.balance - hold.amount - 1",
    ),
    CAPTURE.attempt(
        "capture_of_pending_hold",
        "Capture a hold that was released",
        captures_id="(SELECT id FROM transactions WHERE status = 'voided' LIMIT 1)",
    ),
    CAPTURE.but("twice").attempt(
        "hold_captured_once",
        "Capture a hold twice in one statement",
        UNIQUE,
        captures_id="hold.id",
    ),
    CAPTURE.attempt(
        "captures_or_reverses",
        "Capture a hold and reverse a deposit with one row",
        reverses_id="""(
        SELECT id FROM transactions
        WHERE to_account_id = hold.from_account_id AND type = 'deposit'
          AND status = 'completed' AND reverses_id IS NULL
        ORDER BY amount DESC LIMIT 1
    )""",
    ),
    CAPTURE.attempt(
        "captured_hold_exists",
        "Capture a hold that does not exist",
        FOREIGN_KEY,
        captures_id="gen_random_uuid()",
    ).checked_after(
        "capture_of_pending_hold",
        "The trigger capture_of_pending_hold first looks for the hold, and finds none.",
    ),
    Attempt(
        "transactions",
        "captured_hold_has_capture",
        "Set a hold to captured without a capture",
        "UPDATE transactions SET status = 'captured' WHERE status = 'pending'",
    ),
    Attempt(
        "transactions",
        "released_hold_has_reason",
        "Release a hold before it expires, without a reason",
        "UPDATE transactions SET status = 'voided'\n"
        "WHERE status = 'pending' AND expires_at IS NULL",
        given=(HOLD.insert,),
    ),
    REFUND.attempt(
        "reversal_within_original",
        "Refund more than the original payment",
        amount="paid.amount * 2",
        to_balance="ana.balance + paid.amount * 2",
    ),
    REFUND.but("savings").attempt(
        "reversal_mirrors_original",
        "Send a refund to another account",
        to_account_id="savings.id",
        to_balance="savings.balance + paid.amount",
    ),
    REFUND.attempt(
        "reversed_original_exists",
        "Refund a payment that does not exist",
        FOREIGN_KEY,
        reverses_id="gen_random_uuid()",
    ).checked_after(
        "reversal_mirrors_original",
        "The trigger reversal_mirrors_original first looks for the original, and finds none.",
    ),
    Attempt(
        "transactions",
        "posted_row_is_final",
        "Change the amount of a posted transaction",
        "UPDATE transactions SET amount = 0.01, from_balance = from_balance + amount - 0.01\n"
        "WHERE description LIKE 'Rent%' AND status = 'completed'",
    ),
    Attempt(
        "transactions",
        "posted_row_stays",
        "Delete the newest transaction",
        "DELETE FROM transactions\nWHERE created_at = (SELECT max(created_at) FROM transactions)",
    ),
    Attempt(
        "transactions",
        "posted_rows_stay",
        "Truncate the transactions table",
        "TRUNCATE transactions CASCADE",
    ),
    Attempt(
        "transactions",
        "sealed_period_is_closed",
        "Insert a payment into a sealed day",
        WITHDRAWAL.but(created_at="'2026-06-30 23:59:59+00'").insert,
        given=(SEAL.insert,),
    ),
    Attempt(
        "transactions",
        "old_row_reads_committed",
        "Insert an old payment under REPEATABLE READ, which cannot see new seals",
        WITHDRAWAL.but(created_at="'2026-06-30 23:59:59+00'").insert,
        isolation="REPEATABLE READ",
    ),
    *PAYMENT.left_out(),
]
